// Braille plots: which dots, which labels, and what comes of points that cannot be drawn.
#include "tests/drawn.h"
#include "ui/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static canvas c;

static void draw(int rows, int cols, const plot_point *points, size_t n) {
    plot_line line = {points, n, STYLE_FILL};
    canvas_resize(&c, rows, cols);
    plot_draw(&c, (rect){0, 0, rows, cols}, &line, 1);
}

static void test_dots(void) {
    plot_point falling[] = {{0, 3}, {1, 2}, {2, 1}, {3, 0}};
    draw(1, 2, falling, 4);
    expect_row(&c, 0, "⠑⢄", "a diagonal over two columns");
    draw(2, 2, (plot_point[]){{0, 0}, {3, 1}}, 2);
    expect_row(&c, 0, " ⡜", "rising, upper half");
    expect_row(&c, 1, "⡜", "rising, lower half");
    draw(1, 2, (plot_point[]){{5, 7}}, 1);
    expect_row(&c, 0, "⠄", "one point");
    draw(1, 2, (plot_point[]){{0, 7}, {9, 7}}, 2);
    expect_row(&c, 0, "⠤⠤", "a flat line stands in the middle");
    draw(1, 1, falling, 4);
    expect_row(&c, 0, "⢣", "one column");
}

static void test_rubbish(void) {
    plot_point holes[] = {{0, NAN}, {0, 3}, {1, INFINITY}, {NAN, 1}, {3, 0}, {4, NAN}};
    draw(1, 2, holes, 6);
    expect_row(&c, 0, "⠑⢄", "points that are no numbers are left out");
    draw(1, 20, holes, 1);
    expect_row(&c, 0, "", "nothing but those");
    draw(1, 20, NULL, 0);
    expect_row(&c, 0, "", "no points");
    draw(2, 30, (plot_point[]){{0, 1e300}, {1, -1e300}, {2, 0}}, 3);
    buf out = {0};
    canvas_text(&c, 0, &out);
    OK(strstr(buf_str(&out), "1e+300") == NULL && out.len > 0, "a label that is too long is left out");
    buf_free(&out);
}

static void test_many(void) {
    enum { N = 5000 };
    plot_point *points = calloc(N, sizeof *points);
    for (int i = 0; i < N; i++) points[i] = (plot_point){i, 4.0 - 3.0 * i / N + (i % 2 ? 0.9 : -0.9)};
    plot_line line = {points, N, STYLE_FILL};
    plot_range r = plot_measure(&line, 1, 20);
    OK(r.x_min == 0 && r.x_max == N - 1, "x: %g to %g", r.x_min, r.x_max);
    OK(r.y_max < 4.1 && r.y_min > 0.9, "noise is averaged: %g to %g", r.y_min, r.y_max);
    unsigned char bits[20] = {0};
    plot_dots(&line, &r, 1, 20, bits);
    int empty = 0;
    for (int i = 0; i < 20; i++) empty += bits[i] == 0;
    OK(empty == 0, "a line without holes");
    free(points);
}

static void test_labels(void) {
    draw(3, 24, (plot_point[]){{0, 3.456}, {10, 1.2}}, 2);
    buf first = {0}, last = {0};
    canvas_text(&c, 0, &first);
    canvas_text(&c, 2, &last);
    OK(strncmp(buf_str(&first), " 3.46 ⠉", 9) == 0, "greatest: %s", buf_str(&first));
    OK(strncmp(buf_str(&last), " 1.20 ", 6) == 0, "least: %s", buf_str(&last));
    buf_free(&first);
    buf_free(&last);
    plot_point high[] = {{0, 2}, {10, 2}}, low[] = {{0, 1}, {10, 1}};
    plot_line lines[] = {{high, 2, STYLE_DIM}, {low, 2, STYLE_CHOSEN}};
    canvas_resize(&c, 1, 2);
    plot_draw(&c, (rect){0, 0, 1, 2}, lines, 2);
    expect_row(&c, 0, "⣉⣉", "two lines in one cell");
    OK(canvas_at(&c, 0, 0)->style == STYLE_CHOSEN, "the later one gives the colour");
}

int main(void) {
    test_dots();
    test_rubbish();
    test_many();
    test_labels();
    canvas_free(&c);
    return test_end();
}
