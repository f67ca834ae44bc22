// The generator thread.
//
// Two queues under one mutex: requests go down (a condition variable wakes the thread), events come up (a byte in a
// pipe wakes the main loop; at most one byte is outstanding, so writing it can never block). A request is stopped by
// its number: worker_stop notes the last number given out, and whatever has that number or a lower one ends at its
// next token or piece of prompt. So a stop that arrives before its answer has begun is not lost, and one that arrives
// late never hits the next answer.
//
// A loaded model travels up inside its EVENT_LOADED. The main thread holds it from there on: taking the next
// EVENT_LOADED lets go of the one before, which this thread does not use any more by then.
#define _POSIX_C_SOURCE 200809L
#include "app/worker.h"
#include "app/engine.h"
#include "app/fetch.h"
#include "app/kvstore.h"
#include "app/prompt.h"
#include "app/corpus/span.h"
#include "app/style/speech.h"
#include "model/net/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { N_CANDIDATES = 10, DEFAULT_CTX = 4096 };

typedef enum request_kind {
    REQUEST_LOAD,
    REQUEST_FETCH,
    REQUEST_ADAPT,
    REQUEST_ASK,
    REQUEST_KEEP,
    REQUEST_RECALL,
} request_kind;

typedef struct request {
    struct request *next;
    request_kind kind;
    uint64_t number;
    char *name;         // LOAD: the path; FETCH: what to fetch; KEEP, RECALL: the conversation
    char *dir;          // FETCH: where to
    question *question; // ASK
    worker_adapter adapters[WORKER_MAX_ADAPTERS]; // ADAPT: with paths of their own
    size_t n_adapters;
} request;

typedef struct event_node {
    struct event_node *next;
    event event;
    held_model *loaded; // EVENT_LOADED: the model, which whoever takes the event holds
} event_node;

typedef struct adapter_set {
    adapter *opened[WORKER_MAX_ADAPTERS];
    adapter_use uses[WORKER_MAX_ADAPTERS];
    int n;
} adapter_set;

struct worker {
    pthread_t thread;
    worker_options options; // with texts of their own
    kvstore kv;
    int wake_read, wake_write;

    pthread_mutex_t lock; // guards from here ...
    pthread_cond_t work;  // a request came, or the worker closes
    request *first_request, *last_request;
    event_node *first_event, *last_event;
    bool awake;          // the byte is in the pipe
    uint64_t n_asked;    // numbers given out
    uint64_t n_finished; // requests done; they are done in order
    int n_fetching;      // of those asked for and not done
    uint64_t stop_upto;
    bool closing;
    bool reseed;
    gen_settings settings;
    float strengths[WORKER_MAX_ADAPTERS]; // of the adapters that request strengths_of named
    uint64_t strengths_of;
    bool strengths_changed; // ... to here

    held_model *shown; // the main thread's: what worker_model returns

    const model *model; // the worker thread's: what it computes with
    net_state *state;
    chain *chain;
    drafter *drafter; // NULL: none
    uint64_t seed;    // what the chain was last seeded with
    adapter_set adapters;
    uint64_t adapted; // the request that named them
    bool stale;       // the cache was calculated with other strengths
};

// What the callbacks of one answer share.
typedef struct answer {
    worker *w;
    uint64_t number;
    int n_tokens, dropped;
    double first_token; // when it came, in seconds
    const question *question;
    speech speech; // of an answer in a layout
    buf said;      // likewise: what it says so far
} answer;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// ---- events: worker thread -> main thread

static event event_make(const worker *w, event_type type, uint64_t number, const char *text, size_t n) {
    event e = {.type = type, .request = number, .text = mem_strndup(text, n), .n_text = n};
    if (w->state) {
        e.n_past = net_n_past(w->state);
        e.n_ctx = net_n_ctx(w->state);
    }
    return e;
}

