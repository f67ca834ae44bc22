// doppel [chat]: the full screen where there is a terminal for it, else the line REPL.
#include "app/adapters.h"
#include "app/chat.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/engine.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/report.h"
#include "app/session_start.h"
#include "model/base/memory.h"
#include "ui/repl.h"
#include "ui/ui.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_help help = {
    .usage = "[chat] [options]",
    .about =
        "Chat with a model. On a terminal this fills the screen; with --plain, on a dumb terminal, or when stdin or\n"
        "stdout is no terminal, it is a line REPL that only ever appends. /help lists the commands inside.\n\n"
        "Conversations are kept as they happen. On a terminal the one that was open last goes on; elsewhere a new one\n"
        "begins. `doppel sessions` lists them.",
    .takes = OPTIONS_MODEL | OPTIONS_ADAPTER | OPTIONS_JSON | OPTIONS_SAMPLING,
};

enum { DEFAULT_KV_STORE = 1 << 30 };

// Everything that the command line and config.json say.
typedef struct chat_setup {
    options common;
    config config;
    bool plain, new, no_keep;
    const char *system, *session;
    session_start start;
    const char *kv;
    worker_options worker;
    buf kv_dir;
    gen_settings settings;
    buf model;       // path; empty: none
    error complaint; // something to tell that does not stop the chat; "" for nothing
} chat_setup;

static bool is_full_screen(const chat_setup *s) {
    const char *term = getenv("TERM");
    error why;
    if (s->plain || s->common.json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term ||
        strcmp(term, "dumb") == 0)
        return false;
    if (ui_is_possible(&why)) return true;
    report_note("%s; this is the line REPL (--plain)", why.text);
    return false;
}

static void read_config(chat_setup *s) {
    buf path = {0};
    // Without a home there is no config file, and nothing to complain about.
    if (paths_config("config.json", &path, NULL) == 0)
        config_load(buf_str(&path), &s->config, &s->settings, &s->complaint);
    buf_free(&path);
}

// Where states of conversations are kept, and how much of them.
static void choose_store(chat_setup *s) {
    s->worker.kv_cap = s->config.kv_store ? memory_parse(s->config.kv_store) : DEFAULT_KV_STORE;
    if (paths_data("kv", &s->kv_dir, NULL) == 0) s->worker.kv_dir = buf_str(&s->kv_dir);
}

static void count_model(void *arg, const char *name, const char *path) {
    (void)name;
    (void)path;
    ++*(int *)arg;
}

// The model of -m, else that of the adapter, else of config.json, else the default one. None at all is fine: the chat
// offers to fetch one.
static int choose_model(chat_setup *s, error *err) {
    if (s->common.model || s->common.adapters.n > 0) return adapters_chosen_model(&s->common, &s->model, err);
    if (s->start.model) {
        buf_puts(&s->model, s->start.model);
        return 0;
    }
    if (s->config.model && paths_model(s->config.model, &s->model, &s->complaint) == 0) return 0;
    error why;
    int n_models = 0;
    paths_models(count_model, &n_models);
    if (paths_model(NULL, &s->model, &why) != 0 && n_models > 0 && !s->complaint.text[0]) s->complaint = why;
    return 0;
}

// Knobs of the command line that change nothing, and why.
static void tell_idle_knobs(const chat_setup *s, chat *c, bool full_screen) {
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *k = gen_knob_at(i);
        const char *why = options_knob_given(&s->common, k->name) ? gen_knob_idle(k, &s->settings) : NULL;
        if (why && full_screen)
            chat_note(c, false, "--%s has no effect: %s", k->name, why);
        else if (why && !s->common.quiet)
            report_note("--%s has no effect: %s", k->name, why);
    }
}

static void tell_lines(chat *c, const char *lines) {
    for (size_t n; *lines; lines += n + (lines[n] != '\0')) {
        n = strcspn(lines, "\n");
        chat_note(c, false, "%.*s", (int)n, lines);
    }
}

