#include "ui/entry.h"

#include "model/base/mem.h"
#include "model/base/utf8.h"

#include <stdlib.h>
#include <string.h>

// One character as it is shown: control characters as ^X, what is no character as U+FFFD. Returns 1..4 bytes.
static size_t show(wchar_t w, char *out) {
    uint32_t c = (uint32_t)w;
    if (c == '\n' || c == '\t') {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        out[0] = '^';
        out[1] = (char)(c ^ 0x40);
        return 2;
    }
    if ((c >= 0x80 && c < 0xa0) || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) c = 0xfffd;
    return (size_t)utf8_encode(c, out);
}

static size_t byte_of(const entry *p, size_t index) {
    size_t at = 0;
    char bytes[4];
    for (size_t i = 0; i < index && i < p->n_text; i++) at += show(p->text[i], bytes);
    return at;
}

static size_t index_of(const entry *p, size_t byte) {
    size_t at = 0, i = 0;
    char bytes[4];
    for (; i < p->n_text; i++) {
        size_t next = at + show(p->text[i], bytes);
        if (next > byte) break;
        at = next;
    }
    return i;
}

// Takes over the text; the layout is kept up to where it changed.
static void take_text(entry *p, const wchar_t *text, size_t n) {
    size_t same = 0;
    while (same < n && same < p->n_text && text[same] == p->text[same]) same++;
    if (same == n && same == p->n_text) return;
    size_t at = byte_of(p, same);
    wrap_cut(&p->wrap, at);
    p->text = mem_reserve(p->text, &p->cap_text, n + 1, sizeof *p->text);
    memcpy(p->text + same, text + same, (n - same) * sizeof *p->text);
    p->n_text = n;
    buf_remove(&p->shown, at, p->shown.len - at);
    for (size_t i = same; i < n; i++) {
        char bytes[4];
        buf_append(&p->shown, bytes, show(text[i], bytes));
    }
    p->goal_col = -1;
}

static void lay_rows(entry *p, size_t want) {
    wrap_layout(&p->wrap, buf_str(&p->shown), p->shown.len, p->wrap.width, want);
}

// The row of a byte, laid out as far as need be.
static size_t find_row(entry *p, size_t byte) {
    size_t want = p->wrap.n_rows > 1 ? p->wrap.n_rows : 1;
    lay_rows(p, want);
    while (!p->wrap.done && p->wrap.next <= byte) lay_rows(p, want *= 2);
    return wrap_row_of(&p->wrap, byte);
}

void entry_layout(entry *p, const wchar_t *text, size_t n, size_t cursor, int cols, int limit) {
    int width = cols - ENTRY_MARK_COLS - 1; // the cursor may stand behind a full row
    if (width < 1) width = 1;
    take_text(p, text, n);
    if (p->cursor != cursor) p->goal_col = -1;
    p->cursor = cursor;
    p->cursor_byte = byte_of(p, cursor);
    wrap_layout(&p->wrap, buf_str(&p->shown), p->shown.len, width, 1);
    p->cursor_row = find_row(p, p->cursor_byte);
    lay_rows(p, p->cursor_row + (size_t)limit + 1);
    size_t total = p->wrap.n_rows;
    p->rows = total < (size_t)limit ? (int)total : limit;
    if (p->cursor_row < p->top) p->top = p->cursor_row;
    if (p->cursor_row >= p->top + (size_t)p->rows) p->top = p->cursor_row - (size_t)p->rows + 1;
    if (p->top + (size_t)p->rows > total) p->top = total - (size_t)p->rows;
}

// Columns from the start of a row to a byte of the text, at most the width.
static int column_of(const entry *p, size_t row, size_t byte) {
    size_t start = p->wrap.rows[row].start;
    int col = byte > start ? cells_width(buf_str(&p->shown) + start, byte - start) : 0;
    return col < p->wrap.width ? col : p->wrap.width;
}

// The byte at a column of a row, not beyond its text.
static size_t byte_at(const entry *p, size_t row, int col) {
    wrap_row r = p->wrap.rows[row];
    return r.start + cells_fit(buf_str(&p->shown) + r.start, r.end - r.start, col);
}

void entry_draw(entry *p, canvas *c, rect area, const char *hint) {
    p->area = area;
    int col = area.col + ENTRY_MARK_COLS, cols = area.cols - ENTRY_MARK_COLS;
    canvas_puts(c, area.row, area.col, 1, p->top == 0 ? "›" : "…", STYLE_KEY);
    if (p->n_text == 0) canvas_puts(c, area.row, col, cols, hint, STYLE_DIM);
    for (int y = 0; y < area.rows && p->top + (size_t)y < p->wrap.n_rows; y++) {
        wrap_row r = p->wrap.rows[p->top + (size_t)y];
        canvas_put(c, area.row + y, col, cols, buf_str(&p->shown) + r.start, r.end - r.start, STYLE_TEXT);
    }
    c->cursor_row = area.row + (int)(p->cursor_row - p->top);
    c->cursor_col = col + column_of(p, p->cursor_row, p->cursor_byte);
}

bool entry_vertical(entry *p, int direction, size_t *index) {
    size_t row = p->cursor_row;
    if (direction < 0 ? row == 0 : (lay_rows(p, row + 2), row + 1 >= p->wrap.n_rows)) return false;
    int goal = p->goal_col >= 0 ? p->goal_col : column_of(p, row, p->cursor_byte);
    row = direction < 0 ? row - 1 : row + 1;
    *index = index_of(p, byte_at(p, row, goal));
    p->cursor = *index;
    p->goal_col = goal;
    return true;
}

bool entry_at(const entry *p, int row, int col, size_t *index) {
    int y = row - p->area.row, x = col - p->area.col - ENTRY_MARK_COLS;
    if (y < 0 || y >= p->area.rows || col < p->area.col || col >= p->area.col + p->area.cols) return false;
    size_t r = p->top + (size_t)y;
    *index = r < p->wrap.n_rows ? index_of(p, byte_at(p, r, x > 0 ? x : 0)) : p->n_text;
    return true;
}

void entry_free(entry *p) {
    free(p->text);
    buf_free(&p->shown);
    wrap_free(&p->wrap);
    *p = (entry){0};
}
