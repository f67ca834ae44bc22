// Main's side of the background: wishes, what the thread told, opening and closing.
#include "app/background_impl.h"
#include "app/headless.h"
#include "app/train_run.h"
#include "app/tree.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POWER_SECONDS = 10 };

// ---- notes

unsigned background_note(background *b, const char *fmt, ...) {
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    b->notes = mem_reserve(b->notes, &b->cap_notes, b->n_notes + 1, sizeof *b->notes);
    b->notes[b->n_notes++] = mem_strdup(line);
    return BACKGROUND_NOTE;
}

char *background_take_note(background *b) {
    if (b->n_notes == 0) return NULL;
    char *first = b->notes[0];
    memmove(b->notes, b->notes + 1, --b->n_notes * sizeof *b->notes);
    return first;
}

// ---- wishes

// The phase of the job that the thread has.
static void settle_phase(background *b) {
    background_state *s = &b->state;
    if (!b->current) return;
    s->pause_reason = b->held_up;
    s->phase = b->is_ending || b->asked_elsewhere ? BACKGROUND_STOPPING
               : b->paused || b->held_up          ? BACKGROUND_PAUSED
               : b->planned                       ? BACKGROUND_RUNNING
                                                  : BACKGROUND_STARTING;
}

void background_tell_thread(background *b) {
    pthread_mutex_lock(&b->lock);
    b->wants_pause = b->paused;
    b->is_holding = b->is_busy || b->paused || b->is_ending;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    settle_phase(b);
}

void background_yield(background *b, bool generator_is_busy) {
    if (b->is_busy == generator_is_busy) return;
    b->is_busy = generator_is_busy;
    background_tell_thread(b);
}

bool background_is_elsewhere(background *b) {
    return b->current && b->current->follows;
}

void background_pause(background *b) {
    if (!b->current || b->is_ending) return;
    if (background_is_elsewhere(b)) {
        background_note(b, "%s is trained by another process, which cannot be paused from here; it can be stopped",
                        b->state.name);
        return;
    }
    b->paused = true;
    background_tell_thread(b);
}

void background_go_on(background *b) {
    b->paused = false;
    background_tell_thread(b);
}

static void end_job(background *b) {
    b->is_ending = true;
    background_tell_thread(b);
}

bool background_can_stop(background *b, error *err) {
    return !background_is_elsewhere(b) || headless_can_stop(b->current->folder, err);
}

void background_stop(background *b) {
    if (!b->current || b->asked_elsewhere) return; // asked twice, it would end without saving
    error err;
    if (!background_is_elsewhere(b)) {
        end_job(b);
    } else if (headless_stop(b->current->folder, &err) != 0) {
        b->discarding = false;
        b->is_unwanted = false;
        background_note(b, "%s", err.text);
    } else { // it saves, ends, and the follower tells so
        b->asked_elsewhere = true;
        settle_phase(b);
    }
}

void background_discard(background *b) {
    if (!b->current) return;
    b->discarding = true;
    b->is_unwanted = true;
    background_stop(b);
}

void background_watch_power(background *b, const char *root, double seconds) {
    pthread_mutex_lock(&b->lock);
    free(b->power_root);
    b->power_root = mem_strdup(root);
    b->power_seconds = seconds;
    pthread_mutex_unlock(&b->lock);
}

// ---- what the thread told

static unsigned on_event(background *b, background_item *item) {
    train_event e = item->event;
    unsigned flags = 0;
    e.text = item->text;
    e.name = item->name;
    if (e.type == TRAIN_PLAN) b->planned = true;
    if (e.type == TRAIN_PLAN) b->reason = NULL; // an end before it was that of a run that was gone on with
    if (e.type == TRAIN_END) b->reason = e.reason;
    if (e.type == TRAIN_NOTE) flags |= background_note(b, "%s: %s", b->state.name, e.text);
    flags |= background_state_take(&b->state, &e);
    settle_phase(b);
    return flags;
}

static unsigned on_anew(background *b) {
    bool elsewhere = b->state.is_elsewhere;
    char *path = mem_strdup(b->state.path);
    background_state_begin(&b->state, b->current->name);
    free(b->state.path);
    b->state.path = path;
    b->state.is_elsewhere = elsewhere;
    b->planned = b->asked_elsewhere = false;
    settle_phase(b);
    return BACKGROUND_PHASE | BACKGROUND_STEP | BACKGROUND_EVAL;
}

// Did the training that the thread has leave something that it can be taken up from?
static bool can_go_on(const background *b) {
    if (b->discarding || b->current->follows) return false;
    buf path = {0};
    buf_printf(&path, "%s/run.json", b->current->folder);
    bool there = access(buf_str(&path), F_OK) == 0;
    buf_free(&path);
    return there;
}

