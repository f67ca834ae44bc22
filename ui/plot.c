#include "ui/plot.h"

#include "model/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOTS_ACROSS = 2, DOTS_DOWN = 4, BRAILLE = 0x2800 };

static bool is_drawn(const plot_point *p) {
    return isfinite(p->x) && isfinite(p->y);
}

// The column of dots for x, of n.
static int column_of(const plot_range *r, double x, int n) {
    double share = r->x_max > r->x_min ? (x - r->x_min) / (r->x_max - r->x_min) : 0;
    int column = (int)(share * (n - 1) + 0.5);
    return column < 0 ? 0 : column >= n ? n - 1 : column;
}

// The mean of the points in each column of dots: mean[n], NAN where there are none.
static void average(const plot_line *line, const plot_range *r, double *mean, int n) {
    int *count = mem_calloc((size_t)n, sizeof *count);
    for (int i = 0; i < n; i++) mean[i] = NAN;
    for (size_t i = 0; i < line->n; i++) {
        if (!is_drawn(&line->points[i])) continue;
        int column = column_of(r, line->points[i].x, n);
        double before = count[column] ? mean[column] : 0;
        count[column]++;
        mean[column] = before + (line->points[i].y - before) / count[column];
    }
    free(count);
}

static void measure_x(plot_range *r, const plot_line *lines, int n_lines) {
    bool any = false;
    for (int i = 0; i < n_lines; i++)
        for (size_t j = 0; j < lines[i].n; j++) {
            const plot_point *p = &lines[i].points[j];
            if (!is_drawn(p)) continue;
            if (!any || p->x < r->x_min) r->x_min = p->x;
            if (!any || p->x > r->x_max) r->x_max = p->x;
            any = true;
        }
}

plot_range plot_measure(const plot_line *lines, int n_lines, int cols) {
    plot_range r = {0, 1, 0, 1};
    int n = cols * DOTS_ACROSS;
    bool any = false;
    measure_x(&r, lines, n_lines);
    if (n < 1) return r;
    double *mean = mem_calloc((size_t)n, sizeof *mean);
    for (int i = 0; i < n_lines; i++) {
        average(&lines[i], &r, mean, n);
        for (int j = 0; j < n; j++) {
            if (!isfinite(mean[j])) continue;
            if (!any || mean[j] < r.y_min) r.y_min = mean[j];
            if (!any || mean[j] > r.y_max) r.y_max = mean[j];
            any = true;
        }
    }
    free(mean);
    return r;
}

static void set_dot(unsigned char *bits, int rows, int cols, int x, int y) {
    static const unsigned char DOT[DOTS_DOWN][DOTS_ACROSS] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int row = y / DOTS_DOWN, col = x / DOTS_ACROSS;
    if (row >= 0 && row < rows && col >= 0 && col < cols) bits[row * cols + col] |= DOT[y % DOTS_DOWN][x % DOTS_ACROSS];
}

// From one column to another, in steps of one dot.
static void join(unsigned char *bits, int rows, int cols, int x0, int y0, int x1, int y1) {
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++) {
        double share = steps ? (double)i / steps : 0;
        set_dot(bits, rows, cols, x0 + (int)lround((x1 - x0) * share), y0 + (int)lround((y1 - y0) * share));
    }
}

// A flat curve stands in the middle.
static int row_of(const plot_range *r, double y, int n) {
    double share = r->y_max > r->y_min ? (r->y_max - y) / (r->y_max - r->y_min) : 0.5;
    int row = (int)lround(share * (n - 1));
    return row < 0 ? 0 : row >= n ? n - 1 : row;
}

void plot_dots(const plot_line *line, const plot_range *r, int rows, int cols, unsigned char *bits) {
    int across = cols * DOTS_ACROSS, down = rows * DOTS_DOWN, last_x = -1, last_y = 0;
    if (rows < 1 || cols < 1) return;
    double *mean = mem_calloc((size_t)across, sizeof *mean);
    average(line, r, mean, across);
    for (int x = 0; x < across; x++) {
        if (!isfinite(mean[x])) continue;
        int y = row_of(r, mean[x], down);
        join(bits, rows, cols, last_x < 0 ? x : last_x, last_x < 0 ? y : last_y, x, y);
        last_x = x;
        last_y = y;
    }
    free(mean);
}

static void put_label(canvas *c, int row, int col, double value) {
    char text[24];
    snprintf(text, sizeof text, fabs(value) < 9.995 ? "%.2f" : fabs(value) < 99.95 ? "%.1f" : "%.2g", value);
    canvas_puts_right(c, row, col, PLOT_LABEL_COLS - 1, text, STYLE_DIM);
}

static bool has_points(const plot_line *lines, int n_lines) {
    for (int i = 0; i < n_lines; i++)
        for (size_t j = 0; j < lines[i].n; j++)
            if (is_drawn(&lines[i].points[j])) return true;
    return false;
}

void plot_draw(canvas *c, rect area, const plot_line *lines, int n_lines) {
    bool is_labelled = area.cols >= PLOT_LABELLED_COLS;
    rect grid = area;
    if (is_labelled) {
        grid.col += PLOT_LABEL_COLS;
        grid.cols -= PLOT_LABEL_COLS;
    }
    if (grid.rows < 1 || grid.cols < 1 || !has_points(lines, n_lines)) return;
    plot_range r = plot_measure(lines, n_lines, grid.cols);
    size_t n = (size_t)grid.rows * (size_t)grid.cols;
    unsigned char *bits = mem_calloc(n, 1);
    theme_style *styles = mem_calloc(n, sizeof *styles);
    for (int i = 0; i < n_lines; i++) {
        unsigned char *own = mem_calloc(n, 1);
        plot_dots(&lines[i], &r, grid.rows, grid.cols, own);
        for (size_t j = 0; j < n; j++) {
            if (own[j]) styles[j] = lines[i].style;
            bits[j] |= own[j];
        }
        free(own);
    }
    for (size_t j = 0; j < n; j++)
        if (bits[j])
            canvas_fill(c, (rect){grid.row + (int)j / grid.cols, grid.col + (int)j % grid.cols, 1, 1},
                        BRAILLE + (uint32_t)bits[j], styles[j]);
    if (is_labelled) put_label(c, grid.row, area.col, r.y_max);
    if (is_labelled && grid.rows > 1 && r.y_max > r.y_min) put_label(c, grid.row + grid.rows - 1, area.col, r.y_min);
    free(styles);
    free(bits);
}
