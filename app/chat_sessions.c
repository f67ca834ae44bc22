// The command /sessions.
#include "app/chat_impl.h"
#include "app/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LISTED = 30 };

typedef struct listing {
    const chat *chat;
    buf out;
    int n;
    bool is_search;
} listing;

static void put_excerpt(const char *excerpt, buf *out) {
    buf_puts(out, "        ");
    for (const char *s = excerpt; *s; s++)
        if (*s != '\2' && *s != '\3') buf_putc(out, *s == '\n' ? ' ' : *s);
    buf_putc(out, '\n');
}

static void list_one(void *arg, const store_row *r) {
    listing *l = arg;
    char when[32];
    if (++l->n > MOST_LISTED) return;
    buf_printf(&l->out, "%s%5lld  %s  %s (%d)\n", r->id == l->chat->session.id ? "*" : " ", (long long)r->id,
               session_when(r->changed, when), r->title, r->n_messages);
    if (l->is_search && *r->excerpt) put_excerpt(r->excerpt, &l->out);
}

static unsigned show(chat *c, listing *l, const char *none, const char *advice) {
    if (l->n > MOST_LISTED)
        buf_printf(&l->out, "  and %d more; /sessions search WORDS finds them\n", l->n - MOST_LISTED);
    unsigned flags = l->n ? chat_note(c, false, "%s%s", l->out.data, advice) : chat_note(c, false, "%s", none);
    buf_free(&l->out);
    return flags;
}

static unsigned run_list(chat *c, const char *args) {
    (void)args;
    error err = {{0}};
    listing l = {.chat = c};
    if (store_list(c->store, list_one, &l, &err) != 0) return chat_note(c, true, "%s", err.text);
    return show(c, &l, "No conversations yet: one begins with its first message.",
                "/sessions open N goes on with one, /sessions help tells more.");
}

static unsigned run_search(chat *c, const char *args) {
    error err = {{0}};
    listing l = {.chat = c, .is_search = true};
    if (store_search(c->store, args, list_one, &l, &err) != 0) return chat_note(c, true, "%s", err.text);
    return show(c, &l, "Nothing was found.", "/sessions open N goes on with one.");
}

// The session that args names, which is a number, a title or its beginning; 0 after a note.
static int64_t find(chat *c, const char *args, unsigned *flags) {
    error err = {{0}};
    int64_t id = store_find(c->store, args, &err);
    if (id < 0) *flags |= chat_note(c, true, "%s", err.text);
    if (id == 0) *flags |= chat_note(c, true, "there is no conversation %s; /sessions lists them", args);
    return id > 0 ? id : 0;
}

static unsigned run_open(chat *c, const char *args) {
    unsigned flags = 0;
    int64_t id = find(c, args, &flags);
    return id ? chat_session_open(c, id) : flags;
}

static unsigned run_new(chat *c, const char *args) {
    return chat_session_new(c, *args ? args : NULL);
}

// "7 Title" renames conversation 7; "Title", and a number alone, the open one.
static unsigned run_rename(chat *c, const char *args) {
    char *end;
    long long id = strtoll(args, &end, 10);
    if (end == args || *end != ' ' || id <= 0) return chat_session_rename(c, 0, args);
    return chat_session_rename(c, id, end + strspn(end, " "));
}

static unsigned run_delete(chat *c, const char *args) {
    unsigned flags = 0;
    int64_t id = *args ? find(c, args, &flags) : c->session.id;
    if (id == 0) return flags ? flags : chat_note(c, true, "nothing of this conversation is stored yet");
    session s;
    error err = {{0}};
    if (store_may_remove(c->store, id, &err) != 0 || store_load(c->store, id, &s, &err) != 0)
        return chat_note(c, true, "%s", err.text);
    flags = chat_note(c, false, "Remove conversation %lld, \"%s\" (%d messages), for good? Type y or n.", (long long)id,
                      s.title, (int)s.n_messages);
    c->question = QUESTION_REMOVE;
    c->question_session = id;
    session_free(&s);
    return flags;
}

static unsigned run_help(chat *c, const char *args);

static const struct {
    const char *name, *args, *help;
    bool wants_args;
    unsigned (*run)(chat *c, const char *args);
} verbs[] = {
    {"list", "", "all conversations, the newest first", false, run_list},
    {"open", "N|TITLE", "go on with one", true, run_open},
    {"new", "[TITLE]", "begin one", false, run_new},
    {"search", "WORDS", "those in which all the words were said", true, run_search},
    {"rename", "[N] TITLE", "give this one, or number N, a title", true, run_rename},
    {"delete", "[N|TITLE]", "remove this one, or another, for good; asks first", false, run_delete},
    {"export", "FILE", "write this one to a file: .md, .txt or .json", true, chat_save},
    {"help", "", "this list", false, run_help},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static unsigned run_help(chat *c, const char *args) {
    (void)args;
    buf out = {0};
    for (size_t i = 0; i < N_VERBS; i++) {
        char usage[64];
        snprintf(usage, sizeof usage, "/sessions %s %s", verbs[i].name, verbs[i].args);
        buf_printf(&out, "%-28s %s\n", usage, verbs[i].help);
    }
    unsigned flags = chat_note(c, false, "%s", out.data);
    buf_free(&out);
    return flags;
}

static unsigned unknown_verb(chat *c, const char *name) {
    const char *names[N_VERBS + 1] = {NULL};
    for (size_t i = 0; i < N_VERBS; i++) names[i] = verbs[i].name;
    const char *near = options_nearest(name, names);
    if (near) return chat_note(c, true, "/sessions has no \"%s\"; did you mean %s?", name, near);
    return chat_note(c, true, "/sessions has no \"%s\"; /sessions help tells what it has", name);
}

unsigned chat_sessions(chat *c, const char *args) {
    size_t n = strcspn(args, " \t");
    char *name = n ? mem_strndup(args, n) : mem_strdup("list");
    const char *rest = args + n + strspn(args + n, " \t");
    size_t i = 0;
    while (i < N_VERBS && strcmp(verbs[i].name, name) != 0) i++;
    unsigned flags;
    if (i == N_VERBS)
        flags = unknown_verb(c, name);
    else if (!c->store && verbs[i].run != chat_save && verbs[i].run != run_help && verbs[i].run != run_new)
        flags = chat_note(c, true, "conversations are not kept here");
    else if (verbs[i].wants_args && !*rest)
        flags = chat_note(c, true, "/sessions %s wants %s", name, verbs[i].args);
    else
        flags = verbs[i].run(c, rest);
    free(name);
    return flags;
}

void chat_sessions_complete(const char *word, size_t n, buf *out) {
    for (size_t i = 0; i < N_VERBS; i++)
        if (strncmp(verbs[i].name, word, n) == 0) buf_printf(out, "%s\n", verbs[i].name);
}
