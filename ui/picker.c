#include "ui/picker.h"

#include "app/clean.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WHEEL_ROWS = 3,
    DATE_COLS = 10,
    WHEN_COLS = 16,
    WIDE_COLS = 56, // from here on there is room for the time of day and for counts
    COUNT_COLS = 6,
    ESCAPE = 0x1b,
    CTRL_D = 4,
    CTRL_N = 14,
    CTRL_R = 18,
    CTRL_U = 21,
};

// ---- the list

static void forget_rows(picker *p) {
    for (size_t i = 0; i < p->n_rows; i++) {
        free(p->rows[i].title);
        free(p->rows[i].excerpt);
    }
    p->n_rows = 0;
}

void picker_free(picker *p) {
    forget_rows(p);
    free(p->rows);
    buf_free(&p->typed);
    buf_free(&p->title);
    *p = (picker){0};
}

// One line; the marks of a search stay, since the filter would drop them.
static char *shown(const char *text, bool is_excerpt) {
    buf out = {0};
    for (const char *s = text; *s;) {
        size_t n = strcspn(s, is_excerpt ? "\2\3\n" : "\n");
        buf piece = {0};
        clean_text(s, n, &piece);
        buf_append(&out, buf_str(&piece), piece.len);
        buf_free(&piece);
        s += n;
        if (*s) buf_putc(&out, *s == '\n' ? ' ' : *s), s++;
    }
    return buf_take(&out);
}

static void add_row(void *arg, const store_row *r) {
    picker *p = arg;
    p->rows = mem_reserve(p->rows, &p->cap_rows, p->n_rows + 1, sizeof *p->rows);
    p->rows[p->n_rows++] = (picker_row){
        .id = r->id,
        .changed = r->changed,
        .title = shown(r->title, false),
        .excerpt = shown(r->excerpt, true),
        .n_messages = r->n_messages,
        .is_elsewhere = store_owner(p->store, r->id) != 0,
    };
}

void picker_load(picker *p) {
    const picker_row *was = picker_selected(p);
    int64_t id = was ? was->id : p->current;
    const char *words = buf_str(&p->typed);
    p->err.text[0] = '\0';
    forget_rows(p);
    if (!p->store)
        error_set(&p->err, "conversations are not kept here");
    else if (words[strspn(words, " ")])
        store_search(p->store, words, add_row, p, &p->err);
    else
        store_list(p->store, add_row, p, &p->err);
    if (p->selected >= p->n_rows) p->selected = p->n_rows ? p->n_rows - 1 : 0;
    for (size_t i = 0; i < p->n_rows; i++)
        if (p->rows[i].id == id) p->selected = i;
}

const picker_row *picker_selected(const picker *p) {
    return p->selected < p->n_rows ? &p->rows[p->selected] : NULL;
}

// ---- keys

static void move_by(picker *p, int by) {
    if (by < 0)
        p->selected -= (size_t)-by > p->selected ? p->selected : (size_t)-by;
    else
        p->selected += (size_t)by;
    if (p->n_rows && p->selected >= p->n_rows) p->selected = p->n_rows - 1;
}

static void drop_last(buf *b) {
    if (b->len == 0) return;
    do b->len--;
    while (b->len > 0 && ((unsigned char)b->data[b->len] & 0xc0) == 0x80);
    b->data[b->len] = '\0';
}

// Text of one line, typed or pasted; true when it changed.
static bool edit(buf *b, const key *k) {
    char bytes[4];
    if (k->code == KEYS_PASTE) {
        char *line = mem_strndup(k->paste, k->n_paste);
        buf clean = {0};
        line[strcspn(line, "\r\n")] = '\0';
        clean_text(line, strlen(line), &clean);
        buf_puts(b, buf_str(&clean));
        buf_free(&clean);
        free(line);
    } else if (k->code != KEYS_CHAR) {
        return false;
    } else if (k->ch == 0x7f || k->ch == '\b') {
        drop_last(b);
    } else if (k->ch == CTRL_U) {
        buf_clear(b);
    } else if (k->ch >= 0x20 && !(k->ch >= 0x7f && k->ch < 0xa0)) {
        buf_append(b, bytes, (size_t)utf8_encode(k->ch, bytes));
    } else {
        return false;
    }
    return true;
}

