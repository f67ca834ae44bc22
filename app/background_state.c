#include "app/background_state.h"
#include "app/background.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void background_state_begin(background_state *s, const char *name) {
    size_t n_waiting = s->n_waiting;
    unsigned n_ended = s->n_ended;
    background_state_free(s);
    *s = (background_state){.phase = BACKGROUND_STARTING,
                            .name = mem_strdup(name),
                            .path = mem_strdup(""),
                            .begun = now(),
                            .loss = NAN,
                            .held_out = NAN,
                            .first_held_out = NAN,
                            .best_held_out = NAN,
                            .nll_char = NAN,
                            .copy_rate = NAN,
                            .tok_s = NAN,
                            .eta_s = NAN,
                            .seconds_planned = NAN,
                            .bytes_planned = NAN,
                            .losses_each = 1,
                            .evals_each = 1,
                            .n_waiting = n_waiting,
                            .n_ended = n_ended};
    s->losses = mem_calloc(BACKGROUND_POINTS, sizeof *s->losses);
    s->evals = mem_calloc(BACKGROUND_POINTS, sizeof *s->evals);
}

void background_state_free(background_state *s) {
    free(s->name);
    free(s->path);
    free(s->losses);
    free(s->evals);
    buf_free(&s->sample);
    *s = (background_state){0};
}

// ---- curves

// Points 2i and 2i + 1 become one, which stands at the later one's step.
static void halve(background_point *points, size_t *n) {
    for (size_t i = 0; i < *n / 2; i++) {
        double mean = (points[2 * i].loss + points[2 * i + 1].loss) / 2;
        points[i] = (background_point){points[2 * i + 1].step, mean};
    }
    *n /= 2;
}

// BACKGROUND_POINTS is even, so a full curve halves without a rest.
static void add_point(background_point *points, size_t *n, int *each, int *last, int step, double loss) {
    if (!isfinite(loss)) return;
    if (*n > 0 && *last < *each) {
        background_point *p = &points[*n - 1];
        p->loss += (loss - p->loss) / ++*last;
        p->step = step;
        return;
    }
    if (*n == BACKGROUND_POINTS) {
        halve(points, n);
        *each *= 2;
    }
    points[(*n)++] = (background_point){step, loss};
    *last = 1;
}

// ---- events

static void take_path(background_state *s, const char *path) {
    free(s->path);
    s->path = mem_strdup(path ? path : "");
}

static unsigned take_plan(background_state *s, const train_event *e) {
    take_path(s, e->text);
    s->seconds_planned = e->seconds;
    s->bytes_planned = e->bytes;
    s->has_held_out = e->held_out_tokens > 0;
    if (s->phase == BACKGROUND_STARTING) s->phase = BACKGROUND_RUNNING;
    return BACKGROUND_PHASE;
}

static unsigned take_step(background_state *s, const train_event *e) {
    s->loss = e->loss;
    s->tok_s = e->tok_s;
    s->eta_s = e->eta_s;
    add_point(s->losses, &s->n_losses, &s->losses_each, &s->losses_last, e->step, e->loss);
    return BACKGROUND_STEP;
}

static unsigned take_result(background_state *s, int step) {
    s->has_result = true;
    s->best_step = step;
    s->results++;
    return BACKGROUND_RESULT;
}

static unsigned take_eval(background_state *s, const train_event *e) {
    s->held_out = e->loss;
    s->nll_char = e->nll_char;
    s->copy_rate = e->copy_rate;
    if (e->step == 0) s->first_held_out = e->loss;
    add_point(s->evals, &s->n_evals, &s->evals_each, &s->evals_last, e->step, e->loss);
    if (!e->best) return BACKGROUND_EVAL;
    s->best_held_out = e->loss;
    return BACKGROUND_EVAL | take_result(s, e->step);
}

static unsigned take_end(background_state *s, const train_event *e) {
    if (e->text && *e->text) take_path(s, e->text);
    if (e->best_step > 0 && e->best_step != s->best_step) return BACKGROUND_PHASE | take_result(s, e->best_step);
    return BACKGROUND_PHASE;
}

unsigned background_state_take(background_state *s, const train_event *e) {
    if (e->type != TRAIN_NOTE) s->step = e->step;
    if (e->steps > 0) s->steps = e->steps;
    switch (e->type) {
    case TRAIN_PLAN: return take_plan(s, e);
    case TRAIN_STEP: return take_step(s, e);
    case TRAIN_EVAL: return take_eval(s, e);
    case TRAIN_SAMPLE:
        buf_clear(&s->sample);
        buf_puts(&s->sample, e->text);
        s->sample_step = e->step;
        return BACKGROUND_SAMPLE;
    case TRAIN_CHECKPOINT: return s->has_held_out ? 0 : take_result(s, e->step);
    case TRAIN_NOTE: return 0;
    case TRAIN_END: return take_end(s, e);
    }
    return 0;
}
