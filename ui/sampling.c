#include "ui/sampling.h"

#include <stdlib.h>
#include <string.h>

static const gen_knob strength = {.name = "strength", .max = 2, .slider_max = 2, .slider_step = 0.05};

// ---- rows

static const gen_knob *length_in(bool characters) {
    return gen_knob_find(characters ? "max-chars" : "max-tokens");
}

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
        bool listed = k->slider_step <= 0 || k == length_in(true);
        for (int j = 0; j < n_first; j++) listed = listed || p->knobs[j] == k;
        if (!listed) p->knobs[p->n_knobs++] = k;
    }
}

void sampling_set_dials(sampling *p, const sampling_dial *dials, int n, bool off) {
    if (n > SAMPLING_DIALS) n = SAMPLING_DIALS;
    int more = n - p->n_dials;
    if (p->selected >= p->n_dials)
        p->selected += more;
    else if (p->selected >= n)
        p->selected = n;
    if (more != 0) p->dragging = false;
    if (n > 0) memcpy(p->dials, dials, (size_t)n * sizeof *dials);
    p->n_dials = n;
    p->dials_off = off;
}

int sampling_rows(const sampling *p) {
    return p->n_dials + p->n_knobs;
}

static bool is_dial(const sampling *p, int row) {
    return row < p->n_dials;
}

static const gen_knob *knob_of(const sampling *p, int row) {
    return is_dial(p, row) ? &strength : p->knobs[row - p->n_dials];
}

static const char *name_of(const sampling *p, int row) {
    return is_dial(p, row) ? p->dials[row].name : knob_of(p, row)->name;
}

static double value_of(const sampling *p, int row, const gen_settings *s) {
    return is_dial(p, row) ? p->dials[row].value : gen_knob_get(knob_of(p, row), s);
}

static bool is_length(const gen_knob *k) {
    return k == length_in(false) || k == length_in(true);
}

bool sampling_has_unit(const sampling *p) {
    return is_length(knob_of(p, p->selected));
}

// Shows the length in the unit that it is limited in.
static void follow_unit(sampling *p, const gen_settings *s) {
    for (int i = 0; i < p->n_knobs; i++)
        if (is_length(p->knobs[i])) p->knobs[i] = length_in(s->max_chars > 0);
}

// About as long in the other unit: a token has four characters or so.
static sampling_result change_unit(sampling *p, gen_settings *s) {
    enum { CHARACTERS = 4 };
    const gen_knob *characters = length_in(true), *tokens = length_in(false);
    if (s->max_chars > 0) {
        gen_knob_set(tokens, s, slider_moved(tokens, s->max_chars / CHARACTERS, 0));
        s->max_chars = 0;
    } else {
        gen_knob_set(characters, s, slider_moved(characters, s->max_tokens * (double)CHARACTERS, 0));
        // It stays as a last limit, and must not come first.
        if (s->max_tokens < s->max_chars) gen_knob_set(tokens, s, s->max_chars);
    }
    p->typed[0] = '\0';
    follow_unit(p, s);
    return SAMPLING_CHANGED;
}

// ---- keys

static sampling_result set_value(sampling *p, gen_settings *s, double value) {
    if (is_dial(p, p->selected)) {
        p->dials[p->selected].value = value;
        return SAMPLING_DIALLED;
    }
    gen_knob_set(knob_of(p, p->selected), s, value);
    return SAMPLING_CHANGED;
}

static sampling_result move_value(sampling *p, gen_settings *s, int steps) {
    double value = value_of(p, p->selected, s);
    p->typed[0] = '\0';
    return set_value(p, s, slider_moved(knob_of(p, p->selected), value, steps));
}

static sampling_result move_focus(sampling *p, int by) {
    p->selected = (p->selected + by + sampling_rows(p)) % sampling_rows(p);
    p->typed[0] = '\0';
    return SAMPLING_TAKEN;
}

static sampling_result take_strength(sampling *p) {
    char *end;
    double value = strtod(p->typed, &end);
    bool good = end != p->typed && !*end && value >= strength.min && value <= strength.max;
    if (!good) error_set(&p->err, "strength is \"%s\"; it takes a number from 0 to 2", p->typed);
    if (good) p->dials[p->selected].value = value;
    return good ? SAMPLING_DIALLED : SAMPLING_TAKEN;
}

static sampling_result finish_typing(sampling *p, gen_settings *s) {
    sampling_result r = SAMPLING_CHANGED;
    if (is_dial(p, p->selected))
        r = take_strength(p);
    else if (gen_knob_parse(knob_of(p, p->selected), p->typed, s, &p->err) != 0)
        r = SAMPLING_TAKEN;
    p->typed[0] = '\0';
    return r;
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
    } else if (ch == 'u' && sampling_has_unit(p)) {
        return change_unit(p, s);
    } else if (ch == '+' || ch == '-') {
        return move_value(p, s, ch == '+' ? 1 : -1);
    }
    return SAMPLING_TAKEN;
}