static picker_result answer_question(picker *p, const key *k) {
    bool is_enter = k->code == KEYS_CHAR && (k->ch == '\r' || k->ch == '\n');
    bool is_escape = k->code == KEYS_CHAR && k->ch == ESCAPE;
    picker_question question = p->question;
    if (is_escape) {
        p->question = PICKER_NONE;
    } else if (question == PICKER_TITLE) {
        if (!is_enter) {
            edit(&p->title, k);
            return PICKER_TAKEN;
        }
        p->question = PICKER_NONE;
        if (p->title.len) return PICKER_RENAMED;
    } else {
        p->question = PICKER_NONE;
        if (k->code == KEYS_CHAR && (k->ch == 'y' || k->ch == 'Y')) return PICKER_REMOVED;
    }
    return PICKER_TAKEN;
}

static picker_result ask(picker *p, picker_question question) {
    const picker_row *row = picker_selected(p);
    if (!row) return PICKER_TAKEN;
    p->question = question;
    buf_clear(&p->title);
    buf_puts(&p->title, row->title);
    return PICKER_TAKEN;
}

static picker_result take_char(picker *p, const key *k) {
    switch (k->ch) {
    case ESCAPE:
        if (p->typed.len == 0) return PICKER_LEFT;
        buf_clear(&p->typed);
        picker_load(p);
        return PICKER_TAKEN;
    case '\r':
    case '\n': return picker_selected(p) ? PICKER_OPEN : PICKER_TAKEN;
    case CTRL_N: return PICKER_NEW;
    case CTRL_R: return ask(p, PICKER_TITLE);
    case CTRL_D: return ask(p, PICKER_REMOVE);
    default: break;
    }
    if (!edit(&p->typed, k)) return PICKER_IGNORED;
    p->selected = 0;
    picker_load(p);
    return PICKER_TAKEN;
}

picker_result picker_key(picker *p, const key *k) {
    int page = p->list.rows > 1 ? p->list.rows - 1 : 1;
    if (p->question != PICKER_NONE) return answer_question(p, k);
    switch (k->code) {
    case KEYS_CHAR:
    case KEYS_PASTE: return take_char(p, k);
    case KEYS_UP: move_by(p, -1); break;
    case KEYS_DOWN: move_by(p, 1); break;
    case KEYS_PAGE_UP: move_by(p, -page); break;
    case KEYS_PAGE_DOWN: move_by(p, page); break;
    case KEYS_HOME: move_by(p, -INT_MAX); break;
    case KEYS_END: move_by(p, INT_MAX); break;
    case KEYS_DELETE: return ask(p, PICKER_REMOVE);
    default: return PICKER_IGNORED;
    }
    return PICKER_TAKEN;
}

