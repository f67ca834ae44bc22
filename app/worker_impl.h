// Shared by the files of the worker: worker.c is the main thread's side, worker_thread.c the generator thread,
// worker_answer.c its answers, worker_adapters.c the adapters and the thread that prepares them. Nobody else includes
// this.
//
// Two queues under one mutex: requests go down (a condition variable wakes the thread), events come up (a byte in a
// pipe wakes the main loop). A request is stopped by
// its number: worker_stop notes the last number given out, and whatever has that number or a lower one ends at its
// next token or piece of prompt. So a stop that arrives before its answer has begun is not lost, and one that arrives
// late never hits the next answer.
//
// A loaded model travels up inside its EVENT_LOADED. The main thread holds it from there on: taking the next
// EVENT_LOADED lets go of the one before, which the generator thread does not use any more by then.
#ifndef DOPPEL_WORKER_IMPL_H
#define DOPPEL_WORKER_IMPL_H

#include "app/kvstore.h"
#include "app/wake.h"
#include "app/worker.h"
#include "model/net/adapter.h"

#include <pthread.h>
#include <stdatomic.h>

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
    uint64_t number; // of the request that named them
    adapter *opened[WORKER_MAX_ADAPTERS];
    adapter_use uses[WORKER_MAX_ADAPTERS];
    int n;
} adapter_set;

struct worker {
    pthread_t thread, preparer;
    worker_options options; // with texts of their own
    kvstore kv;
    wake news; // of the threads, for main

    pthread_mutex_t lock; // guards from here ...
    pthread_cond_t work;  // a request came or was done, or the worker closes: both threads wait for it
    request *first_request, *last_request;
    event_node *first_event, *last_event;
    uint64_t n_asked;    // numbers given out
    uint64_t n_finished; // requests done
    int n_fetching;      // of those asked for and not done
    uint64_t stop_upto;
    bool closing;
    bool reseed;
    gen_settings settings;
    float strengths[WORKER_MAX_ADAPTERS]; // of the adapters that request strengths_of named
    uint64_t strengths_of;
    bool strengths_changed;
    bool may_swap;  // an answer runs that takes up other adapters
    bool preparing; // the preparer has a request, or its set has not been taken up yet ... to here

    _Atomic(adapter_set *) prepared; // by the preparer; the worker thread takes it out

    held_model *shown; // the main thread's: what worker_model returns

    const model *model; // the worker thread's: what it computes with
    net_state *state;
    chain *chain;
    drafter *drafter;     // NULL: none
    uint64_t seed;        // what the chain was last seeded with
    adapter_set adapters; // uses: read by the preparer, so changed with the lock held
    bool stale;           // the cache was calculated with other strengths
};

// ---- worker.c

// With where the context stands; only for the worker thread.
event worker_event(const worker *w, event_type type, uint64_t number, const char *text, size_t n);
void worker_post(worker *w, const event *e, held_model *loaded); // any thread
void worker_post_text(worker *w, event_type type, uint64_t number, const char *text);
bool worker_stopped(worker *w, uint64_t number);
void worker_request_free(request *r);

// ---- worker_thread.c

int worker_thread_start(worker *w, error *err);
void worker_thread_join(worker *w);

// ---- worker_answer.c: serves REQUEST_ASK

void worker_answer(worker *w, const request *r);

// ---- worker_adapters.c

void worker_adapters_serve(worker *w, const request *r); // REQUEST_ADAPT, on the worker thread
void *worker_adapters_prepare(void *w);                  // the preparer: serves REQUEST_ADAPT while an answer runs
// Takes up what the preparer has prepared, and strengths that were changed. Between two tokens, without waiting for
// anybody. What the cache holds was calculated with the old ones then (stale).
void worker_adapters_refresh(worker *w);
// Answers with the strengths that a question brings, in place of the chat's; strengths NULL: with the chat's again.
// False: they are the same, nothing was changed.
bool worker_adapters_use(worker *w, const float *strengths);
void worker_adapters_close(adapter_set *set);

#endif
