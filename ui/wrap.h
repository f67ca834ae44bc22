// Breaking text into rows of a given width: at word borders, between wide characters, and inside a word only when it is
// longer than a row. Works on as much of the text as is asked for, and again only from where the text changed: text that
// grows at its end costs its last row.
#ifndef DOPPEL_UI_WRAP_H
#define DOPPEL_UI_WRAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct wrap_row {
    size_t start, end; // bytes of the text to show; spaces at which a row was broken are not in it
} wrap_row;

typedef struct wrap { // (wrap){0} is an empty one
    wrap_row *rows;
    size_t n_rows, cap_rows;
    int width;
    size_t next; // where the row after the last one begins
    bool done;   // the rows cover the whole text
} wrap;

// Lays out s (n bytes, valid UTF-8, '\n' between lines) until there are at least `want` rows or the text ends. s is the
// text of earlier calls, grown at its end or unchanged, or wrap_cut told where it changed; another width starts anew.
// An empty text has one empty row, and so does a text's last line after a '\n'.
void wrap_layout(wrap *w, const char *s, size_t n, int width, size_t want);

// The text changed from byte `at` on.
void wrap_cut(wrap *w, size_t at);

// The row that holds byte `at` (of those laid out; the last one when it lies behind them).
size_t wrap_row_of(const wrap *w, size_t at);

void wrap_free(wrap *w);

#endif