static void post(worker *w, const event *e, held_model *loaded) {
    event_node *node = mem_calloc(1, sizeof *node);
    node->event = *e;
    node->loaded = loaded;
    pthread_mutex_lock(&w->lock);
    if (w->last_event)
        w->last_event->next = node;
    else
        w->first_event = node;
    w->last_event = node;
    if (!w->awake) {
        ssize_t n;
        do n = write(w->wake_write, "", 1);
        while (n < 0 && errno == EINTR);
        w->awake = n == 1;
    }
    pthread_mutex_unlock(&w->lock);
}

static void post_text(worker *w, event_type type, uint64_t number, const char *text) {
    event e = event_make(w, type, number, text, strlen(text));
    post(w, &e, NULL);
}

bool worker_next(worker *w, event *e) {
    pthread_mutex_lock(&w->lock);
    event_node *node = w->first_event;
    if (node) {
        w->first_event = node->next;
        if (!node->next) w->last_event = NULL;
    }
    if (!w->first_event && w->awake) {
        char byte;
        ssize_t n;
        do n = read(w->wake_read, &byte, 1);
        while (n < 0 && errno == EINTR);
        w->awake = false;
    }
    pthread_mutex_unlock(&w->lock);
    if (!node) return false;
    *e = node->event;
    if (node->loaded) {
        held_model_drop(w->shown);
        w->shown = node->loaded;
    }
    free(node);
    return true;
}

void event_free(event *e) {
    free(e->text);
    e->text = NULL;
    e->n_text = 0;
}

int worker_fd(const worker *w) {
    return w->wake_read;
}

const model *worker_model(const worker *w) {
    return w->shown ? held_model_get(w->shown) : NULL;
}

held_model *worker_hold_model(const worker *w) {
    return held_model_keep(w->shown);
}

// ---- requests: main thread -> worker thread

static uint64_t submit(worker *w, request *r) {
    pthread_mutex_lock(&w->lock);
    uint64_t number = r->number = ++w->n_asked;
    if (w->last_request)
        w->last_request->next = r;
    else
        w->first_request = r;
    w->last_request = r;
    w->n_fetching += r->kind == REQUEST_FETCH;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    return number;
}

static void request_free(request *r) {
    for (size_t i = 0; i < r->n_adapters; i++) free((char *)r->adapters[i].path);
    question_free(r->question);
    free(r->name);
    free(r->dir);
    free(r);
}

uint64_t worker_load(worker *w, const char *path) {
    request *r = mem_calloc(1, sizeof *r);
    r->kind = REQUEST_LOAD;
    r->name = mem_strdup(path);
    return submit(w, r);
}

uint64_t worker_fetch(worker *w, const char *name, const char *models_dir) {
    request *r = mem_calloc(1, sizeof *r);
    r->kind = REQUEST_FETCH;
    r->name = mem_strdup(name);
    r->dir = mem_strdup(models_dir);
    return submit(w, r);
}

uint64_t worker_adapt(worker *w, const worker_adapter *list, size_t n) {
    request *r = mem_calloc(1, sizeof *r);
    r->kind = REQUEST_ADAPT;
    r->n_adapters = n < WORKER_MAX_ADAPTERS ? n : WORKER_MAX_ADAPTERS;
    for (size_t i = 0; i < r->n_adapters; i++)
        r->adapters[i] = (worker_adapter){mem_strdup(list[i].path), list[i].strength};
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < r->n_adapters; i++) w->strengths[i] = list[i].strength;
    w->strengths_of = w->n_asked + 1; // the number that submit will give
    w->strengths_changed = false;
    pthread_mutex_unlock(&w->lock);
    return submit(w, r);
}

void worker_set_strength(worker *w, size_t i, float strength) {
    if (i >= WORKER_MAX_ADAPTERS) return;
    pthread_mutex_lock(&w->lock);
    w->strengths[i] = strength;
    w->strengths_changed = true;
    pthread_mutex_unlock(&w->lock);
}

uint64_t worker_ask_for(worker *w, const question *q) {
    request *r = mem_calloc(1, sizeof *r);
    r->kind = REQUEST_ASK;
    r->question = question_copy(q);
    return submit(w, r);
}

