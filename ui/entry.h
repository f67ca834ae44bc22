// How the text being edited stands in the prompt area: rows, cursor, scrolling within at most a third of the screen.
// Lays out no more than what is in view needs, so that a pasted megabyte costs nothing while typing.
#ifndef DOPPEL_UI_ENTRY_H
#define DOPPEL_UI_ENTRY_H

#include "ui/canvas.h"
#include "ui/wrap.h"

#include <wchar.h>

typedef struct entry { // (entry){0} is an empty one
    wchar_t *text;     // what is laid out
    size_t n_text, cap_text, cursor;
    buf shown; // as UTF-8, with control characters made visible
    size_t cursor_byte;
    wrap wrap;
    size_t top; // first row in view
    size_t cursor_row;
    int rows;     // rows it wants, 1..limit
    int goal_col; // column that moving up and down keeps; -1: where the cursor is
    rect area;    // where it was drawn last
} entry;

enum { ENTRY_MARK_COLS = 2 };

// Lays out the text for an area of `cols` columns and at most `limit` rows; sets rows.
void entry_layout(entry *p, const wchar_t *text, size_t n, size_t cursor, int cols, int limit);

// Draws it and places the cursor. hint: shown when there is no text.
void entry_draw(entry *p, canvas *c, rect area, const char *hint);

// The index in the text one row above (-1) or below (+1) the cursor; false when there is no such row. Repeated calls
// keep the column until entry_layout sees another text or a cursor that this did not return.
bool entry_vertical(entry *p, int direction, size_t *index);

// The index in the text at a cell of the screen, clamped; false when the cell is not in the area.
bool entry_at(const entry *p, int row, int col, size_t *index);

void entry_free(entry *p);

#endif
