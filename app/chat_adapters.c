// The adapters of a conversation. The list here is what the person wants; the worker has the first n_agreed of it until
// it answers the newest request.
#include "app/adapters.h"
#include "app/chat_impl.h"
#include "app/chat_style.h"

#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void forget(chat *c, size_t i) {
    free(c->adapters[i].name);
    free(c->adapters[i].path);
    memmove(c->adapters + i, c->adapters + i + 1, (--c->n_adapters - i) * sizeof *c->adapters);
}

void chat_adapters_clear(chat *c) {
    while (c->n_adapters > 0) forget(c, c->n_adapters - 1);
    c->n_agreed = 0;
}

int chat_adapters_add(chat *c, const char *word, error *err) {
    buf path = {0};
    float strength;
    int rc = adapters_find(word, &path, &strength, err);
    if (rc == 0 && c->n_adapters == WORKER_MAX_ADAPTERS)
        rc = error_set(err, "%s: there are %d adapters already, which is the most", word, WORKER_MAX_ADAPTERS);
    if (rc == 0) {
        while (path.len > 1 && path.data[path.len - 1] == '/') buf_remove(&path, path.len - 1, 1);
        char *copy = mem_strdup(path.data);
        c->adapters[c->n_adapters++] = (chat_adapter){mem_strdup(base_name(copy)), copy, strength};
    }
    buf_free(&path);
    return rc;
}

void chat_adapters_send(chat *c) {
    worker_adapter list[WORKER_MAX_ADAPTERS];
    for (size_t i = 0; i < c->n_adapters; i++)
        list[i] = (worker_adapter){c->adapters[i].path, c->style->off ? 0 : c->adapters[i].strength};
    c->adapt_request = worker_adapt(c->worker, list, c->n_adapters);
    c->adapting = true;
}

unsigned chat_adapters_renew(chat *c, const char *path) {
    for (size_t i = 0; i < c->n_agreed && !c->adapting; i++) {
        if (strcmp(c->adapters[i].path, path) != 0) continue;
        chat_adapters_send(c);
        c->renewing = true;
        return CHAT_STATUS;
    }
    return 0;
}

static unsigned tell(chat *c) {
    buf label = {0};
    chat_label(c, &label);
    chat_note(c, false, "Now: %s", buf_str(&label));
    buf_free(&label);
    return CHAT_TURNS | CHAT_STATUS;
}

unsigned chat_adapters_event(chat *c, const event *e) {
    bool renewed = c->renewing;
    c->adapting = c->renewing = false;
    if (e->type == EVENT_ADAPTED && renewed) return CHAT_STATUS;
    if (e->type == EVENT_ADAPTED) {
        c->n_agreed = c->n_adapters;
        tell(c);
        if (chat_style_adapted(c)) chat_style_tell(c);
        return CHAT_TURNS | CHAT_STATUS;
    }
    if (renewed) return chat_note(c, true, "%s; the version before stays", e->text) | CHAT_STATUS;
    while (c->n_adapters > c->n_agreed) forget(c, c->n_adapters - 1);
    chat_style_switch(c, !c->style->off);
    return chat_note(c, true, "%s", e->text) | CHAT_STATUS;
}

// ----

unsigned chat_set_strength(chat *c, size_t i, float strength) {
    if (i >= c->n_adapters) return 0;
    c->adapters[i].strength = strength < 0 ? 0 : strength > 2 ? 2 : strength;
    return chat_style_switch(c, true);
}

unsigned chat_drop_adapter(chat *c, size_t i) {
    if (i >= c->n_adapters) return 0;
    forget(c, i);
    c->n_agreed = c->n_adapters;
    chat_adapters_send(c);
    return CHAT_STATUS;
}

unsigned chat_adapt(chat *c, const char *word) {
    error err = {{0}};
    if (!worker_model(c->worker)) return chat_note(c, true, "no model is loaded; see /model");
    if (c->adapting) return chat_note(c, true, "the last adapter is still being loaded");
    if (chat_adapters_add(c, word, &err) != 0) return chat_note(c, true, "%s", err.text);
    c->style->off = false;
    const chat_adapter *added = &c->adapters[c->n_adapters - 1];
    for (size_t i = 0; i + 1 < c->n_adapters; i++) {
        if (strcmp(c->adapters[i].path, added->path) != 0) continue;
        float strength = added->strength;
        forget(c, c->n_adapters - 1);
        return chat_set_strength(c, i, strength) | tell(c);
    }
    chat_adapters_send(c);
    return CHAT_STATUS;
}

void chat_label(const chat *c, buf *out) {
    chat_label_with(c, !c->style->off, out);
    if (c->n_adapters > 0 && c->style->off) buf_puts(out, " (style off)");
}

void chat_label_with(const chat *c, bool on, buf *out) {
    buf_puts(out, c->model_name[0] ? c->model_name : "no model");
    for (size_t i = 0; i < c->n_adapters && on; i++)
        buf_printf(out, " + %s \xc3\x97%.2f", c->adapters[i].name, (double)c->adapters[i].strength);
}
