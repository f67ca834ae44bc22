// State, keys and mouse of the form; how it looks is in trainform_draw.c.
#include "ui/trainform.h"

#include "ui/formslider.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ESCAPE = 0x1b, CTRL_U = 0x15 };

void trainform_reset(trainform *f) {
    buf_clear(&f->filter);
    buf_clear(&f->name);
    f->focus = FORM_AUTHORS;
    f->author = f->author_top = 0;
    f->is_naming = f->is_dragging = false;
    f->err.text[0] = '\0';
}

void trainform_free(trainform *f) {
    buf_free(&f->filter);
    buf_free(&f->name);
    free(f->shown);
    *f = (trainform){0};
}

void trainform_filter(trainform *f, const tuning *t) {
    const char *wanted = buf_str(&f->filter);
    f->n_shown = 0;
    f->shown = mem_reserve(f->shown, &f->cap_shown, t->n_authors + 1, sizeof *f->shown);
    for (size_t i = 0; i < t->n_authors; i++)
        if (!*wanted || strcasestr(t->authors[i].name, wanted)) f->shown[f->n_shown++] = i;
    if (f->author >= f->n_shown) f->author = f->n_shown ? f->n_shown - 1 : 0;
}

// ---- moving the focus

static bool can_focus(const tuning *t, form_item item) {
    if (item == FORM_SOURCE) return true;
    if (t->stage != TUNING_READY) return false;
    if (item == FORM_AUTHORS) return t->is_log;
    if (item == FORM_SCRUB) return t->warning.len > 0;
    return item < FORM_TEXT;
}

// What is read decides what can have the focus. Where there is nobody to choose and nothing to train, another text is
// what is wanted next.
void trainform_settle(trainform *f, const tuning *t) {
    bool is_read = t->stage == TUNING_READY || t->stage == TUNING_FAILED;
    if (!is_read || can_focus(t, f->focus)) return;
    f->focus = t->stage == TUNING_READY && !t->err.text[0] ? FORM_EFFORT : FORM_SOURCE;
}

static form_result move_focus(trainform *f, const tuning *t, int by) {
    int item = (int)f->focus;
    do item = (item + by + FORM_TEXT) % FORM_TEXT;
    while (!can_focus(t, (form_item)item));
    f->focus = (form_item)item;
    f->is_dragging = false;
    return FORM_TAKEN;
}

// Up and Down walk through the authors before they leave them.
static form_result move_row(trainform *f, const tuning *t, int by) {
    if (f->focus == FORM_AUTHORS && by > 0 && f->author + 1 < f->n_shown) {
        f->author++;
    } else if (f->focus == FORM_AUTHORS && by < 0 && f->author > 0) {
        f->author--;
    } else if ((by < 0 && f->focus == FORM_SOURCE) || (by > 0 && f->focus == FORM_START)) {
        return FORM_TAKEN;
    } else {
        move_focus(f, t, by);
        if (f->focus == FORM_AUTHORS) f->author = by > 0 || f->n_shown == 0 ? 0 : f->n_shown - 1;
    }
    return FORM_TAKEN;
}

static form_result move_page(trainform *f, const tuning *t, int by) {
    size_t page = f->author_rows > 1 ? (size_t)f->author_rows - 1 : 1;
    if (f->focus != FORM_AUTHORS || f->n_shown == 0) return move_focus(f, t, by);
    if (by < 0)
        f->author -= page < f->author ? page : f->author;
    else
        f->author = f->author + page < f->n_shown ? f->author + page : f->n_shown - 1;
    return FORM_TAKEN;
}

// ---- changing what has the focus

static void toggle_author(trainform *f, tuning *t) {
    if (f->author >= f->n_shown) return;
    size_t i = f->shown[f->author];
    tuning_choose(t, i, !t->authors[i].chosen);
}

static form_result move_value(trainform *f, tuning *t, int steps) {
    if (f->focus == FORM_SCRUB) tuning_set_scrub(t, !t->scrub);
    formslider_move(t, f->focus, steps);
    return FORM_TAKEN;
}

