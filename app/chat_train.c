// The command /train, and what training does to the conversation: notes, a question, an adapter taken up.
#include "app/chat_train.h"
#include "app/chat_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

chat_train *chat_train_new(void) {
    return mem_calloc(1, sizeof(chat_train));
}

void chat_train_free(chat_train *t) {
    if (!t) return;
    buf_free(&t->pasted);
    free(t->unwanted);
    free(t->left);
    free(t);
}

// Takes text over.
static unsigned note_text(chat *c, bool is_error, buf *text) {
    while (text->len > 0 && text->data[text->len - 1] == '\n') buf_remove(text, text->len - 1, 1);
    unsigned flags = chat_note(c, is_error, "%s", buf_str(text));
    buf_free(text);
    return flags;
}

static const background_state *state_of(const chat *c) {
    return background_look(c->background);
}

bool chat_train_runs(const chat *c) {
    background_phase p = state_of(c)->phase;
    return p == BACKGROUND_STARTING || p == BACKGROUND_RUNNING || p == BACKGROUND_PAUSED || p == BACKGROUND_STOPPING;
}

// ---- preparing

static unsigned prepare_again(chat *c) {
    c->train->described = c->train->brief = false;
    c->train->start_asked = false;
    return CHAT_STATUS;
}

// A model to train; false when there is none, with a note.
static bool has_model(chat *c, unsigned *flags) {
    if (worker_model(c->worker)) return true;
    *flags |= chat_note(c, true, "a model must be loaded before it can be trained; see /model");
    return false;
}

unsigned chat_train_files(chat *c, const char *const *paths, size_t n) {
    unsigned flags = 0;
    if (!has_model(c, &flags)) return flags;
    tuning_read_files(c->tuning, c->model_path, paths, n);
    return prepare_again(c);
}

unsigned chat_train_text(chat *c, const char *text, size_t n) {
    unsigned flags = 0;
    error err = {{0}};
    if (!has_model(c, &flags)) return flags;
    if (tuning_read_text(c->tuning, c->model_path, text, n, &err) != 0) return chat_note(c, true, "%s", err.text);
    return prepare_again(c);
}

unsigned chat_train_paste_line(chat *c, const char *line) {
    chat_train *t = c->train;
    if (strcmp(line, ".") != 0) {
        buf_puts(&t->pasted, line);
        buf_putc(&t->pasted, '\n');
        return 0;
    }
    t->pasting = false;
    unsigned flags = t->pasted.len > 0 ? chat_train_text(c, t->pasted.data, t->pasted.len)
                                       : chat_note(c, true, "nothing was pasted");
    buf_free(&t->pasted);
    return flags | CHAT_STATUS;
}

// ---- starting, taking up

static unsigned start_now(chat *c) {
    train_settings s;
    buf arguments = {0};
    error err = {{0}};
    c->train->start_asked = false;
    int rc = tuning_settings(c->tuning, &s, &arguments, &err);
    if (rc == 0) {
        held_model *m = worker_hold_model(c->worker);
        rc = background_start(c->background, &s, buf_str(&arguments), m, &err);
        held_model_drop(m);
    }
    train_settings_free(&s);
    buf_free(&arguments);
    if (rc != 0) return chat_note(c, true, "%s", err.text);
    unsigned flags = CHAT_STATUS;
    if (state_of(c)->n_waiting > 0)
        flags |= chat_note(c, false, "%s waits until %s is done.", c->tuning->name, state_of(c)->name);
    tuning_cancel(c->tuning);
    return flags | prepare_again(c);
}

unsigned chat_train_start(chat *c) {
    if (c->tuning->stage != TUNING_EMPTY && tuning_busy(c->tuning)) {
        c->train->start_asked = true;
        return CHAT_STATUS;
    }
    return start_now(c);
}

static size_t in_use(const chat *c, const char *path) {
    size_t i = 0;
    while (i < c->n_adapters && strcmp(c->adapters[i].path, path) != 0) i++;
    return i;
}

unsigned chat_train_try(chat *c) {
    const background_state *s = state_of(c);
    if (!s->has_result)
        return chat_note(c, true,
                         chat_train_runs(c) ? "nothing can be tried yet: the first result comes with the first "
                                              "evaluation that is better than before"
                                            : "there is no result of a training here; /adapter lists what there is");
    if (in_use(c, s->path) == c->n_adapters) return chat_adapt(c, s->path);
    chat_adapters_send(c);
    return CHAT_STATUS;
}

