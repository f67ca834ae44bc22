#include "app/train_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double train_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double train_clock(const train_job *j) {
    return train_now() - (j->watch->waited ? j->watch->waited(j->watch->arg) : 0);
}

bool train_may_go_on(const train_job *j) {
    return !j->watch->go_on || j->watch->go_on(j->watch->arg);
}

// ---- events

void train_tell(train_job *j, const train_event *e) {
    buf line = {0};
    train_event_json(e, &line);
    train_folder_note(&j->folder, &line);
    buf_free(&line);
    j->watch->on_event(j->watch->arg, e);
}

void train_tell_text(train_job *j, train_event_type type, const char *text) {
    train_tell(j, &(train_event){.type = type, .step = j->state.step, .steps = j->steps, .text = text});
}

// Notes come one a line.
static void tell_notes(train_job *j, const buf *notes) {
    for (const char *s = buf_str(notes); *s;) {
        size_t n = strcspn(s, "\n");
        char *line = mem_strndup(s, n);
        train_tell_text(j, TRAIN_NOTE, line);
        free(line);
        s += n + (s[n] == '\n');
    }
}

// ---- looking at what was learned

// Copying has begun to rise: it was clearly above the least so far, twice in a row.
static void count_copying(checkpoint *c, double rate) {
    static const double clear = 0.1;
    if (!isfinite(rate)) return;
    if (rate < c->least_copied) c->least_copied = rate;
    c->copying = rate > c->least_copied + clear ? c->copying + 1 : 0;
}

static bool has_learned_enough(const train_job *j) {
    const checkpoint *c = &j->state;
    return (j->s->patience > 0 && c->worse >= j->s->patience) || c->copying >= 2;
}

// Returns the copy rate. A sample that fails is no reason to stop; that the model's file is gone is told by the next pass.
static double sample(train_job *j, bool shown) {
    buf text = {0};
    double copy_rate = NAN;
    int failed = train_sampler_write(&j->sampler, j->graph, &text, &copy_rate, j->err);
    if (failed && net_check(j->model->net, NULL) == 0)
        train_tell_text(j, TRAIN_NOTE, j->err->text);
    else if (!failed && shown && j->model->tokenizer)
        train_tell_text(j, TRAIN_SAMPLE, buf_str(&text));
    buf_free(&text);
    return copy_rate;
}

// What could not be written (j->err): a full disk may have room again before the end.
static void tell_unsaved(train_job *j) {
    error_prefix(j->err, "not saved, and tried again later");
    train_tell_text(j, TRAIN_NOTE, j->err->text);
}

// The model's file is not what it was (j->err says so): everything learned before is saved. Always -1.
static int give_up(train_job *j) {
    error why = *j->err;
    if (j->state.step == 0 || train_save_checkpoint(j) != 0) return error_set(j->err, "%s", why.text);
    return error_set(j->err, "%s; what was learned up to step %d is in %s", why.text, j->state.step, j->folder.path);
}

// Evaluates and keeps the best. The untrained model (step 0) is measured too, but is no result.
static int evaluate(train_job *j) {
    checkpoint *c = &j->state;
    train_event e = {.type = TRAIN_EVAL, .step = c->step, .steps = j->steps, .copy_rate = NAN, .nll_char = NAN};
    e.loss = trainer_evaluate(&j->trainer);
    if (net_check(j->model->net, j->err) != 0) return give_up(j);
    if (!isfinite(e.loss) && !train_may_go_on(j)) return 0;
    if (!isfinite(e.loss)) {
        error_set(j->err, "the held-out loss of step %d is not a number; a smaller --lr may help", c->step);
        return train_save_restore(j);
    }
    if (j->data.characters > 0) e.nll_char = e.loss * (double)j->data.held_out_labels / j->data.characters;
    if (c->step > 0 && j->sample_every > 0) e.copy_rate = sample(j, c->step % j->sample_every == 0);
    if (!train_may_go_on(j))
        return 0; // a sample that was cut short says nothing: this is done again by whoever goes on
    c->evaluated = c->step;
    if (c->step > 0) {
        count_copying(c, e.copy_rate);
        e.best = e.loss < c->best_loss;
        c->worse = e.best ? 0 : c->worse + 1;
    }
    // What cannot be saved is not the best: the next one may be.
    if (e.best && train_save_result(j) != 0) {
        tell_unsaved(j);
        e.best = false;
    }
    if (e.best) {
        c->best_loss = e.loss;
        c->best_step = c->step;
        j->folder.made = false;
    }
    train_tell(j, &e);
    return 0;
}

// What is due after a step (or before the first one of a run that goes on).
static int look(train_job *j) {
    checkpoint *c = &j->state;
    bool due = c->step > 0 && (c->step % j->eval_every == 0 || c->step == j->steps);
    if (j->data.held_out.ids && due) return c->evaluated < c->step ? evaluate(j) : 0;
    if (c->step > 0 && j->sample_every > 0 && c->step % j->sample_every == 0) sample(j, true);
    return 0;
}

// ---- steps