// Names and answers are UTF-8; a locale that is not could not show them.
static void want_utf8(void) {
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

static int run(chat_setup *s) {
    error err;
    bool full_screen = is_full_screen(s);
    bool is_person = full_screen || (isatty(STDIN_FILENO) && !s->common.json);
    if (!s->no_keep && session_start_open(&s->start, s->session, is_person && !s->new, &err) != 0)
        return report_error(&err);
    if (choose_model(s, &err) != 0) return report_error(&err);
    if (s->worker.draft_file && access(s->worker.draft_file, R_OK) != 0)
        return report_failure("%s: cannot be read: %s", s->worker.draft_file, strerror(errno));
    chat_options o = {
        .model_path = s->model.len ? buf_str(&s->model) : NULL,
        .system = s->system || s->start.session ? s->system : s->config.system,
        .user_name = s->config.user,
        .theme = s->config.theme,
        .worker = s->worker,
        .settings = s->settings,
        .adapters = s->common.adapters.items,
        .n_adapters = s->common.adapters.n,
        .store = s->start.store,
        .session = s->start.session,
        .title = s->start.title,
        .remembers = is_person,
    };
    s->start.store = NULL; // the chat's now
    if (s->complaint.text[0] && !full_screen) report_error(&s->complaint);
    chat *c = chat_open(&o, &err);
    if (!c) return report_error(&err);
    want_utf8();
    tell_idle_knobs(s, c, full_screen);
    tell_lines(c, buf_str(&s->start.notes));
    if (s->start.complaint.text[0] && full_screen)
        chat_note(c, true, "Nothing is being kept: %s", s->start.complaint.text);
    else if (s->start.complaint.text[0])
        report_note("nothing is being kept: %s", s->start.complaint.text);
    int code;
    if (full_screen) {
        if (s->complaint.text[0]) chat_note(c, true, "%s", s->complaint.text);
        code = ui_run(c, &err);
        if (code != 0 && err.text[0]) report_error(&err);
    } else {
        code = repl_run(c, &(repl_options){.json = s->common.json, .quiet = s->common.quiet});
    }
    const char *why = chat_unkept(c);
    if (why) report_note("not all of the conversation was kept: %s", why);
    chat_close(c);
    return code;
}

int cmd_chat(int argc, char **argv) {
    chat_setup s = {.settings = gen_settings_chat(), .worker = {.n_draft = DRAFT_MOST}};
    const option own[] = {
        {"plain", 0, OPTION_FLAG, &s.plain, NULL, "the line REPL instead of the full screen", 0, 0},
        {"new", 0, OPTION_FLAG, &s.new, NULL, "begin a new conversation", 0, 0},
        {"session", 0, OPTION_TEXT, &s.session, "NAME",
         "go on with the conversation of this number or title; begin one so called when there is none", 0, 0},
        {"no-keep", 0, OPTION_FLAG, &s.no_keep, NULL, "keep nothing of this chat", 0, 0},
        {"system", 0, OPTION_TEXT, &s.system, "TEXT", "the system text; the model's own unless given", 0, 0},
        {"ctx", 0, OPTION_INT, &s.worker.n_ctx, "N", "tokens of context; 4096, or what the model has, unless given", 16,
         1 << 24},
        {"kv", 0, OPTION_TEXT, &s.kv, "TYPE", ENGINE_KV_HELP, 0, 0},
        {"draft", 0, OPTION_INT, &s.worker.n_draft, "N", ENGINE_DRAFT_HELP, 0, DRAFT_MOST},
        {"draft-file", 0, OPTION_TEXT, &s.worker.draft_file, "FILE", ENGINE_DRAFT_FILE_HELP, 0, 0},
        {0},
    };
    if (!options_read(&s.common, &help, own, argc, argv)) return s.common.exit_code;
    read_config(&s);
    options_settings(&s.common, &s.settings);
    s.worker.threads = s.common.threads;
    choose_store(&s);
    int code = engine_cache(s.kv, &s.worker.cache) ? run(&s) : EXIT_USAGE;
    session_start_free(&s.start);
    store_close(s.start.store);
    buf_free(&s.kv_dir);
    config_free(&s.config);
    buf_free(&s.model);
    options_free(&s.common);
    return code;
}
