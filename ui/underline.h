// Underlining what an answer copied: spans of a text as it was received, on the rows of it that are shown.
#ifndef DOPPEL_UI_UNDERLINE_H
#define DOPPEL_UI_UNDERLINE_H

#include "app/style/copies.h"
#include "ui/canvas.h"
#include "ui/wrap.h"

// Spans of text as spans of what the filter (app/clean.h) leaves of it. The caller frees them; there are s->n.
copy_span *underline_spans(const copy_scan *s, const buf *text, const buf *shown);

// Restyles the parts of a row, drawn at (row, col) and at most cols wide, that belong to spans of shown.
void underline_row(canvas *c, int row, int col, int cols, const buf *shown, wrap_row r, const copy_span *spans,
                   size_t n);

#endif
