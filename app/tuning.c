// What is chosen, and the thread that reads and forecasts.
//
// There is one place for a wish and one for a result. A newer wish replaces one that was not yet taken, and its number
// makes the thread give up the one it works on; a result with an old number is dropped. So moving sliders fast costs
// nothing, and the main loop never waits.
#include "app/tuning_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- wishes and results

void tuning_wish_free(tuning_wish *w) {
    if (!w) return;
    for (size_t i = 0; i < w->n_paths; i++) free(w->paths[i]);
    free(w->paths);
    free(w->pasted);
    train_settings_free(&w->settings);
    free(w);
}

static void free_authors(tuning_author *list, size_t n) {
    for (size_t i = 0; i < n; i++) free(list[i].name);
    free(list);
}

void tuning_result_free(tuning_result *r) {
    if (!r) return;
    free(r->format);
    free(r->kept);
    free_authors(r->authors, r->n_authors);
    buf_free(&r->preview);
    buf_free(&r->notes);
    free(r);
}

// ---- the thread

bool tuning_is_wanted(tuning_private *p, uint64_t number) {
    return atomic_load(&p->wanted) == number;
}

void tuning_tell_progress(tuning_private *p, int64_t done, int64_t total) {
    pthread_mutex_lock(&p->lock);
    p->bytes_done = done;
    p->bytes_total = total;
    pthread_mutex_unlock(&p->lock);
    wake_up(&p->news);
}