// ---- what happened

// "in 3 min": since the training that runs here began.
static void put_took(const chat *c, buf *out) {
    const background_state *s = state_of(c);
    if (s->is_elsewhere) return;
    buf_puts(out, ", in ");
    chat_train_time(clock_now() - s->begun, out);
}

static unsigned tell_end(chat *c, const background_state *s) {
    buf text = {0};
    if (s->phase == BACKGROUND_FAILED) {
        buf_printf(&text, "training %s failed: %s", s->name, s->err.text);
        if (s->can_go_on) buf_printf(&text, "; /train continue %s goes on", s->name);
        return note_text(c, true, &text);
    }
    const char *reason = s->reason ? s->reason : "finished";
    if (strcmp(reason, "discarded") == 0) {
        buf_printf(&text, "The training %s is discarded.", s->name);
        return note_text(c, false, &text);
    }
    bool stopped = strcmp(reason, "interrupted") == 0;
    if (stopped && access(s->path, F_OK) != 0) {
        buf_printf(&text, "Training %s was stopped before its first step; nothing is left of it.", s->name);
        return note_text(c, false, &text);
    }
    if (stopped && s->step == 0) {
        buf_printf(&text, "Training %s was stopped before its first step; /train continue %s begins it again.", s->name,
                   s->name);
        return note_text(c, false, &text);
    }
    buf_printf(&text, "Training %s %s step %d of %d", s->name,
               stopped ? "was stopped and saved at" : "is done:", s->step, s->steps);
    put_took(c, &text);
    if (isfinite(s->first_held_out) && isfinite(s->best_held_out) && s->has_result)
        buf_printf(&text, ". Held-out loss %.3f before, %.3f now (step %d is kept)", s->first_held_out,
                   s->best_held_out, s->best_step);
    if (strcmp(reason, "early-stop") == 0) buf_puts(&text, "; it got no better any more");
    buf_puts(&text, ".");
    if (s->has_result && in_use(c, s->path) < c->n_adapters)
        buf_puts(&text, " This chat uses it.");
    else if (s->has_result)
        buf_printf(&text, " /train try chats with it; `doppel -a %s` does so later.", s->name);
    if (stopped) buf_printf(&text, " /train continue %s goes on.", s->name);
    return note_text(c, false, &text);
}

static unsigned tell_phase(chat *c, const background_state *s) {
    chat_train *t = c->train;
    background_phase before = t->phase;
    t->phase = s->phase;
    unsigned flags = CHAT_STATUS;
    switch (s->phase) {
    case BACKGROUND_RUNNING:
        if (t->has_pane) break;
        if (before == BACKGROUND_PAUSED) return flags | chat_note(c, false, "Training %s goes on.", s->name);
        buf text = {0};
        buf_printf(&text, "Training %s: %d steps, about ", s->name, s->steps);
        chat_train_time(s->seconds_planned, &text);
        buf_puts(&text, ". The chat goes on meanwhile; /train tells how far it is.");
        return flags | note_text(c, false, &text);
    case BACKGROUND_PAUSED:
        if (!t->has_pane)
            return flags | chat_note(c, false, "Training %s is paused%s%s; /train resume goes on.", s->name,
                                     s->pause_reason ? ": " : "", s->pause_reason ? s->pause_reason : "");
        break;
    case BACKGROUND_DONE:
    case BACKGROUND_FAILED: return flags | tell_end(c, s);
    case BACKGROUND_STARTING:
    case BACKGROUND_STOPPING:
    case BACKGROUND_IDLE: break;
    }
    return flags;
}

static unsigned tell_evaluation(chat *c, const background_state *s) {
    buf text = {0};
    buf_printf(&text, "%s, ", s->name);
    chat_train_status_line(s, &text);
    return note_text(c, false, &text);
}

