#include "ui/sampling.h"

#include <string.h>

void sampling_init(sampling *p) {
    static const char *FIRST[] = {"temperature",        "top-k",     "no-repeat-ngram", "top-p", "min-p",
                                  "repetition-penalty", "max-tokens"};
    *p = (sampling){0};
    for (size_t i = 0; i < sizeof FIRST / sizeof *FIRST; i++) {
        const gen_knob *k = gen_knob_find(FIRST[i]);
        if (k && k->slider_step > 0) p->knobs[p->n_knobs++] = k;
    }
    int n_first = p->n_knobs;
    for (size_t i = 0; i < gen_n_knobs() && p->n_knobs < SAMPLING_MAX; i++) {
        const gen_knob *k = gen_knob_at(i);
        bool listed = k->slider_step <= 0;
        for (int j = 0; j < n_first; j++) listed = listed || p->knobs[j] == k;
        if (!listed) p->knobs[p->n_knobs++] = k;
    }
}

static void set_value(const sampling *p, gen_settings *s, double value) {
    gen_knob_set(p->knobs[p->selected], s, value);
}

static sampling_result move_value(sampling *p, gen_settings *s, int steps) {
    const gen_knob *k = p->knobs[p->selected];
    p->typed[0] = '\0';
    set_value(p, s, slider_moved(k, gen_knob_get(k, s), steps));
    return SAMPLING_CHANGED;
}

static sampling_result move_focus(sampling *p, int by) {
    p->selected = (p->selected + by + p->n_knobs) % p->n_knobs;
    p->typed[0] = '\0';
    return SAMPLING_TAKEN;
}

static sampling_result finish_typing(sampling *p, gen_settings *s) {
    int refused = gen_knob_parse(p->knobs[p->selected], p->typed, s, &p->err);
    p->typed[0] = '\0';
    return refused ? SAMPLING_TAKEN : SAMPLING_CHANGED;
}

static sampling_result leave(sampling *p) {
    p->focused = false;
    p->typed[0] = '\0';
    return SAMPLING_LEFT;
}

static sampling_result take_char(sampling *p, uint32_t ch, gen_settings *s) {
    size_t n = strlen(p->typed);
    bool is_number = (ch >= '0' && ch <= '9') || ch == '.' || (ch == '-' && n == 0);
    if (is_number && n + 1 < sizeof p->typed) {
        p->typed[n] = (char)ch;
        p->typed[n + 1] = '\0';
    } else if ((ch == 0x7f || ch == '\b') && n > 0) {
        p->typed[n - 1] = '\0';
    } else if (ch == '\r' || ch == '\n') {
        return n ? finish_typing(p, s) : leave(p);
    } else if (ch == 0x1b) {
        if (!n) return leave(p);
        p->typed[0] = '\0';
    } else if (ch == '\t') {
        return move_focus(p, 1);
    } else if (ch == '+' || ch == '-') {
        return move_value(p, s, ch == '+' ? 1 : -1);
    }
    return SAMPLING_TAKEN;
}

sampling_result sampling_key(sampling *p, const key *k, gen_settings *s) {
    p->err.text[0] = '\0';
    if (p->n_knobs == 0) return leave(p);
    int step = k->modifiers & (KEYS_SHIFT | KEYS_CTRL | KEYS_ALT) ? SLIDER_LARGE : 1;
    switch (k->code) {
    case KEYS_CHAR: return take_char(p, k->ch, s);
    case KEYS_UP: return move_focus(p, -1);
    case KEYS_DOWN: return move_focus(p, 1);
    case KEYS_BACK_TAB: return move_focus(p, -1);
    case KEYS_LEFT: return move_value(p, s, -step);
    case KEYS_RIGHT: return move_value(p, s, step);
    case KEYS_PAGE_UP: return move_value(p, s, SLIDER_LARGE);
    case KEYS_PAGE_DOWN: return move_value(p, s, -SLIDER_LARGE);
    case KEYS_HOME: set_value(p, s, p->knobs[p->selected]->slider_min); return SAMPLING_CHANGED;
    case KEYS_END: set_value(p, s, p->knobs[p->selected]->slider_max); return SAMPLING_CHANGED;
    case KEYS_F2: return leave(p);
    case KEYS_UNKNOWN:
    case KEYS_INSERT:
    case KEYS_DELETE: return SAMPLING_TAKEN;
    default: return SAMPLING_IGNORED;
    }
}

static sampling_result drag_to(const sampling *p, int col, gen_settings *s) {
    set_value(p, s, slider_value(p->knobs[p->selected], col - p->track_col, p->track_cols));
    return SAMPLING_CHANGED;
}

sampling_result sampling_mouse(sampling *p, const key *k, gen_settings *s) {
    if (p->dragging) {
        if (k->action == MOUSE_RELEASE) p->dragging = false;
        return k->action == MOUSE_DRAG ? drag_to(p, k->col, s) : SAMPLING_TAKEN;
    }
    int row = k->row - p->area.row, index = p->top + row;
    bool inside = row >= 0 && row < p->area.rows && index < p->n_knobs && k->col >= p->area.col &&
                  k->col < p->area.col + p->area.cols;
    if (!inside || k->action != MOUSE_PRESS) return SAMPLING_IGNORED;
    p->selected = index;
    p->typed[0] = '\0';
    if (k->col < p->track_col || k->col >= p->track_col + p->track_cols) return SAMPLING_TAKEN;
    p->dragging = true;
    return drag_to(p, k->col, s);
}

static int name_columns(const sampling *p) {
    int widest = 0;
    for (int i = 0; i < p->n_knobs; i++) {
        int width = (int)strlen(p->knobs[i]->name);
        if (width > widest) widest = width;
    }
    return widest;
}

static void draw_row(const sampling *p, canvas *c, int row, int index, const gen_settings *s) {
    const gen_knob *k = p->knobs[index];
    bool is_focus = p->focused && index == p->selected;
    int name_cols = p->track_col - p->area.col - 1;
    canvas_puts(c, row, p->area.col, name_cols, k->name, is_focus ? STYLE_FOCUS : STYLE_TEXT);
    slider_draw(c, row, p->track_col, p->track_cols, slider_position(k, gen_knob_get(k, s), p->track_cols));
    buf value = {0};
    if (is_focus && p->typed[0])
        buf_printf(&value, "%s_", p->typed);
    else
        gen_knob_print(k, s, &value);
    if (value.len >= SAMPLING_VALUE_COLS && !p->typed[0]) { // too long to be shown whole
        buf_clear(&value);
        buf_printf(&value, "%.2g", gen_knob_get(k, s));
    }
    canvas_puts(c, row, p->track_col + p->track_cols + 1, SAMPLING_VALUE_COLS - 1, buf_str(&value), STYLE_VALUE);
    buf_free(&value);
}

void sampling_draw(sampling *p, canvas *c, rect area, const gen_settings *s) {
    p->area = area;
    p->track_col = area.col + name_columns(p) + 1;
    p->track_cols = area.col + area.cols - SAMPLING_VALUE_COLS - p->track_col;
    if (p->track_cols < 2) p->track_cols = 2;
    if (p->selected < p->top) p->top = p->selected;
    if (p->selected >= p->top + area.rows) p->top = p->selected - area.rows + 1;
    if (p->top > p->n_knobs - area.rows) p->top = p->n_knobs > area.rows ? p->n_knobs - area.rows : 0;
    for (int y = 0; y < area.rows && p->top + y < p->n_knobs; y++) draw_row(p, c, area.row + y, p->top + y, s);
}
