// The trainer's thread: takes a job, runs it, tells how it went.
//
// It gives way in two places. Before each pass (go_on) and before each layer or half of one (give_way) it looks at
// is_holding, one atomic; only when that is set does it take the lock and wait. While the generator works it still gets a
// fortieth of the time: after a layer that took t seconds it waits for 40 t.
#include "app/background_impl.h"
#include "app/battery.h"
#include "app/idle.h"
#include "app/train_run.h"
#include "model/base/fault.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_SHARE = 40 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- telling

void background_item_free(background_item *item) {
    free(item->text);
    free(item->name);
    free(item);
}

void background_post(background *b, const background_item *item) {
    background_item *copy = mem_calloc(1, sizeof *copy);
    *copy = *item;
    copy->next = NULL;
    pthread_mutex_lock(&b->lock);
    if (b->last_item)
        b->last_item->next = copy;
    else
        b->first_item = copy;
    b->last_item = copy;
    pthread_mutex_unlock(&b->lock);
    wake_up(&b->news);
}

static void on_event(void *arg, const train_event *e) {
    background_item item = {.kind = ITEM_EVENT, .event = *e};
    item.text = mem_strdup(e->text ? e->text : "");
    item.name = mem_strdup(e->name ? e->name : "");
    background_post(arg, &item);
}

// ---- waiting

// With the lock held: sleeps until `until` (of now(); INFINITY: for as long as it takes) or a wish of main's.
static void sleep_until(background *b, double until) {
    double left = until - now();
    struct timespec t;
    if (left <= 0) return;
    if (isinf(until)) {
        pthread_cond_wait(&b->wake, &b->lock);
        return;
    }
    if (left > 3600) left = 3600;
    clock_gettime(CLOCK_REALTIME, &t);
    double at = (double)t.tv_nsec * 1e-9 + left;
    t.tv_sec += (time_t)at;
    t.tv_nsec = (long)((at - floor(at)) * 1e9);
    pthread_cond_timedwait(&b->wake, &b->lock, &t);
}

void background_doze(background *b, double seconds) {
    pthread_mutex_lock(&b->lock);
    if (!b->is_ending) sleep_until(b, now() + seconds);
    pthread_mutex_unlock(&b->lock);
}

// Looks at the battery when it is time to.
static void look_at_power(background *b) {
    double time = now();
    pthread_mutex_lock(&b->lock);
    bool due = time - b->looked >= b->power_seconds;
    char *root = due ? mem_strdup(b->power_root) : NULL;
    pthread_mutex_unlock(&b->lock);
    if (!due) return;
    bool draining = battery_is_draining(root);
    free(root);
    b->looked = time;
    if (draining != b->draining)
        background_post(b, &(background_item){.kind = ITEM_HELD_UP, .reason = draining ? "on battery" : NULL});
    b->draining = draining;
}

// Waits for as long as somebody else goes first. busy_until: how long a generator that works is waited for.
static void wait_turn(background *b, double busy_until) {
    double begun = now();
    for (;;) {
        pthread_mutex_lock(&b->lock);
        bool held = b->wants_pause || b->draining, busy = b->is_busy && now() < busy_until;
        bool waits = !b->is_ending && (held || busy);
        double until = held ? INFINITY : busy_until;
        if (b->draining && b->looked + b->power_seconds < until) until = b->looked + b->power_seconds;
        if (waits) sleep_until(b, until);
        pthread_mutex_unlock(&b->lock);
        if (!waits) break;
        if (b->draining) look_at_power(b);
    }
    b->waited += now() - begun;
}

static bool give_way(void *arg) {
    background *b = arg;
    if (b->is_holding) {
        double time = now(), spent = time - b->layer_begun;
        wait_turn(b, time + BUSY_SHARE * spent);
    }
    b->layer_begun = now();
    return !b->is_ending;
}

static bool go_on(void *arg) {
    background *b = arg;
    look_at_power(b);
    if (b->draining) wait_turn(b, 0);
    return give_way(b);
}

static bool unwanted(void *arg) {
    return ((background *)arg)->is_unwanted;
}

static double waited(void *arg) {
    return ((background *)arg)->waited;
}

// ---- the thread

static background_job *take_job(background *b) {
    pthread_mutex_lock(&b->lock);
    while (!b->given && !b->closing) pthread_cond_wait(&b->wake, &b->lock);
    background_job *j = b->given;
    b->given = NULL;
    pthread_mutex_unlock(&b->lock);
    return j;
}

static void run_job(background *b, background_job *j) {
    background_item end = {.kind = ITEM_ENDED};
    const train_watch watch = {.model = j->model ? held_model_get(j->model) : NULL,
                               .on_event = on_event,
                               .go_on = go_on,
                               .give_way = give_way,
                               .waited = waited,
                               .unwanted = unwanted,
                               .beside = true,
                               .arg = b};
    b->waited = 0;
    b->layer_begun = now();
    b->looked = -INFINITY;
    b->draining = false;
    if (j->settings.resume) background_recall(b, j);
    if (j->follows)
        end.code = background_follow(b, j, &end.err);
    else
        end.code = train_run(&j->settings, buf_str(&j->arguments), &watch, &end.err);
    background_post(b, &end);
}

static void *run(void *arg) {
    background *b = arg;
    idle_this_thread();
    for (background_job *j; (j = take_job(b));) run_job(b, j);
    return NULL;
}

int background_thread_start(background *b, error *err) {
    sigset_t before;
    fault_block_others(&before);
    int code = pthread_create(&b->thread, NULL, run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 ? 0 : error_set(err, "cannot start the trainer's thread: %s", strerror(code));
}