// Indented, so that nobody takes it for an answer.
static unsigned tell_sample(chat *c, const background_state *s) {
    buf text = {0};
    buf_printf(&text, "%s writes after step %d:\n", s->name, s->sample_step);
    for (const char *line = buf_str(&s->sample); *line;) {
        size_t n = strcspn(line, "\n");
        buf_printf(&text, "    | %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    return note_text(c, false, &text);
}

unsigned chat_train_news(chat *c, unsigned news) {
    const background_state *s = state_of(c);
    unsigned flags = 0;
    if (news & BACKGROUND_EVAL && !c->train->has_pane) flags |= tell_evaluation(c, s);
    if (news & BACKGROUND_SAMPLE && !c->train->has_pane) flags |= tell_sample(c, s);
    if (s->phase != c->train->phase) flags |= tell_phase(c, s);
    if (c->train->waiting && !background_busy(c->background)) c->train->waiting = false;
    return flags;
}

// Everything is known: who prepares by commands is told.
static unsigned tell_prepared(chat *c) {
    chat_train *t = c->train;
    tuning *g = c->tuning;
    if (tuning_busy(g) || t->described || g->stage == TUNING_EMPTY) return 0;
    t->described = true;
    if (t->has_pane) return 0;
    buf text = {0};
    if (g->stage == TUNING_FAILED) {
        buf_puts(&text, g->err.text);
        return note_text(c, true, &text);
    }
    chat_train_describe(g, t->brief, &text);
    t->brief = true;
    return note_text(c, false, &text);
}

unsigned chat_train_pump(chat *c) {
    if (!tuning_pump(c->tuning)) return 0;
    unsigned flags = CHAT_STATUS | tell_prepared(c);
    if (c->train->start_asked && !tuning_busy(c->tuning)) flags |= start_now(c);
    return flags;
}

// ---- waiting for it

bool chat_train_busy(const chat *c) {
    return tuning_busy(c->tuning) || c->train->waiting;
}

void chat_train_progress(const chat *c, buf *out) {
    const tuning *t = c->tuning;
    if (t->stage == TUNING_READING) {
        buf_printf(out, "reading %s", t->title);
        if (t->bytes_total > 0) buf_printf(out, ", %d %%", (int)(100 * (double)t->bytes_done / (double)t->bytes_total));
    } else if (tuning_busy(t)) {
        buf_printf(out, "looking at %s", t->title);
    } else if (c->train->waiting) {
        buf_printf(out, "%s, ", state_of(c)->name);
        chat_train_status_line(state_of(c), out);
    }
}

unsigned chat_train_interrupt(chat *c) {
    c->train->waiting = c->train->pasting = false;
    buf_free(&c->train->pasted);
    if (!tuning_busy(c->tuning)) return 0;
    tuning_cancel(c->tuning);
    return chat_note(c, false, "Reading was stopped.") | prepare_again(c);
}

// ---- leaving

bool chat_train_may_leave(chat *c, unsigned *flags) {
    const background_state *s = state_of(c);
    if (!chat_train_runs(c) || s->is_elsewhere) return true;
    buf text = {0};
    buf_printf(&text, "%s is in training", s->name);
    if (s->steps > 0) buf_printf(&text, ", step %d of %d", s->step, s->steps);
    if (s->n_waiting > 0)
        buf_printf(&text, "; %zu more in line begin%s another time", s->n_waiting, s->n_waiting == 1 ? "s" : "");
    buf_puts(&text, ". k: leave, and keep it training; s: stop it with everything saved, and leave; c: stay.");
    *flags |= note_text(c, false, &text);
    c->question = QUESTION_LEAVE;
    return false;
}

static void keep_training(chat *c, unsigned *flags) {
    error err = {{0}};
    if (background_leave(c->background, &err) != 0) {
        *flags |= chat_note(c, true, "%s", err.text);
        return;
    }
    free(c->train->left);
    c->train->left = mem_strdup(state_of(c)->name);
    c->train->phase = state_of(c)->phase; // how it ended here is nobody's news
    *flags |= chat_note(c, false, "%s goes on training; /train attach %s shows it again.", state_of(c)->name,
                        state_of(c)->name);
    c->quitting = true;
}

bool chat_train_leave_answer(chat *c, const char *text, unsigned *flags) {
    size_t n = strcspn(text, " \t\r\n");
    if (n != 1 || text[n + strspn(text + n, " \t\r\n")] || !strchr("kKsScC", *text)) return false;
    if (*text == 'k' || *text == 'K') keep_training(c, flags);
    if (*text == 's' || *text == 'S') c->quitting = true;
    *flags |= CHAT_STATUS;
    return true;
}

unsigned chat_train_discard(chat *c) {
    const background_state *s = state_of(c);
    error err;
    if (!chat_train_runs(c)) return chat_note(c, true, "nothing is in training here");
    if (!background_can_stop(c->background, &err)) return chat_note(c, true, "%s", err.text);
    free(c->train->unwanted);
    c->train->unwanted = mem_strdup(s->name);
    c->question = QUESTION_DISCARD;
    return chat_note(c, false, "Discard %s with all that it learned? Type y or n.", s->name);
}