sampling_result sampling_key(sampling *p, const key *k, gen_settings *s) {
    p->err.text[0] = '\0';
    if (p->n_knobs == 0) return leave(p);
    follow_unit(p, s);
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
    case KEYS_HOME: return set_value(p, s, knob_of(p, p->selected)->slider_min);
    case KEYS_END: return set_value(p, s, knob_of(p, p->selected)->slider_max);
    case KEYS_F2: return leave(p);
    case KEYS_UNKNOWN:
    case KEYS_INSERT:
    case KEYS_DELETE: return SAMPLING_TAKEN;
    default: return SAMPLING_IGNORED;
    }
}

// ---- the mouse

static sampling_result drag_to(sampling *p, int col, gen_settings *s) {
    return set_value(p, s, slider_value(knob_of(p, p->selected), col - p->track_col, p->track_cols));
}

sampling_result sampling_mouse(sampling *p, const key *k, gen_settings *s) {
    if (p->dragging) {
        if (k->action == MOUSE_RELEASE) p->dragging = false;
        return k->action == MOUSE_DRAG ? drag_to(p, k->col, s) : SAMPLING_TAKEN;
    }
    int row = k->row - p->area.row, index = p->top + row;
    bool inside = row >= 0 && row < p->area.rows && index < sampling_rows(p) && k->col >= p->area.col &&
                  k->col < p->area.col + p->area.cols;
    if (!inside || k->action != MOUSE_PRESS) return SAMPLING_IGNORED;
    p->selected = index;
    p->typed[0] = '\0';
    if (k->col >= p->track_col + p->track_cols && sampling_has_unit(p)) return change_unit(p, s);
    if (k->col < p->track_col || k->col >= p->track_col + p->track_cols) return SAMPLING_TAKEN;
    p->dragging = true;
    return drag_to(p, k->col, s);
}

// ---- drawing

static int name_columns(const sampling *p) {
    enum { MOST = 18 };
    int widest = 0;
    for (int i = 0; i < sampling_rows(p); i++) {
        int width = cells_width(name_of(p, i), strlen(name_of(p, i)));
        if (width > widest) widest = width;
    }
    return widest < MOST ? widest : MOST;
}

static void print_value(const sampling *p, int row, const gen_settings *s, buf *out) {
    if (is_dial(p, row) && p->dials_off)
        buf_puts(out, "off");
    else if (is_dial(p, row))
        buf_printf(out, "%.2f", p->dials[row].value);
    else
        gen_knob_print(knob_of(p, row), s, out);
    if (out->len < SAMPLING_VALUE_COLS) return;
    buf_clear(out); // too long to be shown whole
    buf_printf(out, "%.2g", value_of(p, row, s));
}

static void draw_row(const sampling *p, canvas *c, int y, int row, const gen_settings *s) {
    bool is_focus = p->focused && row == p->selected;
    int name_cols = p->track_col - p->area.col - 1;
    canvas_puts(c, y, p->area.col, name_cols, name_of(p, row), is_focus ? STYLE_FOCUS : STYLE_TEXT);
    slider_draw(c, y, p->track_col, p->track_cols,
                slider_position(knob_of(p, row), value_of(p, row, s), p->track_cols));
    buf value = {0};
    if (is_focus && p->typed[0])
        buf_printf(&value, "%s_", p->typed);
    else
        print_value(p, row, s, &value);
    canvas_puts(c, y, p->track_col + p->track_cols + 1, SAMPLING_VALUE_COLS - 1, buf_str(&value), STYLE_VALUE);
    buf_free(&value);
}

void sampling_draw(sampling *p, canvas *c, rect area, const gen_settings *s) {
    int rows = sampling_rows(p);
    follow_unit(p, s);
    p->area = area;
    p->track_col = area.col + name_columns(p) + 1;
    p->track_cols = area.col + area.cols - SAMPLING_VALUE_COLS - p->track_col;
    if (p->track_cols < 2) p->track_cols = 2;
    if (p->selected < p->top) p->top = p->selected;
    if (p->selected >= p->top + area.rows) p->top = p->selected - area.rows + 1;
    if (p->top > rows - area.rows) p->top = rows > area.rows ? rows - area.rows : 0;
    for (int y = 0; y < area.rows && p->top + y < rows; y++) draw_row(p, c, area.row + y, p->top + y, s);
}
