// What is made at one time for products at another: weights as panels, and the factors of gradients. Those of a row of
// tokens are kept by the member that has them in its caches; the product is shared out when all rows are there.
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
    size_t size = pairs_panel_size(p->len);
    if (!product_pairs_gradient_fits(m->mode, rows, cols)) {
        memcpy(out, x, (size_t)p->len * (size_t)cols * sizeof *x);
        return;
    }
    for (int i = 0; i < panels(cols); i++) {
        int first = i * PAIRS_COLUMNS, n = cols - first < PAIRS_COLUMNS ? cols - first : PAIRS_COLUMNS;
        m->pairs->panel(x + first, (size_t)cols, p->len, n, (uint16_t *)out + (size_t)i * size);
    }
}

// Rows [i, i + n) of the gradient, of one block, in the columns of one panel.
static void gradient_tiles(const product *p, const char *left, const char *right, int rows, int cols, int i, int n,
                           int panel, float *grad) {
    const pairs *pairs = p->memory->pairs;
    int column = panel * PAIRS_COLUMNS, columns = cols - column < PAIRS_COLUMNS ? cols - column : PAIRS_COLUMNS;
    size_t left_size = product_kept_left_size(p->memory->mode, p->len, rows, cols);
    size_t right_size = product_kept_right_size(p->memory->mode, p->len, rows, cols);
    right += (size_t)panel * pairs_panel_size(p->len) * sizeof(uint16_t);
    for (int r = 0; r < p->rows; r++, left += left_size, right += right_size) {
        const float *scales = (const float *)left;
        const uint16_t *numbers = (const uint16_t *)(scales + rows);
        pairs->multiply(n, columns, (int)padded(p->len, 2), product_pairs_turned(numbers, scales, p->len, rows, i),
                        (const uint16_t *)right, true, grad + (size_t)i * (size_t)cols + column, (size_t)cols);
    }
}

// Members take as many tiles each: they are numbered block after block, of each block panel after panel.
void product_gradient_kept(const product *p, const void *left, const void *right, int rows, int cols, float *grad) {
    if (!product_pairs_gradient_fits(p->memory->mode, rows, cols)) {
        product_gradient_f32(p, left, rows, rows, right, cols, grad);
        return;
    }
    enum { HEIGHT = GRADIENT_ROWS / PAIRS_ROWS };
    int tiles = (rows + PAIRS_ROWS - 1) / PAIRS_ROWS, in_block = HEIGHT * panels(cols), first, last;
    team_share(tiles * panels(cols), p->rank, p->size, &first, &last);
    for (int i = first, n; i < last; i += n) {
        int above = i / in_block * HEIGHT, height = tiles - above < HEIGHT ? tiles - above : HEIGHT;
        int tile = i % in_block % height, row = (above + tile) * PAIRS_ROWS;
        n = height - tile < last - i ? height - tile : last - i;
        gradient_tiles(p, left, right, rows, cols, row, n * PAIRS_ROWS < rows - row ? n * PAIRS_ROWS : rows - row,
                       i % in_block / height, grad);
    }
}