static bool apply_name(trainform *f, tuning *t) {
    if (!f->is_naming) return true;
    if (tuning_set_name(t, buf_str(&f->name), &f->err) != 0) return false;
    f->is_naming = false;
    return true;
}

static form_result go(trainform *f, tuning *t) {
    if (!apply_name(f, t)) {
        f->focus = FORM_NAME;
        return FORM_TAKEN;
    }
    return FORM_GO;
}

static form_result act(trainform *f, tuning *t) {
    switch (f->focus) {
    case FORM_SOURCE: return FORM_CHOOSE;
    case FORM_AUTHORS: toggle_author(f, t); return FORM_TAKEN;
    case FORM_SCRUB: tuning_set_scrub(t, !t->scrub); return FORM_TAKEN;
    case FORM_START: return go(f, t);
    case FORM_NAME:
        if (!apply_name(f, t)) return FORM_TAKEN;
        break;
    default: break;
    }
    return move_focus(f, t, 1);
}

// ---- typing: a filter for the authors, or the name

static void erase_last(buf *b) {
    if (b->len == 0) return;
    do b->len--;
    while (b->len > 0 && ((unsigned char)b->data[b->len] & 0xc0) == 0x80);
    b->data[b->len] = '\0';
}

static buf *typed_into(trainform *f, const tuning *t) {
    if (f->focus == FORM_NAME && !f->is_naming) {
        buf_clear(&f->name);
        buf_puts(&f->name, t->name ? t->name : "");
        f->is_naming = true;
    }
    return f->focus == FORM_NAME ? &f->name : f->focus == FORM_AUTHORS ? &f->filter : NULL;
}

static void type(trainform *f, const tuning *t, uint32_t ch) {
    buf *b = typed_into(f, t);
    char bytes[4];
    if (!b) return;
    if (ch == CTRL_U)
        buf_clear(b);
    else if (ch == 0x7f || ch == '\b')
        erase_last(b);
    else if (ch >= 0x20 && !(ch >= 0x7f && ch < 0xa0))
        buf_append(b, bytes, (size_t)utf8_encode(ch, bytes));
    if (f->focus != FORM_AUTHORS) return;
    f->author = f->author_top = 0;
    trainform_filter(f, t);
}

static void paste(trainform *f, const tuning *t, const char *s, size_t n) {
    uint32_t ch;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &ch);
        if (len <= 0 || ch == '\n' || ch == '\r') return;
        type(f, t, ch);
        i += (size_t)len;
    }
}

// Without the filter the selected author is the same.
static void drop_filter(trainform *f, const tuning *t) {
    f->author = f->author < f->n_shown ? f->shown[f->author] : 0;
    f->author_top = 0;
    buf_clear(&f->filter);
    trainform_filter(f, t);
}

static form_result take_escape(trainform *f, const tuning *t) {
    if (f->focus == FORM_AUTHORS && f->filter.len)
        drop_filter(f, t);
    else if (f->focus == FORM_NAME && f->is_naming)
        f->is_naming = false;
    else
        return FORM_LEFT;
    return FORM_TAKEN;
}

// Space chooses, but it is part of a name that is being typed when somebody is called so.
static bool continues_name(const trainform *f, const tuning *t) {
    buf wanted = {0};
    bool found = false;
    if (f->filter.len == 0) return false;
    buf_printf(&wanted, "%s ", f->filter.data);
    for (size_t i = 0; i < t->n_authors && !found; i++) found = strcasestr(t->authors[i].name, wanted.data) != NULL;
    buf_free(&wanted);
    return found;
}

static form_result take_char(trainform *f, tuning *t, uint32_t ch) {
    bool is_typing = f->focus == FORM_NAME || (f->focus == FORM_AUTHORS && (ch != ' ' || continues_name(f, t)));
    if (ch == ESCAPE) return take_escape(f, t);
    if (ch == '\t') return move_focus(f, t, 1);
    if (ch == '\r' || ch == '\n') return act(f, t);
    if (!is_typing && ch == ' ') return act(f, t);
    if (!is_typing && (ch == '+' || ch == '-')) return move_value(f, t, ch == '+' ? 1 : -1);
    type(f, t, ch);
    return FORM_TAKEN;
}