static void tell_step(train_job *j, const trainer_report *t, double seconds) {
    checkpoint *c = &j->state;
    double spent = train_clock(j) - j->begun, left = j->steps - c->step, done = c->step - j->first_step;
    train_event e = {.type = TRAIN_STEP,
                     .step = c->step,
                     .steps = j->steps,
                     .loss = t->loss,
                     .rate = t->rate,
                     .grad_norm = t->grad_norm,
                     .tokens = c->tokens,
                     .tok_s = (double)t->tokens / seconds,
                     .eta_s = done > 0 ? spent / done * left : NAN};
    train_tell(j, &e);
}

static bool is_save_due(const train_job *j) {
    enum { SECONDS = 45 };
    if (j->state.step == j->saved) return false;
    if (j->s->save_every > 0 && j->state.step % j->s->save_every == 0) return true;
    return train_now() - j->saved_at >= SECONDS;
}

// Steps until there are enough. TRAIN_RUN_.
static int take_steps(train_job *j, const char **reason) {
    checkpoint *c = &j->state;
    trainer_report report;
    for (;;) {
        if (look(j) != 0) return TRAIN_RUN_FAILED;
        *reason = has_learned_enough(j) ? "early-stop" : "finished";
        if (has_learned_enough(j) || c->step >= j->steps) return TRAIN_RUN_DONE;
        if (is_save_due(j) && train_save_checkpoint(j) != 0) {
            tell_unsaved(j);
            j->saved_at = train_now();
        }
        double begun = train_clock(j);
        int rc = train_may_go_on(j) ? trainer_step(&j->trainer, &report, j->err) : TRAINER_STOPPED;
        if (rc == TRAINER_FAILED) return train_save_restore(j);
        if (rc == TRAINER_NO_MODEL) return give_up(j);
        if (rc == TRAINER_STOPPED) return TRAIN_RUN_INTERRUPTED;
        c->step = j->trainer.step;
        c->tokens += report.tokens;
        j->last_loss = report.loss;
        tell_step(j, &report, train_clock(j) - begun);
    }
}

static int save_all(train_job *j, const char *reason) {
    // Without an evaluation there is no best step: the last one is kept.
    if (j->state.best_step == 0 && j->data.held_out.ids && train_save_result(j) != 0) return -1;
    return train_save_checkpoint(j) != 0 ? -1 : train_save_run(j, reason);
}

// A disk that is full may have room again in a moment, and hours of work are worth a minute of waiting.
static int save_at_end(train_job *j, const char *reason) {
    enum { SECONDS = 60 };
    for (int i = 0; save_all(j, reason) != 0; i++) {
        if (i == SECONDS || (j->watch->unwanted && j->watch->unwanted(j->watch->arg))) return -1;
        if (i == 0) {
            error_prefix(j->err, "not saved, and tried again for a minute");
            train_tell_text(j, TRAIN_NOTE, j->err->text);
        }
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    return 0;
}

static int finish(train_job *j, int code, const char *reason) {
    checkpoint *c = &j->state;
    if (save_at_end(j, reason) != 0) return TRAIN_RUN_FAILED;
    train_event e = {.type = TRAIN_END,
                     .step = c->step,
                     .steps = j->steps,
                     .best_step = c->best_step > 0 ? c->best_step : c->step,
                     .loss = c->best_step > 0 ? c->best_loss : j->last_loss,
                     .text = j->folder.path,
                     .reason = reason};
    train_tell(j, &e);
    return code;
}

static int train(train_job *j) {
    const char *reason = "interrupted";
    if (train_save_run(j, "running") != 0) return TRAIN_RUN_FAILED;
    train_plan_tell(j);
    tell_notes(j, &j->data.notes);
    j->saved_at = train_now();
    j->begun = train_clock(j);
    j->first_step = j->state.step;
    j->last_loss = NAN;
    if (!j->resumed && j->data.held_out.ids && evaluate(j) != 0) return TRAIN_RUN_FAILED;
    int code = take_steps(j, &reason);
    if (code == TRAIN_RUN_FAILED) return code;
    return finish(j, code, code == TRAIN_RUN_INTERRUPTED ? "interrupted" : reason);
}

// ---- all of it

int train_run_later(const train_settings *s, const char *arguments, error *err) {
    train_job j = {
        .s = s, .arguments = arguments, .err = err, .state = {.best_loss = INFINITY}, .folder = {.lock = -1}};
    bool failed = train_folder_find(&j.folder, s, s->out, err) != 0 || train_folder_make(&j.folder, err) != 0 ||
                  train_save_run(&j, "waiting") != 0;
    if (!failed) j.folder.made = false;
    train_folder_close(&j.folder);
    return failed ? -1 : 0;
}

int train_run(const train_settings *s, const char *arguments, const train_watch *w, error *err) {
    train_job j = {.s = s, .arguments = arguments, .watch = w, .err = err, .folder = {.lock = -1}};
    int rc = train_open(&j);
    if (rc == 0) rc = train(&j);
    train_close(&j);
    return rc;
}
