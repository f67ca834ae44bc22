#include "ui/leave.h"

#include "app/background.h"
#include "app/chat_train.h"
#include "ui/choices.h"
#include "ui/input.h"
#include "ui/state.h"

#include <stdio.h>
#include <stdlib.h>

static const choice CHOICE[] = {
    {'k', "k", "leave; it goes on by itself"},
    {'s', "s", "leave; it stops, all is saved"},
    {'c', "c", "stay"},
};

enum { N_CHOICES = sizeof CHOICE / sizeof *CHOICE, STAY = 2, COLS = 48 };

typedef struct leave {
    ui *ui;
    choices choices;
} leave;

static const char *title(void *arg) {
    (void)arg;
    return "leave";
}

static void size(void *arg, int *rows, int *cols) {
    (void)arg;
    *rows = N_CHOICES + 2;
    *cols = COLS;
}

static void draw(void *arg, canvas *c, rect area) {
    leave *l = arg;
    const background_state *s = background_look(l->ui->chat->background);
    char text[256];
    snprintf(text, sizeof text, "%s is in training", s->name);
    int used = canvas_puts(c, area.row, area.col, area.cols, text, STYLE_WARNING);
    snprintf(text, sizeof text, ", step %d/%d", s->step, s->steps);
    if (s->steps > 0) canvas_puts(c, area.row, area.col + used, area.cols - used, text, STYLE_WARNING);
    choices_draw(&l->choices, c, (rect){area.row + area.rows - N_CHOICES, area.col, N_CHOICES, area.cols});
}

// The answer goes the way of a typed one. Closing the question in any other way means to stay.
static mode_result take(void *arg, ui *u, const key *k) {
    leave *l = arg;
    int chosen = choices_take(&l->choices, k);
    if (chosen < 0) return MODE_TAKEN;
    if (chosen == STAY) return MODE_LEFT;
    const char answer[] = {(char)CHOICE[chosen].ch, '\0'};
    input_changed(u, chat_submit(u->chat, answer));
    return MODE_LEFT;
}

static int footer(void *arg, mode_key keys[MODE_MAX_KEYS]) {
    (void)arg;
    keys[0] = (mode_key){"k", "keep training"};
    keys[1] = (mode_key){"s", "stop and save"};
    keys[2] = (mode_key){"c", "stay"};
    return 3;
}

static void close_question(void *arg) {
    leave *l = arg;
    ui *u = l->ui;
    free(l);
    if (u->chat->question == QUESTION_LEAVE) input_changed(u, chat_submit(u->chat, "c"));
}

const mode_class leave_mode = {title, size, draw, take, take, footer, close_question};

void leave_follow(ui *u) {
    if (u->chat->question != QUESTION_LEAVE || mode_is_open(u, &leave_mode)) return;
    leave *l = mem_calloc(1, sizeof *l);
    *l = (leave){.ui = u, .choices = {.list = CHOICE, .n = N_CHOICES}};
    mode_open(u, &leave_mode, l);
    input_say(u, NULL);
}

void leave_ask(ui *u) {
    unsigned flags = 0;
    if (chat_train_may_leave(u->chat, &flags)) u->is_leaving = true;
    input_changed(u, flags);
    leave_follow(u);
}
