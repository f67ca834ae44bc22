// The slash commands: one table for running, help and completion.
#include "app/adapter_info.h"
#include "app/chat_impl.h"
#include "app/chat_copies.h"
#include "app/chat_style.h"
#include "app/chat_train.h"
#include "app/options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef struct command {
    chat_command shown;
    unsigned (*run)(chat *c, const char *args); // args: without blanks around; "" for none
} command;

static unsigned run_help(chat *c, const char *args);

static unsigned run_clear(chat *c, const char *args) {
    (void)args;
    return chat_session_new(c, NULL);
}

static unsigned run_undo(chat *c, const char *args) {
    (void)args;
    return chat_undo(c);
}

static unsigned run_again(chat *c, const char *args) {
    (void)args;
    return chat_again(c);
}

static unsigned run_alternative(chat *c, const char *args) {
    if (!*args) return chat_walk(c, 1);
    char *end;
    long n = strtol(args, &end, 10);
    for (size_t i = c->n_turns; i > 0 && !*end; i--)
        if (c->turns[i - 1].n_alternatives >= n && n > 0 && c->turns[i - 1].n_alternatives > 1)
            return chat_alternative(c, i - 1, (int)n);
    return chat_note(c, true, "there is no alternative %s", args);
}

static unsigned run_quit(chat *c, const char *args) {
    unsigned flags = CHAT_STATUS;
    (void)args;
    c->quitting = chat_train_may_leave(c, &flags);
    return flags;
}

static const char *default_system(const chat *c) {
    const model *m = worker_model(c->worker);
    return m ? m->chat.default_system : NULL;
}

static unsigned run_system(chat *c, const char *args) {
    if (*args) {
        free(c->system);
        c->system = mem_strdup(strcmp(args, "-") == 0 ? "" : args);
    }
    if (c->system[0] && chat_style_voice(c)->speaks)
        return chat_note(c, false, "System text (kept, but not told: %s was trained without one): %s",
                         chat_style_answerer(c, true), c->system);
    if (c->system[0]) return chat_note(c, false, "System text: %s", c->system);
    if (default_system(c)) return chat_note(c, false, "System text (the model's own): %s", default_system(c));
    return chat_note(c, false, "There is no system text.");
}

// ---- /adapter

static void list_adapter(void *arg, const adapter_info *a) {
    buf *out = arg;
    buf_printf(out, "  %s%s%s\n", a->name, a->problem ? ": " : "", a->problem ? a->problem : "");
}