uint64_t worker_ask(worker *w, const chat_message *messages, size_t n) {
    return worker_ask_for(w, &(question){.messages = messages, .n = n});
}

static uint64_t submit_name(worker *w, request_kind kind, const char *name) {
    request *r = mem_calloc(1, sizeof *r);
    r->kind = kind;
    r->name = mem_strdup(name);
    return submit(w, r);
}

uint64_t worker_keep(worker *w, const char *conversation) {
    return submit_name(w, REQUEST_KEEP, conversation);
}

uint64_t worker_recall(worker *w, const char *conversation) {
    return submit_name(w, REQUEST_RECALL, conversation);
}

void worker_stop(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->stop_upto = w->n_asked;
    pthread_mutex_unlock(&w->lock);
}

bool worker_busy(worker *w) {
    pthread_mutex_lock(&w->lock);
    bool busy = w->n_finished != w->n_asked;
    pthread_mutex_unlock(&w->lock);
    return busy;
}

bool worker_computes(worker *w) {
    pthread_mutex_lock(&w->lock);
    bool computes = w->n_asked - w->n_finished > (uint64_t)w->n_fetching;
    pthread_mutex_unlock(&w->lock);
    return computes;
}

void worker_set_settings(worker *w, const gen_settings *s) {
    pthread_mutex_lock(&w->lock);
    w->settings = *s;
    pthread_mutex_unlock(&w->lock);
}

void worker_get_settings(worker *w, gen_settings *s) {
    pthread_mutex_lock(&w->lock);
    *s = w->settings;
    pthread_mutex_unlock(&w->lock);
}

void worker_reseed(worker *w) {
    pthread_mutex_lock(&w->lock);
    w->reseed = true;
    pthread_mutex_unlock(&w->lock);
}

static bool stopped(worker *w, uint64_t number) {
    pthread_mutex_lock(&w->lock);
    bool yes = w->closing || number <= w->stop_upto;
    pthread_mutex_unlock(&w->lock);
    return yes;
}

// ---- adapters

static void close_adapters(adapter_set *set) {
    for (int i = 0; i < set->n; i++) adapter_close(set->opened[i]);
    set->n = 0;
}

// Takes up strengths that were changed. What the cache holds was calculated with the old ones.
static void refresh_strengths(worker *w) {
    pthread_mutex_lock(&w->lock);
    bool changed = w->strengths_changed && w->strengths_of == w->adapted;
    if (changed) w->strengths_changed = false;
    for (int i = 0; changed && i < w->adapters.n; i++) w->adapters.uses[i].strength = w->strengths[i];
    pthread_mutex_unlock(&w->lock);
    if (!changed) return;
    net_set_adapters(w->state, w->adapters.uses, w->adapters.n);
    w->stale = true;
}

static int open_adapters(worker *w, const request *r, adapter_set *set, error *err) {
    if (!w->model) return error_set(err, "no model is loaded; load one first");
    for (size_t i = 0; i < r->n_adapters; i++) {
        adapter *a = adapter_open(r->adapters[i].path, w->model->net, err);
        if (!a) return -1;
        set->opened[set->n] = a;
        set->uses[set->n++] = (adapter_use){a, r->adapters[i].strength};
    }
    return 0;
}

// Strengths mean the adapters in use again, not those that could not be opened.
static void restore_strengths(worker *w, uint64_t failed) {
    pthread_mutex_lock(&w->lock);
    if (w->strengths_of == failed) {
        w->strengths_of = w->adapted;
        for (int i = 0; i < w->adapters.n; i++) w->strengths[i] = w->adapters.uses[i].strength;
    }
    pthread_mutex_unlock(&w->lock);
}

