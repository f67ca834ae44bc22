#include "ui/trainrun.h"

#include "app/background.h"
#include "app/chat_train.h"
#include "ui/input.h"
#include "ui/state.h"
#include "ui/trainpane.h"

#include <stdio.h>
#include <string.h>

enum { ESCAPE = 0x1b, DELETE = 0x7f };

static const background_state *state_of(const ui *u) {
    return background_look(u->chat->background);
}

// ---- keys

static void pause_or_go_on(ui *u) {
    if (state_of(u)->is_elsewhere)
        input_say(u, "another process trains it: it can be stopped, not paused");
    else if (state_of(u)->phase == BACKGROUND_PAUSED)
        background_go_on(u->chat->background);
    else
        background_pause(u->chat->background);
}

static mode_result answer(trainrun *r, ui *u, uint32_t ch) {
    r->asks = false;
    if (ch == 'y' || ch == 'Y') background_discard(u->chat->background);
    return MODE_TAKEN;
}

// Says why it cannot be ended from here, before it asks.
static mode_result ask_to_discard(trainrun *r, ui *u) {
    error err;
    r->asks = background_can_stop(u->chat->background, &err);
    if (!r->asks) input_say(u, err.text);
    return MODE_TAKEN;
}

static mode_result take_active(trainrun *r, ui *u, uint32_t ch) {
    switch (ch) {
    case ' ':
    case 'p': pause_or_go_on(u); return MODE_TAKEN;
    case 'e': background_stop(u->chat->background); return MODE_TAKEN;
    case 'd': return ask_to_discard(r, u);
    case DELETE: background_drop_waiting(u->chat->background, 0); return MODE_TAKEN;
    default: return MODE_IGNORED;
    }
}

mode_result trainrun_key(trainrun *r, ui *u, const key *k) {
    if (k->code != KEYS_CHAR) return MODE_IGNORED;
    if (r->asks) return answer(r, u, k->ch);
    switch (k->ch) {
    case ESCAPE:
    case '\r':
    case '\n': return MODE_LEFT;
    case 's': r->shows_sample = !r->shows_sample; return MODE_TAKEN;
    case 'q': r->shows_line = !r->shows_line; return MODE_TAKEN;
    case 't': input_act(u, chat_train_try(u->chat)); return MODE_TAKEN;
    default: return trainpane_is_active(state_of(u)) ? take_active(r, u, k->ch) : MODE_IGNORED;
    }
}

int trainrun_footer(const trainrun *r, const ui *u, mode_key keys[MODE_MAX_KEYS]) {
    const background_state *s = state_of(u);
    int n = 0;
    if (r->asks) {
        keys[n++] = (mode_key){"y", "discard it with all that it learned"};
        keys[n++] = (mode_key){"n", "keep it"};
        return n;
    }
    if (trainpane_is_active(s)) {
        if (!s->is_elsewhere) keys[n++] = (mode_key){"p", s->phase == BACKGROUND_PAUSED ? "go on" : "pause"};
        keys[n++] = (mode_key){"e", "end and keep"};
        keys[n++] = (mode_key){"d", "discard"};
    }
    if (s->has_result) keys[n++] = (mode_key){"t", "try it"};
    keys[n++] = (mode_key){"s", "sample"};
    keys[n++] = (mode_key){"n", "another"};
    if (s->n_waiting > 0) keys[n++] = (mode_key){"q", "line"};
    keys[n++] = (mode_key){"Esc", "back"};
    return n;
}

// ---- drawing

// Who waits, from the lower edge up.
static void draw_line(const ui *u, canvas *c, rect area) {
    size_t n = state_of(u)->n_waiting;
    if (n == 0) {
        canvas_puts(c, area.row, area.col, area.cols, "nothing waits in line; n prepares another", STYLE_DIM);
        return;
    }
    canvas_puts(c, area.row, area.col, area.cols, "waiting in line (Backspace takes the first out)", STYLE_DIM);
    for (size_t i = 0; i < n && (int)i + 1 < area.rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "%zu  %s", i + 1, background_waiting(u->chat->background, i));
        canvas_puts(c, area.row + 1 + (int)i, area.col, area.cols, text, STYLE_TEXT);
    }
}

void trainrun_draw(trainrun *r, const ui *u, canvas *c, rect area) {
    const background_state *s = state_of(u);
    if (r->shows_line) {
        int rows = (int)s->n_waiting + 2, most = area.rows / 2;
        if (rows > most) rows = most;
        if (rows < 2 && area.rows >= 2) rows = 2;
        draw_line(u, c, (rect){area.row + area.rows - rows + 1, area.col, rows - 1, area.cols});
        area.rows -= rows;
    }
    trainpane_draw(c, area, s, r->shows_sample || area.rows >= TRAINRUN_ROWS - 2);
}