static void *run(void *arg) {
    tuning_private *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->closing) {
        tuning_wish *w = p->wish;
        p->wish = NULL;
        if (!w) {
            pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        pthread_mutex_unlock(&p->lock);
        tuning_result *r = mem_calloc(1, sizeof *r);
        *r = (tuning_result){.number = w->number, .read = w->read};
        if (w->read)
            tuning_read_run(p, w, r);
        else
            tuning_forecast_run(p, w, r);
        tuning_wish_free(w);
        pthread_mutex_lock(&p->lock);
        tuning_result_free(p->result);
        p->result = r;
        wake_up(&p->news);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void tuning_want(tuning *t, tuning_wish *w) {
    tuning_private *p = t->p;
    pthread_mutex_lock(&p->lock);
    w->number = atomic_fetch_add(&p->wanted, 1) + 1;
    p->waits_for = w->number;
    tuning_wish_free(p->wish);
    p->wish = w;
    p->bytes_done = 0;
    p->bytes_total = -1;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

static void want_nothing(tuning *t) {
    tuning_private *p = t->p;
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->wanted, 1);
    p->waits_for = 0;
    tuning_wish_free(p->wish);
    p->wish = NULL;
    pthread_mutex_unlock(&p->lock);
}

// ---- opening and closing

tuning *tuning_new(error *err) {
    tuning_private *p = mem_calloc(1, sizeof *p);
    if (wake_open(&p->news, err) != 0) {
        free(p);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    tuning *t = mem_calloc(1, sizeof *t);
    *t = (tuning){.effort = TUNING_NORMAL, .rank = 16, .rate = 1e-3, .p = p};
    t->title = mem_strdup("");
    t->format = mem_strdup("");
    t->name = mem_strdup("");
    int failed = pthread_create(&p->thread, NULL, run, p);
    if (failed == 0) return t;
    error_set(err, "cannot start a thread: %s", strerror(failed));
    p->closing = true;
    p->thread = pthread_self();
    tuning_free(t);
    return NULL;
}

void tuning_forget_source(tuning *t) {
    tuning_private *p = t->p;
    for (size_t i = 0; i < p->n_paths; i++) free(p->paths[i]);
    free(p->paths);
    p->paths = NULL;
    p->n_paths = 0;
    free_authors(t->authors, t->n_authors);
    t->authors = NULL;
    t->n_authors = 0;
    buf_clear(&t->preview);
    buf_clear(&t->notes);
    buf_clear(&t->warning);
    t->title[0] = t->format[0] = t->first[0] = t->last[0] = '\0';
    t->messages = t->skipped = t->bytes_done = 0;
    t->bytes_total = -1;
    t->is_log = false;
    t->forecast = (tuning_forecast){0};
    t->err = (error){{0}};
    if (!p->name_given) t->name[0] = '\0';
    t->stage = TUNING_EMPTY;
}

void tuning_free(tuning *t) {
    if (!t) return;
    tuning_private *p = t->p;
    want_nothing(t);
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    if (!pthread_equal(p->thread, pthread_self())) pthread_join(p->thread, NULL);
    tuning_forget_source(t);
    tuning_result_free(p->result);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    wake_close(&p->news);
    free(p->model);
    free(p);
    free(t->title);
    free(t->format);
    free(t->name);
    buf_free(&t->preview);
    buf_free(&t->notes);
    buf_free(&t->warning);
    free(t);
}

int tuning_fd(const tuning *t) {
    return wake_fd(&t->p->news);
}

bool tuning_busy(const tuning *t) {
    return t->p->waits_for != 0;
}

void tuning_cancel(tuning *t) {
    want_nothing(t);
    tuning_forget_source(t);
}

// ---- what was found

static void warn(tuning *t, const int64_t *found) {
    static const struct {
        scrub_kind kind;
        const char *one, *more;
    } names[] = {{SCRUB_KIND_EMAIL, "e-mail address", "e-mail addresses"},
                 {SCRUB_KIND_PHONE, "phone number", "phone numbers"},
                 {SCRUB_KIND_CARD, "card number", "card numbers"},
                 {SCRUB_KIND_IP, "IP address", "IP addresses"},
                 {SCRUB_KIND_KEY, "key or token", "keys or tokens"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t n = found[names[i].kind];
        if (n == 0) continue;
        buf_printf(&t->warning, "%s%lld %s", t->warning.len ? ", " : "", (long long)n,
                   n == 1 ? names[i].one : names[i].more);
    }
}

void tuning_put_string(char **s, char *value) {
    free(*s);
    *s = value;
}

// A pasted log that became a data set is learned from there.
static void learn_from(tuning *t, char *path) {
    tuning_private *p = t->p;
    for (size_t i = 0; i < p->n_paths; i++) free(p->paths[i]);
    p->n_paths = 1;
    p->paths[0] = path;
}

void tuning_want_forecast(tuning *t) {
    tuning_wish *w = mem_calloc(1, sizeof *w);
    *w = (tuning_wish){.known = t->p->last, .n_ctx = t->p->n_ctx, .settings = train_settings_none()};
    tuning_settings_fill(t, &w->settings);
    t->forecast.stale = true;
    t->err = (error){{0}};
    tuning_want(t, w);
}

enum { LEAST_BYTES = 500 };

static void take_reading(tuning *t, tuning_result *r) {
    if (r->code != 0) {
        t->stage = TUNING_FAILED;
        t->err = r->err;
        return;
    }
    t->stage = TUNING_READY;
    t->is_log = r->is_log;
    t->messages = r->messages;
    t->skipped = r->skipped;
    memcpy(t->first, r->first, sizeof t->first);
    memcpy(t->last, r->last, sizeof t->last);
    tuning_put_string(&t->format, mem_strdup(r->format));
    t->authors = r->authors;
    t->n_authors = r->n_authors;
    r->authors = NULL;
    r->n_authors = 0;
    buf_append(&t->preview, buf_str(&r->preview), r->preview.len);
    buf_append(&t->notes, buf_str(&r->notes), r->notes.len);
    t->p->text_bytes = r->text_bytes;
    warn(t, r->found);
    if (r->kept) learn_from(t, r->kept);
    r->kept = NULL;
    if (r->text_bytes < LEAST_BYTES) {
        error_set(&t->err, "%s: there is hardly a sentence or two in it; give it a page of text at least", t->title);
        return;
    }
    // Somebody is chosen from the start, so that there is a forecast to look at.
    if (t->is_log && t->n_authors > 0) t->authors[0].chosen = true;
    tuning_settings_name(t);
    tuning_want_forecast(t);
}

static void take_forecast(tuning *t, const tuning_result *r) {
    t->forecast.stale = false;
    t->p->n_ctx = r->n_ctx;
    if (r->code == 0) {
        t->p->last = r->forecast;
        tuning_forecast_update(t);
        return;
    }
    t->forecast.known = false;
    t->err = r->err;
}

bool tuning_pump(tuning *t) {
    tuning_private *p = t->p;
    wake_clear(&p->news);
    pthread_mutex_lock(&p->lock);
    tuning_result *r = p->result;
    p->result = NULL;
    bool moved = t->stage == TUNING_READING && (t->bytes_done != p->bytes_done || t->bytes_total != p->bytes_total);
    if (t->stage == TUNING_READING) {
        t->bytes_done = p->bytes_done;
        t->bytes_total = p->bytes_total;
    }
    pthread_mutex_unlock(&p->lock);
    bool wanted = r && r->number == p->waits_for;
    if (wanted) {
        p->waits_for = 0;
        if (r->read)
            take_reading(t, r);
        else
            take_forecast(t, r);
    }
    tuning_result_free(r);
    return wanted || moved;
}
