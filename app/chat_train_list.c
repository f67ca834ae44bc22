// /train and /train list: which trainings there are, how far they are, and what can be done about them.
#include "app/chat_impl.h"
#include "app/chat_train.h"
#include "app/train_list.h"

#include <math.h>
#include <string.h>

static void put_running(const chat *c, buf *out) {
    const background_state *s = background_look(c->background);
    const char *how = s->phase == BACKGROUND_STOPPING   ? "is being stopped"
                      : s->is_elsewhere                 ? "is trained by another doppel"
                      : s->phase == BACKGROUND_PAUSED   ? "is paused"
                      : s->phase == BACKGROUND_STARTING ? "begins"
                                                        : "is in training";
    buf_printf(out, "%s %s", s->name, how);
    if (s->steps > 0) buf_puts(out, ": ");
    if (s->steps > 0) chat_train_status_line(s, out);
    buf_putc(out, '\n');
    for (size_t i = 0; background_waiting(c->background, i); i++)
        buf_printf(out, "%s waits in line\n", background_waiting(c->background, i));
}

// "stopped at step 40 of 200". Of one that runs elsewhere only the last checkpoint is known here, which is no news.
static void put_standing(const train_listed *t, buf *out) {
    if (t->standing == TRAIN_ELSEWHERE)
        buf_printf(out, "another doppel trains it, %d steps", t->steps);
    else if (t->standing == TRAIN_WAITING)
        buf_puts(out, "waits to be trained");
    else if (t->standing == TRAIN_CUT_OFF && t->step == 0)
        buf_puts(out, "cut off before anything was saved");
    else
        buf_printf(out, "%s at step %d of %d",
                   t->standing == TRAIN_ENDED         ? "done"
                   : t->standing == TRAIN_INTERRUPTED ? "stopped"
                                                      : "cut off",
                   t->step, t->steps);
}

// What can be done about it; NULL: nothing.
static const char *way_on(const train_listed *t) {
    if (t->standing == TRAIN_ENDED) return NULL;
    if (t->standing == TRAIN_ELSEWHERE) return "/train attach %s shows how far it is";
    if (t->standing == TRAIN_WAITING) return "/train continue %s begins it";
    return t->step == 0 ? "/train continue %s begins it again" : "/train continue %s goes on with it";
}

static void put_way_on(const train_listed *t, buf *out) {
    const char *way = way_on(t), *name = way ? strstr(way, "%s") : NULL;
    if (way) buf_printf(out, "; %.*s%s%s", (int)(name - way), way, t->name, name + 2);
}

static bool is_in_line(const chat *c, const char *name) {
    for (size_t i = 0; background_waiting(c->background, i); i++)
        if (strcmp(background_waiting(c->background, i), name) == 0) return true;
    return false;
}

typedef struct listing {
    const chat *c;
    buf out;
} listing;

static void put_listed(void *arg, const train_listed *t) {
    listing *l = arg;
    if (t->standing == TRAIN_WAITING && is_in_line(l->c, t->name)) return; // it was told
    buf_printf(&l->out, "%s: ", t->name);
    put_standing(t, &l->out);
    bool is_news = t->standing != TRAIN_ELSEWHERE && t->best_step > 0;
    if (is_news && isfinite(t->loss)) buf_printf(&l->out, ", held-out loss %.3f", t->loss);
    put_way_on(t, &l->out);
    buf_putc(&l->out, '\n');
}

const char *chat_train_own_path(const chat *c) {
    const background_state *s = background_look(c->background);
    return chat_train_runs(c) && !s->is_elsewhere && s->path && *s->path ? s->path : NULL;
}

unsigned chat_train_list(chat *c, const char *args) {
    (void)args;
    listing l = {.c = c};
    if (chat_train_runs(c)) put_running(c, &l.out);
    train_list_all(chat_train_own_path(c), put_listed, &l);
    if (l.out.len == 0) buf_puts(&l.out, "Nothing was trained yet; /train FILE prepares a training.\n");
    buf_remove(&l.out, l.out.len - 1, 1);
    chat_note(c, false, "%s", buf_str(&l.out));
    buf_free(&l.out);
    return CHAT_TURNS;
}

unsigned chat_train_show(chat *c) {
    buf out = {0};
    if (chat_train_runs(c)) put_running(c, &out);
    if (c->tuning->stage == TUNING_READY && !tuning_busy(c->tuning)) chat_train_describe(c->tuning, false, &out);
    if (out.len == 0)
        buf_puts(&out, "Nothing is in training. /train FILE reads a chat log or a text and tells what a training on it "
                       "would cost; /train paste takes pasted text; /train list shows earlier trainings.\n");
    buf_remove(&out, out.len - 1, 1);
    chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

static void greet_about(void *arg, const train_listed *t) {
    chat *c = arg;
    buf out = {0};
    if (t->standing == TRAIN_ENDED || t->standing == TRAIN_INTERRUPTED) return; // nobody waits for it
    buf_printf(&out, "Training %s: ", t->name);
    put_standing(t, &out);
    put_way_on(t, &out);
    chat_note(c, false, "%s.", buf_str(&out));
    buf_free(&out);
}

void chat_train_greet(chat *c) {
    train_list_all(chat_train_own_path(c), greet_about, c);
}