static void adapt(worker *w, const request *r) {
    error err = {{0}};
    adapter_set set = {.n = 0};
    if (open_adapters(w, r, &set, &err) != 0) {
        close_adapters(&set);
        restore_strengths(w, r->number);
        post_text(w, EVENT_ERROR, r->number, err.text);
        return;
    }
    net_set_adapters(w->state, set.uses, set.n);
    close_adapters(&w->adapters);
    w->adapters = set;
    w->adapted = r->number;
    w->stale = true;
    post_text(w, EVENT_ADAPTED, r->number, "");
}

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
        post_text(w, EVENT_ERROR, r->number, err.text);
        return;
    }
    net_state_close(w->state);
    close_adapters(&w->adapters);
    chain_close(w->chain);
    drafter_close(w->drafter);
    w->drafter = d;
    w->adapted = r->number;
    w->stale = false;
    gen_settings s;
    worker_get_settings(w, &s);
    w->model = held_model_get(h);
    w->state = state;
    w->seed = s.seed;
    w->chain = chain_open(net_get_config(w->model->net)->n_vocab, w->seed);
    event e = event_make(w, EVENT_LOADED, r->number, r->name, strlen(r->name));
    post(w, &e, h);
}

typedef struct fetching {
    worker *w;
    uint64_t number;
} fetching;

static bool on_fetch(void *arg, const fetch_progress *p) {
    fetching *f = arg;
    buf line = {0};
    fetch_progress_text(&line, p);
    event e = event_make(f->w, EVENT_FETCH, f->number, buf_str(&line), line.len);
    e.done = (int)(p->done / 1000);
    e.total = (int)(p->total / 1000);
    post(f->w, &e, NULL);
    buf_free(&line);
    return !stopped(f->w, f->number);
}

static void fetch(worker *w, const request *r) {
    error err = {{0}};
    fetching f = {w, r->number};
    fetch_options o = {.progress = on_fetch, .arg = &f};
    buf path = {0};
    int result = fetch_any(r->name, r->dir, &o, &path, &err);
    if (result == FETCH_FAILED)
        post_text(w, EVENT_ERROR, r->number, err.text);
    else
        post_text(w, EVENT_FETCHED, r->number, result == FETCH_DONE ? buf_str(&path) : "");
    buf_free(&path);
}

// ---- answering

// The settings as they are now, with the text that ends a turn in a model without turn markers.
static void current_settings(worker *w, const question *q, gen_settings *s) {
    worker_get_settings(w, s);
    const char *end = q->as_trained ? NULL : chat_stop_text(&w->model->chat);
    if (end && s->n_stops < GEN_MAX_STOPS && strlen(end) < GEN_MAX_STOP_BYTES) strcpy(s->stops[s->n_stops++], end);
}

static void refresh(void *arg, gen_settings *s) {
    answer *a = arg;
    current_settings(a->w, a->question, s);
    if (!a->question->own_strengths) refresh_strengths(a->w);
}

static bool on_prefill(void *arg, int done, int total) {
    answer *a = arg;
    event e = event_make(a->w, EVENT_PREFILL, a->number, "", 0);
    e.done = done;
    e.total = total;
    e.dropped_turns = a->dropped;
    post(a->w, &e, NULL);
    return !stopped(a->w, a->number);
}

// The most probable tokens; when a less probable one was drawn, it stands behind them.
static void fill_candidates(event *e, const worker *w, const gen_token *t) {
    bool found = false;
    int n = t->n_candidates < GEN_MAX_CANDIDATES - 1 ? t->n_candidates : GEN_MAX_CANDIDATES - 1;
    for (int i = 0; i < n; i++) {
        const candidate *c = &t->candidates[i];
        e->candidates[i].before = c->before;
        e->candidates[i].after = c->after;
        e->candidates[i].chosen = c->id == t->id;
        found |= c->id == t->id;
        prompt_show_token(w->model->tokenizer, c->id, e->candidates[i].text, sizeof e->candidates[i].text);
    }
    if (!found && n > 0) {
        e->candidates[n].before = (float)exp(t->logprob);
        e->candidates[n].after = chain_prob(w->chain, t->id);
        e->candidates[n].chosen = true;
        prompt_show_token(w->model->tokenizer, t->id, e->candidates[n].text, sizeof e->candidates[n].text);
        n++;
    }
    e->n_candidates = n;
}

