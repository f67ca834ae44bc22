// The main thread's side of the worker: events out, requests in, opening and closing.
#include "app/worker_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- events: worker thread -> main thread

event worker_event(const worker *w, event_type type, uint64_t number, const char *text, size_t n) {
    event e = {.type = type, .request = number, .text = mem_strndup(text, n), .n_text = n};
    if (w->state) {
        e.n_past = net_n_past(w->state);
        e.n_ctx = net_n_ctx(w->state);
    }
    return e;
}

void worker_post(worker *w, const event *e, held_model *loaded) {
    event_node *node = mem_calloc(1, sizeof *node);
    node->event = *e;
    node->loaded = loaded;
    pthread_mutex_lock(&w->lock);
    if (w->last_event)
        w->last_event->next = node;
    else
        w->first_event = node;
    w->last_event = node;
    pthread_mutex_unlock(&w->lock);
    wake_up(&w->news);
}

void worker_post_text(worker *w, event_type type, uint64_t number, const char *text) {
    event e = worker_event(w, type, number, text, strlen(text));
    worker_post(w, &e, NULL);
}

bool worker_next(worker *w, event *e) {
    pthread_mutex_lock(&w->lock);
    event_node *node = w->first_event;
    if (node) {
        w->first_event = node->next;
        if (!node->next) w->last_event = NULL;
    }
    if (!w->first_event) wake_clear(&w->news);
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
    return wake_fd(&w->news);
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
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    return number;
}

void worker_request_free(request *r) {
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

bool worker_stopped(worker *w, uint64_t number) {
    pthread_mutex_lock(&w->lock);
    bool yes = w->closing || number <= w->stop_upto;
    pthread_mutex_unlock(&w->lock);
    return yes;
}

// ---- opening and closing

static void free_worker(worker *w) {
    while (w->first_request) {
        request *r = w->first_request;
        w->first_request = r->next;
        worker_request_free(r);
    }
    while (w->first_event) {
        event_node *node = w->first_event;
        w->first_event = node->next;
        event_free(&node->event);
        held_model_drop(node->loaded);
        free(node);
    }
    if (w->prepared) worker_adapters_close(w->prepared);
    free(w->prepared);
    held_model_drop(w->shown);
    free((char *)w->options.draft_file);
    free(w->kv.dir);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    wake_close(&w->news);
    free(w);
}

worker *worker_open(const worker_options *o, error *err) {
    worker *w = mem_calloc(1, sizeof *w);
    if (wake_open(&w->news, err) != 0) {
        free(w);
        return NULL;
    }
    w->options = *o;
    w->options.draft_file = mem_strdup(o->draft_file);
    w->options.kv_dir = NULL;
    w->kv = (kvstore){.dir = mem_strdup(o->kv_dir), .cap = o->kv_cap};
    w->settings = gen_settings_chat();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    if (worker_thread_start(w, err) == 0) return w;
    free_worker(w);
    return NULL;
}

void worker_close(worker *w) {
    if (!w) return;
    worker_thread_join(w);
    free_worker(w);
}