form_result trainform_key(trainform *f, tuning *t, const key *k) {
    f->err.text[0] = '\0';
    trainform_filter(f, t);
    trainform_settle(f, t);
    if (!can_focus(t, f->focus)) f->focus = FORM_SOURCE;
    int steps = k->modifiers & KEYS_SHIFT ? 3 : 1;
    switch (k->code) {
    case KEYS_CHAR: return take_char(f, t, k->ch);
    case KEYS_PASTE: paste(f, t, k->paste, k->n_paste); return FORM_TAKEN;
    case KEYS_UP: return move_row(f, t, -1);
    case KEYS_DOWN: return move_row(f, t, 1);
    case KEYS_LEFT: return move_value(f, t, -steps);
    case KEYS_RIGHT: return move_value(f, t, steps);
    case KEYS_PAGE_UP: return move_page(f, t, -1);
    case KEYS_PAGE_DOWN: return move_page(f, t, 1);
    case KEYS_BACK_TAB: return move_focus(f, t, -1);
    case KEYS_HOME: f->focus = FORM_SOURCE; return FORM_TAKEN;
    case KEYS_END: f->focus = can_focus(t, FORM_START) ? FORM_START : FORM_SOURCE; return FORM_TAKEN;
    default: return FORM_IGNORED;
    }
}

// ---- the mouse

static form_result press(trainform *f, tuning *t, const form_row *row, int col) {
    f->focus = row->item;
    bool is_on_track = col >= f->track_col && col < f->track_col + f->track_cols;
    if (formslider_is(row->item)) {
        f->is_dragging = is_on_track;
        if (is_on_track) formslider_put(t, row->item, col - f->track_col, f->track_cols);
        return FORM_TAKEN;
    }
    if (row->item == FORM_AUTHORS && row->part > 0)
        f->author = f->author_top + (size_t)row->part - 1;
    else if (row->item == FORM_AUTHORS || row->item == FORM_NAME)
        return FORM_TAKEN;
    return act(f, t);
}

form_result trainform_mouse(trainform *f, tuning *t, const key *k) {
    if (f->is_dragging) {
        if (k->action == MOUSE_RELEASE) f->is_dragging = false;
        if (k->action == MOUSE_DRAG) formslider_put(t, f->focus, k->col - f->track_col, f->track_cols);
        return FORM_TAKEN;
    }
    if (k->action == MOUSE_WHEEL_UP || k->action == MOUSE_WHEEL_DOWN)
        return move_row(f, t, k->action == MOUSE_WHEEL_UP ? -1 : 1);
    int row = k->row - f->area.row, index = f->top + row;
    bool is_inside = row >= 0 && row < f->area.rows && index < f->n_rows && k->col >= f->area.col &&
                     k->col < f->area.col + f->area.cols;
    if (k->action != MOUSE_PRESS || !is_inside) return FORM_IGNORED;
    f->err.text[0] = '\0';
    return can_focus(t, f->rows[index].item) ? press(f, t, &f->rows[index], k->col) : FORM_TAKEN;
}

// ---- the footer

int trainform_footer(const trainform *f, mode_key keys[MODE_MAX_KEYS]) {
    static const mode_key SOURCE = {"Enter", "another text"}, SPACE = {"Space", "choose"}, TYPE = {"type", "find"},
                          SWITCH = {"Space", "switch"}, SLIDE = {"Left/Right", "change"}, NAME = {"type", "a name"},
                          START = {"Enter", "start"};
    int n = 0;
    keys[n++] = (mode_key){"Up/Down", "move"};
    switch (f->focus) {
    case FORM_SOURCE: keys[n++] = SOURCE; break;
    case FORM_AUTHORS:
        keys[n++] = SPACE;
        keys[n++] = TYPE;
        break;
    case FORM_SCRUB: keys[n++] = SWITCH; break;
    case FORM_NAME: keys[n++] = NAME; break;
    case FORM_START: keys[n++] = START; break;
    default: keys[n++] = SLIDE;
    }
    if (f->focus != FORM_START) keys[n++] = (mode_key){"End", "to Start"};
    keys[n++] = (mode_key){"Esc", "back"};
    return n;
}