static bool on_token(void *arg, const gen_token *t) {
    answer *a = arg;
    size_t said = a->said.len;
    if (a->question->as_trained)
        speech_feed(&a->speech, t->text, t->n_text, &a->said);
    else
        buf_append(&a->said, t->text, t->n_text);
    event e = event_make(a->w, EVENT_TOKEN, a->number, buf_str(&a->said) + said, a->said.len - said);
    double time = now();
    if (a->n_tokens++ == 0)
        a->first_token = time;
    else if (time > a->first_token)
        e.tok_s = (a->n_tokens - 1) / (time - a->first_token);
    e.n_tokens = a->n_tokens;
    e.dropped_turns = a->dropped;
    fill_candidates(&e, a->w, t);
    post(a->w, &e, NULL);
    return !a->speech.ended && !stopped(a->w, a->number);
}

static void seed_chain(worker *w, uint64_t seed) {
    pthread_mutex_lock(&w->lock);
    bool anew = w->reseed || seed != w->seed;
    w->reseed = false;
    pthread_mutex_unlock(&w->lock);
    if (!anew) return;
    chain_seed(w->chain, seed);
    w->seed = seed;
}

static void post_done(const answer *a, const gen_result *result) {
    bool as_trained = a->question->as_trained;
    span said = as_trained ? span_trim(span_of_buf(&a->said)) : span_of_buf(&result->text);
    event e = event_make(a->w, EVENT_DONE, a->number, said.s, said.n);
    e.stop = a->speech.ended ? GEN_EOS : result->stop;
    e.n_tokens = (int)result->ids.len;
    e.dropped_turns = a->dropped;
    if (result->decode_seconds > 0) e.tok_s = result->n_decoded / result->decode_seconds;
    if (result->prefill_seconds > 0) e.prefill_tok_s = (result->n_prompt - result->n_reused) / result->prefill_seconds;
    post(a->w, &e, NULL);
}

// Answers with the strengths that the question brings, in place of the chat's; strengths NULL: with the chat's again.
// What the cache holds serves only where both are the same.
static void use_strengths(worker *w, const float *strengths) {
    adapter_use uses[WORKER_MAX_ADAPTERS];
    bool same = true;
    for (int i = 0; i < w->adapters.n; i++) {
        uses[i] = w->adapters.uses[i];
        if (strengths) uses[i].strength = strengths[i];
        same = same && (!strengths || uses[i].strength == w->adapters.uses[i].strength);
    }
    if (same && strengths) return;
    net_set_adapters(w->state, uses, w->adapters.n);
    w->stale = true;
}

static int read_question(worker *w, answer *a, const gen_settings *s, id_list *prompt, error *err) {
    const question *q = a->question;
    const prompt_layout layout = {
        .kind = q->layout, .session_gap = q->session_gap, .speaker = q->speaker, .times = q->times};
    if (w->stale) net_truncate(w->state, 0);
    w->stale = false;
    return prompt_fit_layout(w->model, q->as_trained ? &layout : NULL, q->messages, q->n, net_n_ctx(w->state),
                             s->max_tokens, prompt, &a->dropped, err);
}

static int answer_question(worker *w, answer *a, gen_result *result, error *err) {
    const question *q = a->question;
    gen_settings s;
    id_list prompt = {0};
    current_settings(w, q, &s);
    seed_chain(w, s.seed);
    chain_random random = chain_get_random(w->chain);
    if (q->aside) chain_seed(w->chain, s.seed);
    refresh_strengths(w);
    if (q->own_strengths) use_strengths(w, q->strengths);
    int failed = read_question(w, a, &s, &prompt, err);
    gen_request g = {.prompt = prompt.data,
                     .n_prompt = prompt.len,
                     .settings = &s,
                     .n_candidates = N_CANDIDATES,
                     .refresh = refresh,
                     .on_token = on_token,
                     .on_prefill = on_prefill,
                     .arg = a,
                     .drafter = w->drafter};
    if (!failed) failed = generate(w->state, w->model->tokenizer, w->chain, &g, result, err);
    if (q->own_strengths) use_strengths(w, NULL);
    if (q->aside) chain_set_random(w->chain, &random);
    id_list_free(&prompt);
    return failed;
}

