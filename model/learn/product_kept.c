// What is made at one time for products at another: weights as panels, and the factors of gradients. A member keeps those
// of its own rows of tokens and makes the product of them later, piece by piece of the gradient.
//
// In pairs, a row of dy is kept as its columns' scales and their numbers, neighbouring tokens side by side, a row of x as
// panels. Factors of a gradient that is too small for pairs are kept as they are.
#include "model/learn/product_impl.h"

#include <string.h>

static int panels(int n) {
    return (n + PAIRS_COLUMNS - 1) / PAIRS_COLUMNS;
}

// ---- weights ----

size_t product_converted_size(product_mode mode, int rows, int cols, bool back) {
    right_factor f = product_right(rows, cols, back);
    return product_pairs_of(mode) ? product_right_size(&f) : 0;
}

void product_convert(const product *p, const product_weights *w, bool back, uint16_t *out) {
    if (!p->memory->pairs) return;
    right_factor f = product_right(w->rows, w->cols, back);
    for (int i = p->rank; i < f.stretches * f.n_panels; i += p->size)
        product_pairs_panel(p, w, &f, i, back, out + (size_t)i * f.size);
}

// ---- factors of gradients ----

size_t product_kept_left_size(product_mode mode, int len, int rows, int cols) {
    if (!product_pairs_gradient_fits(mode, rows, cols)) return (size_t)len * (size_t)rows * sizeof(float);
    return (size_t)rows * sizeof(float) + padded(len, 2) * (size_t)rows * sizeof(uint16_t);
}

size_t product_kept_right_size(product_mode mode, int len, int rows, int cols) {
    if (!product_pairs_gradient_fits(mode, rows, cols)) return (size_t)len * (size_t)cols * sizeof(float);
    return (size_t)panels(cols) * pairs_panel_size(len) * sizeof(uint16_t);
}

void product_keep_left(const product *p, const float *dy, int ld, int rows, int cols, void *out) {
    const product_memory *m = p->memory;
    if (product_pairs_gradient_fits(m->mode, rows, cols)) {
        float *scales = out;
        product_pairs_turn(m->pairs, dy, ld, p->len, rows, 0, rows, (uint16_t *)(scales + rows), scales);
    } else {
        for (size_t t = 0; t < (size_t)p->len; t++)
            memcpy((float *)out + t * (size_t)rows, dy + t * (size_t)ld, (size_t)rows * sizeof *dy);
    }
}

void product_keep_right(const product *p, const float *x, int rows, int cols, void *out) {
    const product_memory *m = p->memory;
    if (!product_pairs_gradient_fits(m->mode, rows, cols)) {
        memcpy(out, x, (size_t)p->len * (size_t)cols * sizeof *x);
        return;
    }
    m->pairs->panels(x, (size_t)cols, p->len, cols, pairs_panel_size(p->len), out);
}

// A piece is a block of rows in the columns of one panel. A smaller gradient has pieces as in product.c.
int product_gradient_pieces(const product *p, int rows, int cols) {
    if (product_pairs_gradient_fits(p->memory->mode, rows, cols))
        return (rows + GRADIENT_ROWS - 1) / GRADIENT_ROWS * panels(cols);
    int block = product_gradient_block(p, rows, cols), longer = rows > cols ? rows : cols;
    return (longer + block - 1) / block;
}

static void piece_f32(const product *p, const float *left, const float *right, int rows, int cols, int piece,
                      float *grad) {
    int block = product_gradient_block(p, rows, cols), at = piece * block, longer = rows > cols ? rows : cols;
    product_gradient_f32(p, left, rows, rows, right, cols, at, longer - at < block ? longer - at : block, grad);
}

void product_gradient_kept(const product *p, const void *left, const void *right, int rows, int cols, int piece,
                           float *grad) {
    product_mode mode = p->memory->mode;
    if (!product_pairs_gradient_fits(mode, rows, cols)) {
        piece_f32(p, left, right, rows, cols, piece, grad);
        return;
    }
    int first = piece / panels(cols) * GRADIENT_ROWS, n = rows - first < GRADIENT_ROWS ? rows - first : GRADIENT_ROWS;
    int panel = piece % panels(cols), column = panel * PAIRS_COLUMNS;
    int columns = cols - column < PAIRS_COLUMNS ? cols - column : PAIRS_COLUMNS;
    const char *left_row = left,
               *right_row = (const char *)right + (size_t)panel * pairs_panel_size(p->len) * sizeof(uint16_t);
    for (int r = 0; r < p->rows; r++) {
        const float *scales = (const float *)(const void *)left_row;
        pairs_left turned = product_pairs_turned((const uint16_t *)(scales + rows), scales, p->len, rows, first);
        p->memory->pairs->multiply(n, columns, (int)padded(p->len, 2), turned,
                                   (const uint16_t *)(const void *)right_row, true,
                                   grad + (size_t)first * (size_t)cols + column, (size_t)cols);
        left_row += product_kept_left_size(mode, p->len, rows, cols);
        right_row += product_kept_right_size(mode, p->len, rows, cols);
    }
}
