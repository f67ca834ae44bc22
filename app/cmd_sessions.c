// doppel sessions: the conversations that are kept: listed, searched, shown, exported, renamed, removed.
#include "app/clean.h"
#include "app/commands.h"
#include "app/kvstore.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/report.h"
#include "app/session_export.h"
#include "app/store.h"
#include "model/file/outfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const option_help help = {
    .usage = "sessions [list | search WORDS | show NAME | export NAME | rename NAME TITLE | rm NAME] [options]",
    .about =
        "The conversations that are kept: `list` names them, the newest first (so does no word at all), `search` those\n"
        "in which all the words were said, `show` prints one, `export` writes one for other programs, `rename` gives\n"
        "it a title, `rm` removes it for good. NAME is the number that the list shows, a title, or the beginning of\n"
        "one. `doppel chat --session NAME` goes on with one.",
    .more = "With --json, list and search print one line for each:\n"
            "{\"id\":1,\"title\":\"...\",\"created\":\"...\",\"changed\":\"...\",\"messages\":2,\n"
            " \"model\":\"...\",\"process\":null,\"excerpt\":\"...\"}\n"
            "where process is the number of a doppel that has it open; show and export print what --format json does:\n"
            "every message, alternatives and settings included.",
    .takes = OPTIONS_JSON,
    .max_args = -1,
};

typedef struct work {
    options common;
    bool yes;
    const char *format, *to;
    store *store;
    bool is_search;
    int n; // sessions listed
} work;

// As it may be printed: one line.
static const char *shown(error *e, const char *s) {
    error_set(e, "%s", s);
    return e->text;
}

// ---- list, search

