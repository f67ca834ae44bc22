// The picture of a frame in memory: panes draw here, screen.c shows it. No terminal in it, so that every pane can be
// tested by reading the cells it left.
#ifndef DOPPEL_UI_CANVAS_H
#define DOPPEL_UI_CANVAS_H

#include "model/base/buf.h"
#include "ui/cells.h"
#include "ui/theme.h"

typedef struct canvas_cell {
    uint32_t ch[1 + CELLS_MARKS]; // ch[0] 0: the right half of the wide character before
    theme_style style;
} canvas_cell;

typedef struct canvas {
    int rows, cols;
    canvas_cell *cells;         // rows * cols, row by row
    int cursor_row, cursor_col; // cursor_row -1: hidden
} canvas;

typedef struct rect {
    int row, col, rows, cols;
} rect;

void canvas_resize(canvas *c, int rows, int cols); // and clears
void canvas_clear(canvas *c);                      // all spaces, cursor hidden
void canvas_free(canvas *c);

canvas_cell *canvas_at(const canvas *c, int row, int col); // NULL outside

// Writes s from (row, col) on, at most `columns` columns of whole clusters; what lies outside the canvas is cut.
// Tabs reach the next multiple of CELLS_TAB counted from col. Returns the columns written.
int canvas_put(canvas *c, int row, int col, int columns, const char *s, size_t n, theme_style style);
int canvas_puts(canvas *c, int row, int col, int columns, const char *s, theme_style style);
// Like canvas_puts, but the text ends at column col + columns; it is left out when it does not fit. Returns its columns.
int canvas_puts_right(canvas *c, int row, int col, int columns, const char *s, theme_style style);

void canvas_fill(canvas *c, rect r, uint32_t ch, theme_style style);
void canvas_style(canvas *c, rect r, theme_style style);
// A frame on the border of r, and a title in its upper line ("" for none).
void canvas_box(canvas *c, rect r, const char *title, theme_style border, theme_style text);

// Row as UTF-8, without trailing spaces; for tests.
void canvas_text(const canvas *c, int row, buf *out);

#endif
