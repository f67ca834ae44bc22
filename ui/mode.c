#include "ui/mode.h"

#include "ui/sessions.h"
#include "ui/state.h"
#include "ui/training.h"

#include <string.h>

// How modes are opened.
static const struct {
    key_code key; // KEYS_NONE for none; name and what it does, for the footer
    mode_key shown;
    const char *command; // a line without arguments; NULL for none
    const mode_class *class;
    void (*open)(ui *u);
} MODES[] = {
    {KEYS_F3, {"F3", "train"}, "/train", &training_mode, training_open},
    {KEYS_F4, {"F4", "sessions"}, "/sessions", &sessions_mode, sessions_open},
};

enum { N_MODES = sizeof MODES / sizeof *MODES };

void mode_open(ui *u, const mode_class *class, void *arg) {
    mode_close(u);
    u->mode = (mode){.class = class, .arg = arg};
    u->shows_help = u->sampling.focused = false;
    completion_close(&u->completion);
    u->is_stale = true;
}

void mode_close(ui *u) {
    mode m = u->mode;
    u->mode = (mode){0};
    if (m.class && m.class->close) m.class->close(m.arg);
    u->is_stale = true;
}

bool mode_is_open(const ui *u, const mode_class *class) {
    return class ? u->mode.class == class : u->mode.class != NULL;
}

void mode_draw(ui *u) {
    mode *m = &u->mode;
    canvas *c = &u->canvas;
    if (!m->class) return;
    int rows = u->rows, cols = u->cols;
    if (m->class->size) m->class->size(m->arg, &rows, &cols);
    m->frame = layout_overlay(&u->layout, u->cols, rows, cols);
    c->cursor_row = -1;
    canvas_fill(c, m->frame, ' ', STYLE_TEXT);
    rect area = m->frame;
    if (m->class->title) {
        canvas_box(c, m->frame, m->class->title(m->arg), STYLE_BORDER, STYLE_TITLE);
        area = layout_inside(m->frame);
    }
    m->class->draw(m->arg, c, area);
}

static bool is_inside(rect r, int row, int col) {
    return row >= r.row && row < r.row + r.rows && col >= r.col && col < r.col + r.cols;
}

static mode_result hand_over(ui *u, const key *k) {
    const mode *m = &u->mode;
    if (k->code != KEYS_MOUSE) return m->class->key(m->arg, u, k);
    if (m->class->mouse) return m->class->mouse(m->arg, u, k);
    return k->action == MOUSE_PRESS && !is_inside(m->frame, k->row, k->col) ? MODE_LEFT : MODE_TAKEN;
}

// A mode's own function key closes it.
static bool take_function_key(ui *u, const key *k) {
    for (int i = 0; i < N_MODES; i++) {
        if (MODES[i].key == KEYS_NONE || MODES[i].key != k->code) continue;
        if (mode_is_open(u, MODES[i].class))
            mode_close(u);
        else
            MODES[i].open(u);
        return true;
    }
    return false;
}

bool mode_take(ui *u, const key *k) {
    if (take_function_key(u, k)) return true;
    const mode_class *class = u->mode.class;
    if (!class || u->layout.too_small) return false;
    mode_result r = hand_over(u, k);
    if (r == MODE_LEFT && u->mode.class == class) mode_close(u);
    return r != MODE_IGNORED;
}

int mode_function_keys(mode_key keys[MODE_MAX_KEYS]) {
    int n = 0;
    for (int i = 0; i < N_MODES && n < MODE_MAX_KEYS; i++)
        if (MODES[i].key != KEYS_NONE) keys[n++] = MODES[i].shown;
    return n;
}

bool mode_command(ui *u, const char *line) {
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t\n", line[n - 1])) n--;
    for (int i = 0; i < N_MODES; i++) {
        const char *command = MODES[i].command;
        if (!command || strlen(command) != n || strncmp(command, line, n) != 0) continue;
        MODES[i].open(u);
        return true;
    }
    return false;
}