static void put_time(const char *name, int64_t time, buf *out) {
    char text[32] = "";
    time_t t = (time_t)time;
    struct tm local;
    if (localtime_r(&t, &local)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local);
    buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static void put_text(const char *name, const char *text, buf *out) {
    buf_printf(out, ",\"%s\":", name);
    buf_json_string(out, text, strlen(text));
}

// Without the marks around what was found.
static char *plain_excerpt(const char *s) {
    buf out = {0};
    for (; *s; s++)
        if (*s != '\2' && *s != '\3') buf_putc(&out, *s == '\n' ? ' ' : *s);
    return buf_take(&out);
}

static void print_json(const work *w, const store_row *r) {
    buf out = {0};
    char *excerpt = plain_excerpt(r->excerpt);
    pid_t owner = store_owner(w->store, r->id);
    buf_printf(&out, "{\"id\":%lld", (long long)r->id);
    put_text("title", r->title, &out);
    put_time("created", r->created, &out);
    put_time("changed", r->changed, &out);
    buf_printf(&out, ",\"messages\":%d", r->n_messages);
    put_text("model", r->model, &out);
    if (owner)
        buf_printf(&out, ",\"process\":%ld", (long)owner);
    else
        buf_puts(&out, ",\"process\":null");
    if (w->is_search) put_text("excerpt", excerpt, &out);
    buf_puts(&out, "}\n");
    fwrite(out.data, 1, out.len, stdout);
    free(excerpt);
    buf_free(&out);
}

static void print_row(void *arg, const store_row *r) {
    work *w = arg;
    error e;
    char when[32];
    w->n++;
    if (w->common.json) {
        print_json(w, r);
        return;
    }
    printf("%5lld  %s  %s (%d)%s\n", (long long)r->id, session_when(r->changed, when), shown(&e, r->title),
           r->n_messages, store_owner(w->store, r->id) ? "  open" : "");
    if (!*r->excerpt) return;
    char *excerpt = plain_excerpt(r->excerpt);
    printf("       %s\n", shown(&e, excerpt));
    free(excerpt);
}

static int list(work *w, const char *words) {
    error err;
    w->is_search = words != NULL;
    int failed = words ? store_search(w->store, words, print_row, w, &err) : store_list(w->store, print_row, w, &err);
    if (failed) return report_error(&err);
    if (w->n == 0 && !w->common.json && !w->common.quiet)
        printf(words ? "Nothing was found.\n" : "No conversations yet: one begins with its first message.\n");
    return EXIT_DONE;
}

// ---- show, export

static int write_to(const char *path, const buf *text) {
    error err;
    if (outfile_replace(path, buf_str(text), text->len, &err) != 0) return report_error(&err);
    return EXIT_DONE;
}

static void print(const buf *text) {
    buf clean = {0};
    // On a terminal nothing of a model's may steer it; elsewhere the text is what it is.
    if (isatty(STDOUT_FILENO))
        clean_text(buf_str(text), text->len, &clean);
    else
        buf_append(&clean, buf_str(text), text->len);
    fwrite(clean.data, 1, clean.len, stdout);
    buf_free(&clean);
}

static int put_out(const work *w, int64_t id, session_format format) {
    error err;
    session s;
    buf text = {0};
    if (store_load(w->store, id, &s, &err) != 0) return report_error(&err);
    session_write(&s, format, &text);
    session_free(&s);
    int code = EXIT_DONE;
    if (w->to && strcmp(w->to, "-") != 0)
        code = write_to(w->to, &text);
    else
        print(&text);
    buf_free(&text);
    return code;
}

static int choose_format(const work *w, session_format usual, session_format *out) {
    *out = w->common.json ? SESSION_JSON : w->to ? session_format_of(w->to) : usual;
    if (!w->format || session_format_named(w->format, out)) return 0;
    return report_usage("--format %s: is none of md, txt and json", w->format);
}

// ---- rename, rm

static int rename_one(const work *w, int64_t id, const char *title) {
    error err;
    char *line = session_title(title);
    int code = EXIT_DONE;
    if (!*line)
        code = report_usage("a title needs a letter or two");
    else if (store_rename(w->store, id, line, &err) != 0)
        code = report_error(&err);
    free(line);
    return code;
}

static bool confirmed(const work *w, int64_t id) {
    session s;
    error e;
    char answer[16] = "";
    if (store_load(w->store, id, &s, &e) != 0) return true; // removing it tells what is wrong
    fprintf(stderr, "Remove conversation %lld, \"%s\" (%zu messages), for good? [y/N] ", (long long)id,
            shown(&e, s.title), s.n_messages);
    session_free(&s);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int rm(const work *w, int64_t id, const char *name) {
    error err;
    if (!w->yes && !isatty(STDIN_FILENO))
        return report_failure("%s: nobody is there to ask; give -y to remove it", name);
    if (!w->yes && !confirmed(w, id)) return report_failure("%s: kept", name);
    if (store_remove(w->store, id, &err) != 0) return report_error(&err);
    buf dir = {0};
    char state[32];
    snprintf(state, sizeof state, "c%lld", (long long)id);
    if (paths_data("kv", &dir, NULL) == 0) kvstore_forget(&(kvstore){.dir = dir.data, .cap = 1}, state);
    buf_free(&dir);
    if (!w->common.quiet && !w->common.json) printf("Removed conversation %lld\n", (long long)id);
    return EXIT_DONE;
}

// ---- the words

typedef struct verb {
    const char *name, *wants;
    int min_args, max_args; // after it; -1: any number
} verb;

static const verb verbs[] = {
    {"list", "", 0, 0},
    {"search", "words", 1, -1},
    {"show", "a name", 1, 1},
    {"export", "a name", 1, 1},
    {"rename", "a name and a title", 2, -1},
    {"rm", "a name", 1, 1},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static const verb *find_verb(const char *name) {
    const char *names[N_VERBS + 1] = {NULL};
    for (size_t i = 0; i < N_VERBS; i++) {
        names[i] = verbs[i].name;
        if (strcmp(name, verbs[i].name) == 0) return &verbs[i];
    }
    if (strcmp(name, "ls") == 0) return &verbs[0];
    const char *near = options_nearest(name, names);
    report_usage("sessions has no \"%s\"; %s%s", name, near ? "is it " : "`doppel sessions -h` tells what it has",
                 near ? near : "");
    return NULL;
}

static char *join(const char *const *words) {
    buf out = {0};
    for (int i = 0; words[i]; i++) buf_printf(&out, "%s%s", i ? " " : "", words[i]);
    return buf_take(&out);
}

static int act_on(const work *w, const verb *v, const char *name, const char *const *rest) {
    error err;
    session_format format;
    int64_t id = store_find(w->store, name, &err);
    if (id < 0) return report_error(&err);
    if (id == 0) return report_failure("%s: there is no such conversation; `doppel sessions` lists them", name);
    if (strcmp(v->name, "rm") == 0) return rm(w, id, name);
    if (strcmp(v->name, "rename") == 0) {
        char *title = join(rest);
        int code = rename_one(w, id, title);
        free(title);
        return code;
    }
    session_format usual = strcmp(v->name, "show") == 0 ? SESSION_TEXT : SESSION_MARKDOWN;
    int code = choose_format(w, usual, &format);
    return code ? code : put_out(w, id, format);
}

static int act(work *w, const verb *v) {
    const char *const *args = w->common.args + (w->common.n_args > 0);
    if (strcmp(v->name, "list") == 0) return list(w, NULL);
    if (strcmp(v->name, "search") != 0) return act_on(w, v, args[0], args + 1);
    char *words = join(args);
    int code = list(w, words);
    free(words);
    return code;
}

static bool has_right_words(const work *w, const verb *v) {
    int n = w->common.n_args > 0 ? w->common.n_args - 1 : 0;
    if (n < v->min_args)
        report_usage("sessions %s wants %s", v->name, v->wants);
    else if (v->max_args >= 0 && n > v->max_args)
        report_usage("sessions %s: \"%s\" is a word too many", v->name, w->common.args[1 + v->max_args]);
    else
        return true;
    return false;
}

// Nothing is made where there is nothing.
static int with_nothing(const work *w, const verb *v) {
    static const char *const text = "no conversations yet: one begins with its first message";
    if (v->min_args > 0) return report_failure("%s", text);
    if (!w->common.json && !w->common.quiet) printf("doppel: %s\n", text);
    return EXIT_DONE;
}

static int run(work *w) {
    const verb *v = find_verb(w->common.n_args ? w->common.args[0] : "list");
    if (!v || !has_right_words(w, v)) return EXIT_USAGE;
    error err;
    buf path = {0}, note = {0};
    int code;
    if (paths_data("doppel.db", &path, &err) != 0)
        code = report_error(&err);
    else if (access(path.data, F_OK) != 0)
        code = with_nothing(w, v);
    else if (!(w->store = store_open(path.data, &note, &err)))
        code = report_error(&err);
    else
        code = act(w, v);
    if (note.len) report_note("%s", note.data);
    store_close(w->store);
    buf_free(&path);
    buf_free(&note);
    return code;
}

int cmd_sessions(int argc, char **argv) {
    work w = {.yes = false};
    const option own[] = {
        {"format", 0, OPTION_TEXT, &w.format, "FORMAT", "show, export: md, txt or json", 0, 0},
        {"output", 'o', OPTION_TEXT, &w.to, "FILE", "show, export: to this file, whose ending names the format", 0, 0},
        {"yes", 'y', OPTION_FLAG, &w.yes, NULL, "rm: do not ask", 0, 0},
        {0},
    };
    if (!options_read(&w.common, &help, own, argc, argv)) return w.common.exit_code;
    int code = run(&w);
    options_free(&w.common);
    return code;
}