static void on_ended(background *b, const background_item *item) {
    background_state *s = &b->state;
    s->n_ended++;
    s->phase = item->code == TRAIN_RUN_FAILED ? BACKGROUND_FAILED : BACKGROUND_DONE;
    s->reason = s->phase == BACKGROUND_FAILED ? NULL : b->reason ? b->reason : "interrupted";
    s->pause_reason = NULL;
    s->err = item->err;
    s->can_go_on = s->phase == BACKGROUND_FAILED && can_go_on(b);
    if (b->discarding && tree_remove(b->current->folder, &s->err) == 0) {
        s->phase = BACKGROUND_DONE;
        s->reason = "discarded";
        s->has_result = false;
    } else if (b->discarding) {
        s->phase = BACKGROUND_FAILED;
    }
    background_job_free(b->current);
    b->current = NULL;
    b->held_up = NULL;
    b->is_ending = b->paused = b->asked_elsewhere = false;
    b->is_unwanted = false;
}

// How one that nobody looks at any more ended, before the next one takes its place.
static unsigned tell_end(background *b) {
    const background_state *s = &b->state;
    if (s->can_go_on)
        return background_note(b, "%s: training failed: %s; /train continue %s goes on", s->name, s->err.text, s->name);
    if (s->phase == BACKGROUND_FAILED) return background_note(b, "%s: training failed: %s", s->name, s->err.text);
    return background_note(b, "%s: training ended (%s) after %d steps", s->name, s->reason, s->step);
}

static unsigned on_item(background *b, background_item *item) {
    switch (item->kind) {
    case ITEM_EVENT: return on_event(b, item);
    case ITEM_ANEW: return on_anew(b);
    case ITEM_HELD_UP:
        b->held_up = item->reason;
        settle_phase(b);
        return BACKGROUND_PHASE;
    case ITEM_ENDED:
        on_ended(b, item);
        if (!b->waiting || b->leaving) return BACKGROUND_PHASE;
        tell_end(b);
        background_begin_next(b);
        return BACKGROUND_PHASE | BACKGROUND_NOTE;
    }
    return 0;
}

static background_item *take_items(background *b) {
    wake_clear(&b->news);
    pthread_mutex_lock(&b->lock);
    background_item *first = b->first_item;
    b->first_item = b->last_item = NULL;
    pthread_mutex_unlock(&b->lock);
    return first;
}

unsigned background_pump(background *b) {
    unsigned flags = 0;
    for (background_item *item = take_items(b), *next; item; item = next) {
        next = item->next;
        flags |= on_item(b, item);
        background_item_free(item);
    }
    return flags;
}

int background_fd(const background *b) {
    return wake_fd(&b->news);
}

const background_state *background_look(const background *b) {
    return &b->state;
}

bool background_busy(const background *b) {
    return b->current || b->waiting;
}

// ---- opening, closing, leaving

static void free_background(background *b) {
    for (char *line; (line = background_take_note(b));) free(line);
    for (background_item *item = b->first_item, *next; item; item = next) {
        next = item->next;
        background_item_free(item);
    }
    background_empty_line(b);
    background_job_free(b->current);
    background_state_free(&b->state);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    wake_close(&b->news);
    free(b->power_root);
    free(b->notes);
    free(b);
}

background *background_open(error *err) {
    background *b = mem_calloc(1, sizeof *b);
    if (wake_open(&b->news, err) != 0) {
        free(b);
        return NULL;
    }
    b->power_seconds = POWER_SECONDS;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    background_state_begin(&b->state, "");
    b->state.phase = BACKGROUND_IDLE;
    if (background_thread_start(b, err) == 0) return b;
    free_background(b);
    return NULL;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Until the thread has nothing any more, or so many milliseconds; -1: as long as it takes.
static void wait_for_end(background *b, int ms) {
    struct pollfd fd = {.fd = wake_fd(&b->news), .events = POLLIN};
    int64_t until = now_ms() + ms;
    b->leaving = true;
    if (b->current) end_job(b);
    while (b->current) {
        int64_t left = ms < 0 ? -1 : until - now_ms();
        if (ms >= 0 && left <= 0) break;
        if (poll(&fd, 1, (int)left) < 0 && errno != EINTR) break;
        background_pump(b);
    }
    b->leaving = false;
}

bool background_end(background *b, int ms) {
    background_empty_line(b);
    wait_for_end(b, ms);
    return !b->current;
}

void background_close(background *b) {
    if (!b) return;
    background_end(b, -1);
    pthread_mutex_lock(&b->lock);
    b->closing = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    free_background(b);
}

int background_leave(background *b, error *err) {
    if (!b->current) return 0;
    bool elsewhere = background_is_elsewhere(b);
    char *folder = mem_strdup(b->current->folder), *arguments = mem_strdup(buf_str(&b->current->arguments));
    int threads = b->current->settings.threads, rc = 0;
    background_end(b, -1);
    const background_state *s = &b->state;
    if (s->phase == BACKGROUND_FAILED)
        rc = error_set(err, "%s", s->err.text);
    else if (!elsewhere && strcmp(s->reason, "interrupted") == 0)
        rc = headless_begin(folder, arguments, threads, err);
    free(folder);
    free(arguments);
    return rc;
}
