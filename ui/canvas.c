#include "ui/canvas.h"

#include "model/base/mem.h"
#include "model/base/utf8.h"

#include <stdlib.h>
#include <string.h>

void canvas_resize(canvas *c, int rows, int cols) {
    if (rows < 1) rows = 1;
    if (cols < 1) cols = 1;
    if (rows != c->rows || cols != c->cols) {
        free(c->cells);
        c->cells = mem_calloc((size_t)rows * (size_t)cols, sizeof *c->cells);
        c->rows = rows;
        c->cols = cols;
    }
    canvas_clear(c);
}

void canvas_clear(canvas *c) {
    canvas_fill(c, (rect){0, 0, c->rows, c->cols}, ' ', STYLE_TEXT);
    c->cursor_row = -1;
    c->cursor_col = 0;
}

void canvas_free(canvas *c) {
    free(c->cells);
    *c = (canvas){0};
}

canvas_cell *canvas_at(const canvas *c, int row, int col) {
    if (row < 0 || col < 0 || row >= c->rows || col >= c->cols) return NULL;
    return &c->cells[(size_t)row * (size_t)c->cols + (size_t)col];
}

static void blank(canvas_cell *cell) {
    memset(cell->ch, 0, sizeof cell->ch);
    cell->ch[0] = ' ';
}

// A cell about to be overwritten may be one half of a wide character: the other half becomes a space.
static void break_wide(canvas *c, int row, int col) {
    canvas_cell *cell = canvas_at(c, row, col), *next = canvas_at(c, row, col + 1);
    if (cell && cell->ch[0] == 0 && col > 0) blank(cell - 1);
    if (next && next->ch[0] == 0) blank(next);
}

static void set_glyph(canvas *c, int row, int col, const cells_glyph *g, theme_style style) {
    canvas_cell *cell = canvas_at(c, row, col);
    break_wide(c, row, col);
    memcpy(cell->ch, g->ch, sizeof cell->ch);
    cell->style = style;
    if (g->width == 2) {
        break_wide(c, row, col + 1);
        memset(cell[1].ch, 0, sizeof cell[1].ch);
        cell[1].style = style;
    }
}

int canvas_put(canvas *c, int row, int col, int columns, const char *s, size_t n, theme_style style) {
    if (row < 0 || row >= c->rows || col < 0) return 0;
    if (columns > c->cols - col) columns = c->cols - col;
    int used = 0;
    for (size_t i = 0; i < n;) {
        int width;
        uint32_t first;
        size_t len = cells_next(s + i, n - i, &width, &first);
        if (first == '\t') width = CELLS_TAB - used % CELLS_TAB;
        if (used + width > columns) break;
        if (first == '\t') {
            canvas_fill(c, (rect){row, col + used, 1, width}, ' ', style);
            used += width;
        } else {
            cells_glyph glyphs[CELLS_CLUSTER + 1];
            int n_glyphs = cells_glyphs(s + i, len, glyphs, CELLS_CLUSTER + 1);
            for (int g = 0; g < n_glyphs; g++) {
                set_glyph(c, row, col + used, &glyphs[g], style);
                used += glyphs[g].width;
            }
        }
        i += len;
    }
    return used;
}

int canvas_puts(canvas *c, int row, int col, int columns, const char *s, theme_style style) {
    return canvas_put(c, row, col, columns, s, strlen(s), style);
}

int canvas_puts_right(canvas *c, int row, int col, int columns, const char *s, theme_style style) {
    int width = cells_width(s, strlen(s));
    if (width > columns) return 0;
    return canvas_puts(c, row, col + columns - width, width, s, style);
}

void canvas_fill(canvas *c, rect r, uint32_t ch, theme_style style) {
    cells_glyph g = {.ch = {ch}, .width = 1};
    for (int y = r.row; y < r.row + r.rows; y++)
        for (int x = r.col; x < r.col + r.cols; x++)
            if (canvas_at(c, y, x)) set_glyph(c, y, x, &g, style);
}

void canvas_style(canvas *c, rect r, theme_style style) {
    for (int y = r.row; y < r.row + r.rows; y++)
        for (int x = r.col; x < r.col + r.cols; x++)
            if (canvas_at(c, y, x)) canvas_at(c, y, x)->style = style;
}

void canvas_box(canvas *c, rect r, const char *title, theme_style border, theme_style text) {
    int bottom = r.row + r.rows - 1, right = r.col + r.cols - 1;
    canvas_fill(c, (rect){r.row, r.col, 1, r.cols}, 0x2500, border);
    canvas_fill(c, (rect){bottom, r.col, 1, r.cols}, 0x2500, border);
    canvas_fill(c, (rect){r.row, r.col, r.rows, 1}, 0x2502, border);
    canvas_fill(c, (rect){r.row, right, r.rows, 1}, 0x2502, border);
    canvas_fill(c, (rect){r.row, r.col, 1, 1}, 0x250c, border);
    canvas_fill(c, (rect){r.row, right, 1, 1}, 0x2510, border);
    canvas_fill(c, (rect){bottom, r.col, 1, 1}, 0x2514, border);
    canvas_fill(c, (rect){bottom, right, 1, 1}, 0x2518, border);
    if (!*title || r.cols < 8) return;
    int x = r.col + 1;
    x += canvas_puts(c, r.row, x, 1, " ", border);
    x += canvas_puts(c, r.row, x, right - x - 1, title, text);
    canvas_puts(c, r.row, x, 1, " ", border);
}

void canvas_text(const canvas *c, int row, buf *out) {
    size_t end = out->len;
    for (int col = 0; col < c->cols; col++) {
        const canvas_cell *cell = canvas_at(c, row, col);
        if (!cell) return;
        for (int i = 0; i <= CELLS_MARKS && cell->ch[i]; i++) {
            char bytes[4];
            buf_append(out, bytes, (size_t)utf8_encode(cell->ch[i], bytes));
        }
        if (cell->ch[0] && cell->ch[0] != ' ') end = out->len;
    }
    if (out->len > end) buf_remove(out, end, out->len - end);
}