picker_result picker_mouse(picker *p, const key *k) {
    const rect *l = &p->list;
    if (k->action == MOUSE_WHEEL_UP || k->action == MOUSE_WHEEL_DOWN) {
        move_by(p, k->action == MOUSE_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
    } else if (k->action == MOUSE_PRESS && k->row >= l->row && k->row < l->row + l->rows && k->col >= l->col &&
               k->col < l->col + l->cols) {
        size_t row = p->top + (size_t)(k->row - l->row);
        if (row >= p->n_rows || p->question != PICKER_NONE) return PICKER_TAKEN;
        if (row == p->selected) return PICKER_OPEN;
        p->selected = row;
    }
    return PICKER_TAKEN;
}

int picker_footer(const picker *p, mode_key keys[MODE_MAX_KEYS]) {
    static const mode_key LIST[] = {{"Enter", "open"}, {"^N", "new"},     {"^R", "rename"},
                                    {"Del", "remove"}, {"a-z", "search"}, {"Esc", "back"}};
    static const mode_key TITLE[] = {{"Enter", "rename"}, {"Esc", "leave it"}};
    static const mode_key REMOVE[] = {{"y", "remove for good"}, {"n", "keep"}};
    const mode_key *from = p->question == PICKER_TITLE ? TITLE : p->question == PICKER_REMOVE ? REMOVE : LIST;
    int n = p->question == PICKER_NONE ? (int)(sizeof LIST / sizeof *LIST) : 2;
    memcpy(keys, from, (size_t)n * sizeof *keys);
    return n;
}

// ---- drawing

// The end of what is typed stays in view.
static void draw_typed(canvas *c, rect row, const char *label, const buf *text) {
    int col = row.col + canvas_puts(c, row.row, row.col, row.cols, label, STYLE_DIM),
        room = row.col + row.cols - col - 1;
    const char *s = buf_str(text);
    size_t n = text->len;
    while (n > 0 && cells_width(s, n) > room) {
        int width;
        uint32_t first;
        size_t cut = cells_next(s, n, &width, &first);
        s += cut;
        n -= cut;
    }
    c->cursor_row = row.row;
    c->cursor_col = col + canvas_put(c, row.row, col, room, s, n, STYLE_VALUE);
}

static void draw_head(const picker *p, canvas *c, rect row) {
    buf line = {0};
    if (p->question == PICKER_TITLE) {
        draw_typed(c, row, "title: ", &p->title);
    } else if (p->question == PICKER_REMOVE) {
        buf_printf(&line, "Remove \"%s\" for good? y or n", picker_selected(p)->title);
        canvas_puts(c, row.row, row.col, row.cols, line.data, STYLE_WARNING);
    } else {
        draw_typed(c, row, "search: ", &p->typed);
    }
    buf_free(&line);
}

// What was found, behind the title; the words themselves stand out.
static void draw_excerpt(canvas *c, int row, int col, int end, const char *s, theme_style quiet) {
    theme_style style = quiet;
    while (*s && col < end) {
        size_t n = strcspn(s, "\2\3");
        col += canvas_put(c, row, col, end - col, s, n, style);
        s += n;
        if (!*s) break;
        style = *s == '\2' && quiet != STYLE_FOCUS ? STYLE_CHOSEN : quiet;
        s++;
    }
}

static void draw_row(const picker *p, canvas *c, rect row, size_t index) {
    const picker_row *r = &p->rows[index];
    bool is_selected = index == p->selected, is_wide = row.cols >= WIDE_COLS;
    theme_style quiet = is_selected ? STYLE_FOCUS : STYLE_DIM, style = is_selected ? STYLE_FOCUS : STYLE_TEXT;
    int date = is_wide ? WHEN_COLS : DATE_COLS, end = row.col + row.cols - date;
    char when[32], count[24];
    session_when(r->changed, when);
    if (!is_wide) when[DATE_COLS] = '\0';
    if (is_selected) canvas_fill(c, row, ' ', STYLE_FOCUS);
    canvas_puts_right(c, row.row, end, date, when, quiet);
    if (is_wide) {
        snprintf(count, sizeof count, "%d", r->n_messages);
        end -= COUNT_COLS + 1;
        canvas_puts_right(c, row.row, end, COUNT_COLS, count, quiet);
    }
    end--;
    const char *mark = r->id == p->current ? "*" : r->is_elsewhere ? "=" : " ";
    canvas_puts(c, row.row, row.col, 1, mark, is_selected ? STYLE_FOCUS : STYLE_CHOSEN);
    int col = row.col + 2;
    col += canvas_puts(c, row.row, col, end - col, r->title, style);
    if (*r->excerpt) draw_excerpt(c, row.row, col + 2, end, r->excerpt, quiet);
}

void picker_draw(picker *p, canvas *c, rect area) {
    if (area.rows < 1) return;
    draw_head(p, c, (rect){area.row, area.col, 1, area.cols});
    p->list = (rect){area.row + 1, area.col, area.rows - 1, area.cols};
    size_t rows = p->list.rows > 0 ? (size_t)p->list.rows : 1;
    if (p->selected < p->top) p->top = p->selected;
    if (p->selected >= p->top + rows) p->top = p->selected - rows + 1;
    for (size_t y = 0; y < rows && p->top + y < p->n_rows && p->list.rows > 0; y++)
        draw_row(p, c, (rect){p->list.row + (int)y, area.col, 1, area.cols}, p->top + y);
    if (p->n_rows || p->list.rows <= 0) return;
    const char *why = p->err.text[0] ? p->err.text : p->typed.len ? "nothing was found" : "no conversations yet";
    canvas_puts(c, p->list.row, area.col + 2, area.cols - 2, why, p->err.text[0] ? STYLE_ERROR : STYLE_DIM);
}
