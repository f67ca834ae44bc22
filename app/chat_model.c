// The model of a chat: loading one, fetching the default one, and the command /model.
#include "app/chat_impl.h"
#include "app/chat_style.h"
#include "app/fetch.h"
#include "app/paths.h"

#include <stdlib.h>
#include <string.h>

// ---- loading

static char *name_of(const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    const char *name = path + n;
    while (name > path && name[-1] != '/') name--;
    n -= (size_t)(name - path);
    if (n > 5 && memcmp(name + n - 5, ".gguf", 5) == 0) n -= 5;
    return mem_strndup(name, n);
}

// A new model has no adapters. The first one is asked to take those that the chat was started with; later ones begin
// without, since an adapter belongs to its own model.
static void take_up_adapters(chat *c) {
    if (c->n_adapters == 0) return;
    if (c->n_agreed == 0)
        chat_adapters_send(c);
    else
        chat_adapters_clear(c);
}

unsigned chat_model_loaded(chat *c, const event *e) {
    free(c->model_name);
    c->model_name = name_of(e->text);
    chat_set_string(&c->model_path, e->text);
    c->n_past = 0;
    c->n_ctx = e->n_ctx;
    if (e->request == c->load_request) c->loading = false;
    take_up_adapters(c);
    bool speaks = !c->adapting && chat_style_adapted(c);
    if (worker_model(c->worker)->chat.has_template || c->adapting || speaks)
        chat_note(c, false, "%s is ready: context %d tokens, seed %llu. /help lists the commands.", c->model_name,
                  e->n_ctx, (unsigned long long)c->settings.seed);
    else
        chat_note(c, false,
                  "%s is ready: context %d tokens, seed %llu. It has no chat format of its own (a base model?); turns "
                  "are written as \"User:\" and \"Assistant:\" lines. /help lists the commands.",
                  c->model_name, e->n_ctx, (unsigned long long)c->settings.seed);
    if (speaks) chat_style_tell(c);
    return CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_model_failed(chat *c, const event *e) {
    c->loading = c->loading && e->request != c->load_request;
    if (worker_model(c->worker)) {
        if (c->n_adapters && c->n_agreed == 0) chat_adapters_clear(c); // they belong to the model that did not come
        return chat_note(c, true, "%s; %s stays", e->text, c->model_name) | CHAT_STATUS;
    }
    chat_note(c, true, "%s", e->text);
    return chat_note(c, false, "No model is loaded: /model lists what is there, /model pull fetches the default one.") |
           CHAT_STATUS;
}

// ---- fetching

// The note that shows how far the fetching is.
static chat_turn *fetch_note(chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_NOTE && c->turns[i - 1].running) return &c->turns[i - 1];
    chat_turn *t = chat_turns_insert(c, chat_turns_waiting(c), TURN_NOTE, "");
    t->running = true;
    return t;
}

unsigned chat_model_fetch_event(chat *c, const event *e) {
    chat_turn *t = fetch_note(c);
    buf_clear(&t->text);
    c->revision++;
    if (e->type == EVENT_FETCH) {
        c->fetch_done = e->done;
        c->fetch_total = e->total;
        buf_printf(&t->text, "Fetching %s: %s", fetch_default()->file, e->text);
        return CHAT_TURNS | CHAT_STATUS;
    }
    c->fetching = false;
    c->fetch_done = c->fetch_total = 0;
    t->running = false;
    t->is_error = e->type == EVENT_ERROR;
    if (e->type == EVENT_ERROR) {
        buf_puts(&t->text, e->text);
    } else if (e->n_text == 0) {
        buf_puts(&t->text, "Fetching was cancelled. /model pull starts it again.");
    } else {
        buf_printf(&t->text, "Fetched %s", e->text);
        chat_load(c, e->text);
    }
    return CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_load(chat *c, const char *path) {
    c->load_request = worker_load(c->worker, path);
    c->loading = true;
    return CHAT_STATUS;
}

unsigned chat_fetch(chat *c) {
    if (c->fetching) return chat_note(c, false, "It is being fetched already.");
    buf dir = {0};
    error err = {{0}};
    if (paths_data("models", &dir, &err) != 0) {
        buf_free(&dir);
        return chat_note(c, true, "%s", err.text);
    }
    c->fetch_request = worker_fetch(c->worker, fetch_default()->names[0], buf_str(&dir));
    buf_free(&dir);
    c->fetching = true;
    c->question = QUESTION_NONE;
    chat_turn *t = fetch_note(c);
    buf_printf(&t->text, "Fetching %s ...", fetch_default()->file);
    return CHAT_TURNS | CHAT_STATUS;
}

void chat_model_offer(chat *c) {
    c->question = QUESTION_FETCH;
    chat_note(c, false,
              "There is no model yet. Type y (or /model pull) to fetch %s (%lld MB), or /model PATH to load a file.",
              fetch_default()->file, (long long)((fetch_default()->package_size + 500000) / 1000000));
}

// ---- /model

typedef struct model_list {
    const char *current;
    buf out;
} model_list;

static void list_model(void *arg, const char *name, const char *path) {
    model_list *l = arg;
    buf_printf(&l->out, "%s %s\n", strcmp(path, l->current) == 0 ? "*" : " ", name);
}

static unsigned list_models(chat *c) {
    model_list l = {.current = c->model_path};
    paths_models(list_model, &l);
    if (!l.out.len) buf_puts(&l.out, "No model is installed; /model pull fetches the default one.\n");
    if (c->model_path[0]) buf_printf(&l.out, "In use: %s\n", c->model_path);
    buf_puts(&l.out, "/model NAME or /model PATH loads another.");
    chat_note(c, false, "%s", buf_str(&l.out));
    buf_free(&l.out);
    return CHAT_TURNS;
}

unsigned chat_model_run(chat *c, const char *args) {
    if (!*args) return list_models(c);
    if (strcmp(args, "pull") == 0) return chat_fetch(c);
    error err = {{0}};
    buf path = {0};
    unsigned flags;
    if (paths_model(args, &path, &err) != 0) {
        flags = chat_note(c, true, "%s", err.text);
    } else {
        c->question = QUESTION_NONE;
        bool waits = c->answering || c->fetching || chat_compare_runs(c);
        flags = chat_load(c, buf_str(&path));
        if (waits)
            flags |= chat_note(c, false, "%s will be loaded once what runs is done.", args);
        else
            flags |= chat_note(c, false, "Loading %s ...", args);
    }
    buf_free(&path);
    return flags;
}
