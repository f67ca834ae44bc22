// Curves as braille dots: two across and four down in every cell. Pure arithmetic and drawing on a canvas.
//
// Points that fall into the same column of dots are averaged, so that thousands of noisy ones give a line and not a
// cloud; columns that have points are joined by straight lines. Points that are no finite numbers are left out.
#ifndef DOPPEL_UI_PLOT_H
#define DOPPEL_UI_PLOT_H

#include "ui/canvas.h"

typedef struct plot_point {
    double x, y;
} plot_point;

typedef struct plot_line {
    const plot_point *points; // n, ordered by x
    size_t n;
    theme_style style;
} plot_line;

enum { PLOT_LABEL_COLS = 6, PLOT_LABELLED_COLS = 18 }; // with fewer columns there are no labels

// What the axes cover: x from the first to the last point of any line, y the averaged values. Without any point: 0..1.
typedef struct plot_range {
    double x_min, x_max, y_min, y_max;
} plot_range;

// For a plot of so many cells across.
plot_range plot_measure(const plot_line *lines, int n_lines, int cols);

// The dots of one line on a grid of rows x cols cells: bits (rows * cols) gets the low byte of each cell's braille
// character, ORed to what is there.
void plot_dots(const plot_line *line, const plot_range *r, int rows, int cols, unsigned char *bits);

// Draws the lines, the later ones over the earlier ones; left of them the greatest and the least value, when there are
// PLOT_LABELLED_COLS.
void plot_draw(canvas *c, rect area, const plot_line *lines, int n_lines);

#endif
