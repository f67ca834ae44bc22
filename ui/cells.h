// From UTF-8 to terminal cells: grapheme clusters and how many columns each takes.
//
// Widths must be what every terminal agrees on, or the columns to the right drift. Terminals differ exactly where
// several characters join into one picture: ZWJ families, skin tones, variation selectors, flags. So a cluster is never
// broken over two rows, but it is shown as its parts: joiners, selectors, tone modifiers and direction marks are left
// out, and the width is the sum of the parts that remain.
#ifndef DOPPEL_UI_CELLS_H
#define DOPPEL_UI_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CELLS_MARKS = 4, // what ncurses holds beside the base
    CELLS_TAB = 4,
    CELLS_CLUSTER = 16, // columns after which a cluster is cut (families have 8; longer ones are made to annoy)
};

// One character of a terminal: a base and the marks that sit on it, ended by 0 when there are fewer.
typedef struct cells_glyph {
    uint32_t ch[1 + CELLS_MARKS];
    int width; // 1 or 2
} cells_glyph;

// The grapheme cluster at the start of s (n > 0): returns its length in bytes (at least 1), *width its columns, *first
// its first character. Invalid bytes and control characters count as one replacement character; a tab as one column
// (whoever lays out rows knows the tab stop).
size_t cells_next(const char *s, size_t n, int *width, uint32_t *first);

// Splits the cluster s, n (as cells_next found it) into glyphs; returns how many, at most max.
int cells_glyphs(const char *s, size_t n, cells_glyph *out, int max);

// Columns of a text without newlines; tabs reach the next multiple of CELLS_TAB.
int cells_width(const char *s, size_t n);

// The longest prefix of s that fits `columns`, in bytes, on a cluster border.
size_t cells_fit(const char *s, size_t n, int columns);

#endif
