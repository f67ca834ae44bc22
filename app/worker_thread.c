// The generator thread: loading, fetching, keeping, and the requests in their order.
#include "app/engine.h"
#include "app/fetch.h"
#include "app/worker_impl.h"
#include "model/base/fault.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_CTX = 4096 };

// ---- loading and fetching

// The new model and its cache stand before the old ones go, so that a failure changes nothing.
static held_model *open_all(const worker *w, const char *path, net_state **state, drafter **d, error *err) {
    const worker_options *o = &w->options;
    held_model *h = held_model_open(path, o->threads, err);
    if (!h) return NULL;
    const model *m = held_model_get(h);
    int most = net_get_config(m->net)->n_ctx, wanted = o->n_ctx > 0 ? o->n_ctx : DEFAULT_CTX;
    net_options of_state = {.n_ctx = wanted < most ? wanted : most, .threads = o->threads, .cache = o->cache};
    *state = net_state_open(m->net, &of_state, err);
    if (*state && engine_drafter(o->n_draft, o->draft_file, m, d, err) == 0) return h;
    drafter_close(*d);
    net_state_close(*state);
    held_model_drop(h);
    return NULL;
}

static void load(worker *w, const request *r) {
    error err = {{0}};
    net_state *state = NULL;
    drafter *d = NULL;
    held_model *h = open_all(w, r->name, &state, &d, &err);
    if (!h) {
        worker_post_text(w, EVENT_ERROR, r->number, err.text);
        return;
    }
    net_state_close(w->state);
    worker_adapters_close(&w->adapters);
    chain_close(w->chain);
    drafter_close(w->drafter);
    w->drafter = d;
    w->adapters.number = r->number;
    w->stale = false;
    gen_settings s;
    worker_get_settings(w, &s);
    w->model = held_model_get(h);
    w->state = state;
    w->seed = s.seed;
    w->chain = chain_open(net_get_config(w->model->net)->n_vocab, w->seed);
    event e = worker_event(w, EVENT_LOADED, r->number, r->name, strlen(r->name));
    worker_post(w, &e, h);
}

typedef struct fetching {
    worker *w;
    uint64_t number;
} fetching;

static bool on_fetch(void *arg, const fetch_progress *p) {
    fetching *f = arg;
    buf line = {0};
    fetch_progress_text(&line, p);
    event e = worker_event(f->w, EVENT_FETCH, f->number, buf_str(&line), line.len);
    e.done = (int)(p->done / 1000);
    e.total = (int)(p->total / 1000);
    worker_post(f->w, &e, NULL);
    buf_free(&line);
    return !worker_stopped(f->w, f->number);
}

static void fetch(worker *w, const request *r) {
    error err = {{0}};
    fetching f = {w, r->number};
    fetch_options o = {.progress = on_fetch, .arg = &f};
    buf path = {0};
    int result = fetch_any(r->name, r->dir, &o, &path, &err);
    if (result == FETCH_FAILED)
        worker_post_text(w, EVENT_ERROR, r->number, err.text);
    else
        worker_post_text(w, EVENT_FETCHED, r->number, result == FETCH_DONE ? buf_str(&path) : "");
    buf_free(&path);
}

// ---- keeping

// What goes on with a state: where the random generator stands, and the seed that it began with.
typedef struct kept_random {
    uint64_t seed;
    chain_random random;
} kept_random;

static void keep(worker *w, const request *r) {
    if (!w->state || w->stale || net_n_past(w->state) == 0) return;
    kept_random k = {w->seed, chain_get_random(w->chain)};
    snapshot_extra extra = {.n = sizeof k};
    memcpy(extra.bytes, &k, sizeof k);
    kvstore_keep(&w->kv, r->name, w->state, &extra, NULL);
}

static void recall(worker *w, const request *r) {
    if (!w->state) return;
    snapshot_extra extra = {.n = 0};
    kept_random k;
    worker_adapters_refresh(w);
    int failed = kvstore_recall(&w->kv, r->name, w->state, &extra, NULL);
    w->stale = false; // it is what was kept, or empty
    if (failed || extra.n != sizeof k) return;
    memcpy(&k, extra.bytes, sizeof k);
    chain_set_random(w->chain, &k.random);
    w->seed = k.seed;
}

// ---- the thread

// The next request; NULL when the worker closes, which drops all but what is to be kept. What the preparer has in hand was
// asked for before it: that is taken up first.
static request *take_request(worker *w) {
    request *r;
    pthread_mutex_lock(&w->lock);
    w->may_swap = false;
    for (;;) {
        while (!w->prepared && (w->preparing || (!w->first_request && !w->closing)))
            pthread_cond_wait(&w->work, &w->lock);
        if (w->prepared) {
            pthread_mutex_unlock(&w->lock);
            worker_adapters_refresh(w);
            pthread_mutex_lock(&w->lock);
            continue;
        }
        r = w->first_request;
        if (!r) break;
        w->first_request = r->next;
        if (!r->next) w->last_request = NULL;
        if (!w->closing || r->kind == REQUEST_KEEP) break;
        worker_request_free(r);
    }
    pthread_mutex_unlock(&w->lock);
    return r;
}

// While an answer runs, whoever asks for other adapters need not wait for its end.
static void let_swap(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->may_swap = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
}

static void *run(void *arg) {
    worker *w = arg;
    for (request *r; (r = take_request(w));) {
        switch (r->kind) {
        case REQUEST_LOAD: load(w, r); break;
        case REQUEST_FETCH: fetch(w, r); break;
        case REQUEST_ADAPT: worker_adapters_serve(w, r); break;
        case REQUEST_ASK:
            if (!r->question->own_strengths) let_swap(w);
            worker_answer(w, r);
            break;
        case REQUEST_KEEP: keep(w, r); break;
        case REQUEST_RECALL: recall(w, r); break;
        }
        bool fetched = r->kind == REQUEST_FETCH;
        worker_request_free(r);
        pthread_mutex_lock(&w->lock);
        w->n_finished++;
        w->n_fetching -= fetched;
        pthread_mutex_unlock(&w->lock);
    }
    net_state_close(w->state);
    worker_adapters_close(&w->adapters);
    chain_close(w->chain);
    drafter_close(w->drafter);
    return NULL;
}

int worker_thread_start(worker *w, error *err) {
    sigset_t before;
    fault_block_others(&before);
    int code = pthread_create(&w->thread, NULL, run, w);
    int second = code == 0 ? pthread_create(&w->preparer, NULL, worker_adapters_prepare, w) : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (second != 0) {
        w->preparer = w->thread;
        worker_thread_join(w);
    }
    if (code == 0) code = second;
    return code == 0 ? 0 : error_set(err, "cannot start the generator thread: %s", strerror(code));
}

void worker_thread_join(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (!pthread_equal(w->preparer, w->thread)) pthread_join(w->preparer, NULL);
}