static void ask(worker *w, const request *r) {
    error err = {{0}};
    answer a = {.w = w, .number = r->number, .question = r->question, .speech = {.kind = r->question->layout}};
    gen_result result = {.stop = GEN_INTERRUPTED};
    int failed = 0;
    if (!w->model)
        failed = error_set(&err, "no model is loaded; load one first");
    else if (!stopped(w, r->number))
        failed = answer_question(w, &a, &result, &err);
    if (failed)
        post_text(w, EVENT_ERROR, r->number, err.text);
    else
        post_done(&a, &result);
    gen_result_free(&result);
    buf_free(&a.said);
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
    refresh_strengths(w);
    int failed = kvstore_recall(&w->kv, r->name, w->state, &extra, NULL);
    w->stale = false; // it is what was kept, or empty
    if (failed || extra.n != sizeof k) return;
    memcpy(&k, extra.bytes, sizeof k);
    chain_set_random(w->chain, &k.random);
    w->seed = k.seed;
}

// ---- the thread

// The next request; NULL when the worker closes, which drops all but what is to be kept.
static request *take_request(worker *w) {
    request *r;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->first_request && !w->closing) pthread_cond_wait(&w->work, &w->lock);
        r = w->first_request;
        if (!r) break;
        w->first_request = r->next;
        if (!r->next) w->last_request = NULL;
        if (!w->closing || r->kind == REQUEST_KEEP) break;
        request_free(r);
    }
    pthread_mutex_unlock(&w->lock);
    return r;
}

static void *run(void *arg) {
    worker *w = arg;
    for (request *r; (r = take_request(w));) {
        switch (r->kind) {
        case REQUEST_LOAD: load(w, r); break;
        case REQUEST_FETCH: fetch(w, r); break;
        case REQUEST_ADAPT: adapt(w, r); break;
        case REQUEST_ASK: ask(w, r); break;
        case REQUEST_KEEP: keep(w, r); break;
        case REQUEST_RECALL: recall(w, r); break;
        }
        bool fetched = r->kind == REQUEST_FETCH;
        request_free(r);
        pthread_mutex_lock(&w->lock);
        w->n_finished++;
        w->n_fetching -= fetched;
        pthread_mutex_unlock(&w->lock);
    }
    net_state_close(w->state);
    close_adapters(&w->adapters);
    chain_close(w->chain);
    drafter_close(w->drafter);
    return NULL;
}

// Signals are the main thread's business; faults must stay deliverable to the thread that commits them.
static int start_thread(worker *w) {
    sigset_t all, before;
    sigfillset(&all);
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static void free_worker(worker *w) {
    while (w->first_request) {
        request *r = w->first_request;
        w->first_request = r->next;
        request_free(r);
    }
    while (w->first_event) {
        event_node *node = w->first_event;
        w->first_event = node->next;
        event_free(&node->event);
        held_model_drop(node->loaded);
        free(node);
    }
    held_model_drop(w->shown);
    free((char *)w->options.draft_file);
    free(w->kv.dir);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    close(w->wake_read);
    close(w->wake_write);
    free(w);
}

worker *worker_open(const worker_options *o, error *err) {
    int ends[2];
    if (pipe(ends) != 0) {
        error_set(err, "cannot make a pipe: %s", strerror(errno));
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    worker *w = mem_calloc(1, sizeof *w);
    w->options = *o;
    w->options.draft_file = mem_strdup(o->draft_file);
    w->options.kv_dir = NULL;
    w->kv = (kvstore){.dir = mem_strdup(o->kv_dir), .cap = o->kv_cap};
    w->wake_read = ends[0];
    w->wake_write = ends[1];
    w->settings = gen_settings_chat();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    int code = start_thread(w);
    if (code != 0) {
        error_set(err, "cannot start the generator thread: %s", strerror(code));
        free_worker(w);
        return NULL;
    }
    return w;
}

void worker_close(worker *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    free_worker(w);
}
