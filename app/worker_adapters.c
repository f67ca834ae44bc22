// Adapters of the worker: opened, taken up, made stronger or weaker while an answer runs.
//
// A request for other adapters that comes while an answer runs is served by a thread of its own, the preparer: it reads
// the files and lays the numbers out, which takes a while, and leaves a set ready to use behind an atomic pointer. The
// answer looks there before each token and swaps the sets, which takes no time. Between answers the generator thread
// serves such requests itself, in their order.
#include "app/worker_impl.h"

#include <stdlib.h>
#include <string.h>

void worker_adapters_close(adapter_set *set) {
    for (int i = 0; i < set->n; i++) adapter_close(set->opened[i]);
    set->n = 0;
}

static int open_set(worker *w, const request *r, adapter_set *set, error *err) {
    *set = (adapter_set){.number = r->number};
    if (!w->model) return error_set(err, "no model is loaded; load one first");
    for (size_t i = 0; i < r->n_adapters; i++) {
        adapter *a = adapter_open(r->adapters[i].path, w->model->net, err);
        if (!a) return -1;
        set->opened[set->n] = a;
        set->uses[set->n++] = (adapter_use){a, r->adapters[i].strength};
    }
    return 0;
}

// ---- taking up

// The worker thread's: set in place of what is in use.
static void take_up(worker *w, const adapter_set *set) {
    adapter_set old = w->adapters;
    net_set_adapters(w->state, set->uses, set->n);
    pthread_mutex_lock(&w->lock);
    w->adapters = *set;
    pthread_mutex_unlock(&w->lock);
    worker_adapters_close(&old);
    w->stale = true;
    worker_post_text(w, EVENT_ADAPTED, set->number, "");
}

// Strengths mean the adapters in use again, not those that could not be opened. The event knows of no context: this may be
// the preparer.
static void refuse(worker *w, uint64_t number, const error *why) {
    pthread_mutex_lock(&w->lock);
    if (w->strengths_of == number) {
        w->strengths_of = w->adapters.number;
        for (int i = 0; i < w->adapters.n; i++) w->strengths[i] = w->adapters.uses[i].strength;
    }
    pthread_mutex_unlock(&w->lock);
    event e = {.type = EVENT_ERROR, .request = number, .text = mem_strdup(why->text), .n_text = strlen(why->text)};
    worker_post(w, &e, NULL);
}

void worker_adapters_serve(worker *w, const request *r) {
    error err = {{0}};
    adapter_set set;
    if (open_set(w, r, &set, &err) == 0) {
        take_up(w, &set);
    } else {
        worker_adapters_close(&set);
        refuse(w, r->number, &err);
    }
}

static void finish_preparing(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->preparing = false;
    w->n_finished++;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
}

void worker_adapters_refresh(worker *w) {
    adapter_set *set = atomic_load_explicit(&w->prepared, memory_order_relaxed);
    if (set) set = atomic_exchange(&w->prepared, NULL);
    if (set) {
        take_up(w, set);
        free(set);
        finish_preparing(w);
    }
    pthread_mutex_lock(&w->lock);
    bool changed = w->strengths_changed && w->strengths_of == w->adapters.number;
    if (changed) w->strengths_changed = false;
    for (int i = 0; changed && i < w->adapters.n; i++) w->adapters.uses[i].strength = w->strengths[i];
    pthread_mutex_unlock(&w->lock);
    if (!changed) return;
    net_set_adapters(w->state, w->adapters.uses, w->adapters.n);
    w->stale = true;
}

// What the cache holds serves only where both are the same.
bool worker_adapters_use(worker *w, const float *strengths) {
    adapter_use uses[WORKER_MAX_ADAPTERS];
    bool same = true;
    for (int i = 0; i < w->adapters.n; i++) {
        uses[i] = w->adapters.uses[i];
        if (strengths) uses[i].strength = strengths[i];
        same = same && (!strengths || uses[i].strength == w->adapters.uses[i].strength);
    }
    if (same && strengths) return false;
    net_set_adapters(w->state, uses, w->adapters.n);
    w->stale = true;
    return true;
}

// ---- the preparer

// A request for adapters that is next in line while an answer runs; NULL when the worker closes.
static request *take_request(worker *w) {
    request *r = NULL;
    pthread_mutex_lock(&w->lock);
    while (!w->closing &&
           !(w->may_swap && !w->preparing && w->first_request && w->first_request->kind == REQUEST_ADAPT))
        pthread_cond_wait(&w->work, &w->lock);
    if (!w->closing) {
        r = w->first_request;
        w->first_request = r->next;
        if (!r->next) w->last_request = NULL;
        w->preparing = true;
    }
    pthread_mutex_unlock(&w->lock);
    return r;
}

void *worker_adapters_prepare(void *arg) {
    worker *w = arg;
    for (request *r; (r = take_request(w));) {
        error err = {{0}};
        adapter_set *set = mem_calloc(1, sizeof *set);
        if (open_set(w, r, set, &err) == 0) {
            pthread_mutex_lock(&w->lock);
            atomic_store(&w->prepared, set);
            pthread_cond_broadcast(&w->work);
            pthread_mutex_unlock(&w->lock);
        } else {
            worker_adapters_close(set);
            free(set);
            refuse(w, r->number, &err);
            finish_preparing(w);
        }
        worker_request_free(r);
    }
    return NULL;
}