static unsigned list_adapters(chat *c) {
    buf out = {0};
    chat_label(c, &out);
    buf_puts(&out, "\n");
    adapter_info_all(list_adapter, &out);
    buf_puts(&out, "/adapter NAME=0.8 takes one up or changes its strength (0 to 2), /adapter NAME off leaves it.");
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

static unsigned drop_adapter(chat *c, const char *name, size_t n) {
    for (size_t i = 0; i < c->n_adapters; i++)
        if (strlen(c->adapters[i].name) == n && memcmp(c->adapters[i].name, name, n) == 0)
            return chat_drop_adapter(c, i);
    return chat_note(c, true, "%.*s is not in use; /adapter lists what is", (int)n, name);
}

static unsigned run_adapter(chat *c, const char *args) {
    if (!*args) return list_adapters(c);
    size_t n = strlen(args);
    if (n > 4 && strcmp(args + n - 4, " off") == 0) return drop_adapter(c, args, n - 4);
    return chat_adapt(c, args);
}

// ---- /save

static unsigned save(chat *c, const char *path) {
    error err = {{0}};
    if (chat_export(c, path, &err) != 0) return chat_note(c, true, "%s", err.text);
    return chat_note(c, false, "The conversation is saved to %s.", path);
}

unsigned chat_save(chat *c, const char *args) {
    if (!*args) return chat_note(c, true, "a file name is missing, such as chat.md, chat.txt or chat.json");
    buf path = {0};
    const char *home = getenv("HOME");
    if (args[0] == '~' && args[1] == '/' && home)
        buf_printf(&path, "%s%s", home, args + 1);
    else
        buf_puts(&path, args);
    unsigned flags;
    if (access(buf_str(&path), F_OK) == 0) {
        free(c->question_file);
        c->question_file = mem_strdup(buf_str(&path));
        c->question = QUESTION_OVERWRITE;
        flags = chat_note(c, false, "%s exists. Replace it? Type y or n.", buf_str(&path));
    } else {
        flags = save(c, buf_str(&path));
    }
    buf_free(&path);
    return flags;
}

static unsigned answer_yes(chat *c, chat_question question) {
    switch (question) {
    case QUESTION_FETCH: return chat_fetch(c);
    case QUESTION_OVERWRITE: return save(c, c->question_file);
    case QUESTION_REMOVE: return chat_session_remove(c, c->question_session);
    case QUESTION_DISCARD: background_discard(c->background); return CHAT_STATUS;
    default: return 0;
    }
}

static unsigned answer_no(chat *c, chat_question question) {
    switch (question) {
    case QUESTION_FETCH: return chat_note(c, false, "Not fetched.");
    case QUESTION_OVERWRITE: return chat_note(c, false, "Not saved.");
    case QUESTION_REMOVE:
    case QUESTION_DISCARD: return chat_note(c, false, "It stays.");
    default: return 0;
    }
}

bool chat_question_answer(chat *c, const char *text, unsigned *flags) {
    size_t n = strcspn(text, " \t\r\n");
    if (text[n + strspn(text + n, " \t\r\n")] != '\0') n = 0;
    bool yes = (n == 1 && strncasecmp(text, "y", 1) == 0) || (n == 3 && strncasecmp(text, "yes", 3) == 0);
    bool no = (n == 1 && strncasecmp(text, "n", 1) == 0) || (n == 2 && strncasecmp(text, "no", 2) == 0);
    chat_question question = c->question;
    // An unanswered offer to fetch stands until a model is there; another question is dropped by any other line.
    if (yes || no || question != QUESTION_FETCH) c->question = QUESTION_NONE;
    if (question == QUESTION_LEAVE) return chat_train_leave_answer(c, text, flags);
    if (yes) *flags |= answer_yes(c, question);
    if (no) *flags |= answer_no(c, question);
    return yes || no;
}

// ---- the table

static const command commands[] = {
    {{"help", "[COMMAND]", "this list"}, run_help},
    {{"again", "", "another answer; the earlier ones are kept"}, run_again},
    {{"alternative", "[N]", "go on with the next of the answers that were given, or with number N"}, run_alternative},
    {{"undo", "", "take back the last message and its answer"}, run_undo},
    {{"clear", "", "begin a new conversation; this one is kept"}, run_clear},
    {{"sessions", "[...]", "list conversations; open N, new, search WORDS, rename, delete, export; /sessions help"},
     chat_sessions},
    {{"system", "[TEXT]", "show or set the system text; - for the model's own"}, run_system},
    {{"set", "[NAME [VALUE]]", "list, show or change settings; /set save keeps them"}, chat_set_run},
    {{"model", "[NAME]", "list models or load one, by name or path; /model pull fetches the default one"},
     chat_model_run},
    {{"adapter", "[NAME[=X]]", "list adapters, take one up or change its strength; NAME off leaves it"}, run_adapter},
    {{"style", "[X|on|off]", "list and set strengths (/style NAME=0.8); off is the bare model"}, chat_style_run},
    {{"as", "[NAME]", "who of the log answers"}, chat_style_as},
    {{"me", "[NAME]", "who you are to the model"}, chat_style_be},
    {{"train", "[FILE|WORD ...]", "learn from a chat log or a text while the chat goes on; /help train tells the rest"},
     chat_train_run},
    {{"group", "[on|off|N|next]", "everybody of the log goes on until it is your turn"}, chat_group_run},
    {{"compare", "[MESSAGE]", "answers with and without the style side by side; then 1 or 2 takes one"},
     chat_compare_run},
    {{"source", "", "where the underlined words of the last answer are copied from"}, chat_copies_run},
    {{"save", "FILE", "write the conversation to a file: Markdown, or plain text for .txt, JSON for .json"}, chat_save},
    {{"quit", "", "leave"}, run_quit},
};

size_t chat_n_commands(void) {
    return sizeof commands / sizeof *commands;
}

const chat_command *chat_command_at(size_t i) {
    return &commands[i].shown;
}

static void describe_command(const chat_command *d, int width, buf *out) {
    buf usage = {0};
    buf_printf(&usage, "/%s%s%s", d->name, d->args[0] ? " " : "", d->args);
    buf_printf(out, "%-*s  %s\n", width, buf_str(&usage), d->help);
    buf_free(&usage);
}

static const command *find_command(const char *name) {
    for (size_t i = 0; i < chat_n_commands(); i++)
        if (strcmp(commands[i].shown.name, name) == 0) return &commands[i];
    return NULL;
}

static unsigned unknown_command(chat *c, const char *name) {
    const char *names[sizeof commands / sizeof *commands + 1] = {NULL};
    for (size_t i = 0; i < chat_n_commands(); i++) names[i] = commands[i].shown.name;
    const char *near = options_nearest(name, names);
    if (near) return chat_note(c, true, "there is no command /%s; did you mean /%s?", name, near);
    return chat_note(c, true, "there is no command /%s; /help lists them, and // begins a message with a slash", name);
}

static unsigned run_help(chat *c, const char *args) {
    buf out = {0};
    const command *one = find_command(args[0] == '/' ? args + 1 : args);
    if (*args && !one) return unknown_command(c, args[0] == '/' ? args + 1 : args);
    if (one) {
        describe_command(&one->shown, 0, &out);
        if (one->run == chat_train_run) chat_train_help(&out);
    } else {
        for (size_t i = 0; i < chat_n_commands(); i++) describe_command(&commands[i].shown, 22, &out);
        buf_puts(&out, "A message that begins with a slash is written with two.");
    }
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

unsigned chat_command_run(chat *c, const char *line) {
    size_t n = strcspn(line + 1, " \t\r\n");
    char *name = mem_strndup(line + 1, n);
    const char *args = line + 1 + n;
    args += strspn(args, " \t\r\n");
    size_t len = strlen(args);
    while (len > 0 && strchr(" \t\r\n", args[len - 1])) len--;
    char *trimmed = mem_strndup(args, len);
    const command *found = find_command(name);
    unsigned flags;
    if (!found)
        flags = unknown_command(c, name);
    else if (*trimmed && !found->shown.args[0])
        flags = chat_note(c, true, "/%s takes nothing after it", name);
    else
        flags = found->run(c, trimmed);
    free(name);
    free(trimmed);
    return flags;
}
