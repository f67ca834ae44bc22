// The model's state of a conversation (its KV cache), kept on disk so that coming back to a long one costs no reading.
#include "app/chat_keeper.h"
#include "app/kvstore.h"

#include <stdio.h>

static void state_name(int64_t id, char out[32]) {
    snprintf(out, 32, "c%lld", (long long)id);
}

void chat_state_keep(chat *c) {
    keeper *k = c->keep;
    char name[32];
    if (!c->session.id || c->session.is_read_along || !k->is_fresh) return;
    state_name(c->session.id, name);
    worker_keep(c->worker, name);
    k->n_past = c->n_past;
    k->is_fresh = false;
}

void chat_state_recall(chat *c) {
    keeper *k = c->keep;
    char name[32];
    if (!k->must_recall) return;
    k->must_recall = false;
    state_name(c->session.id, name);
    worker_recall(c->worker, name);
}

void chat_state_forget(chat *c, int64_t id) {
    char name[32];
    if (id == c->session.id) c->keep->is_fresh = c->keep->was_answering = false; // it is not kept when it is left
    state_name(id, name);
    kvstore_forget(&(kvstore){.dir = c->keep->kv_dir, .cap = 1}, name);
}
