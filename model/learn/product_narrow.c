// The products of an adapter, whose matrices are as narrow as its rank: in float32, the factors read where they lie, unless
// product_int8_low.c has them.
#include "model/learn/product_impl.h"

#include <string.h>

// The member's share of the tokens.
static void token_share(const product *p, int *first, int *last) {
    team_share(p->rows * p->len, p->rank, p->size, first, last);
}

// The member's share of n columns, in multiples of COLUMNS.
static void column_share(const product *p, int n, int *first, int *last) {
    team_share((n + COLUMNS - 1) / COLUMNS, p->rank, p->size, first, last);
    *first *= COLUMNS;
    *last = *last * COLUMNS < n ? *last * COLUMNS : n;
}

// out (cols, rows) = x (rows, cols) transposed.
static void turn(const float *x, int rows, int cols, float *out) {
    enum { BLOCK = 16 };
    for (int i0 = 0; i0 < cols; i0 += BLOCK)
        for (int r = 0; r < rows; r++)
            for (int i = i0; i < i0 + BLOCK && i < cols; i++)
                out[(size_t)i * (size_t)rows + (size_t)r] = x[(size_t)r * (size_t)cols + (size_t)i];
}

// out (cols, rows) += x (rows, cols) transposed.
static void add_turned(const float *x, int rows, int cols, float *out) {
    for (int i = 0; i < cols; i++)
        for (int r = 0; r < rows; r++)
            out[(size_t)i * (size_t)rows + (size_t)r] += x[(size_t)r * (size_t)cols + (size_t)i];
}

void product_add_low(const product *p, const product_low *low, bool back, int first, int columns, int token, int n,
                     float *out, int ld) {
    size_t rank = (size_t)low->rank;
    loops_left left = {low->left + (size_t)token * rank, rank, 1};
    for (int j = 0; j < columns; j += COLUMNS) {
        int width = columns - j < COLUMNS ? columns - j : COLUMNS;
        const float *right = low->right + first + j;
        if (!back) {
            turn(low->right + (size_t)(first + j) * rank, width, low->rank, p->memory->own[p->rank].turned);
            right = p->memory->own[p->rank].turned;
        }
        loops_get()->multiply(n, width, low->rank, 1, left, right, back ? (size_t)ld : (size_t)width, true, out + j,
                              (size_t)ld);
    }
}

void product_narrow(const product *p, const product_weights *w, const float *x, bool given, const float *a, int rank,
                    float scale, float *low) {
    float *turned = p->memory->own[p->rank].turned;
    int first, last, cols = w->cols;
    if (given && p->memory->mode == PRODUCT_INT8 && product_int8_fits(w)) {
        product_int8_narrow(p, a, cols, rank, scale, low);
        return;
    }
    token_share(p, &first, &last);
    turn(a, rank, cols, turned);
    loops_get()->multiply(last - first, rank, cols, scale,
                          (loops_left){x + (size_t)first * (size_t)cols, (size_t)cols, 1}, turned, (size_t)rank, false,
                          low + (size_t)first * (size_t)rank, (size_t)rank);
    if (product_int8_fits_back(p->memory, w)) product_int8_low_left(p, low, rank, first, last);
    product_wait(p);
}

void product_narrow_back(const product *p, const product_weights *w, const float *dy, int ld, const float *b, int rank,
                         float scale, float *dlow) {
    int first, last, rows = w->rows;
    if (product_int8_fits_back(p->memory, w)) {
        product_int8_narrow_back(p, rows, b, rank, scale, dlow);
        return;
    }
    token_share(p, &first, &last);
    loops_get()->multiply(last - first, rank, rows, scale, (loops_left){dy + (size_t)first * (size_t)ld, (size_t)ld, 1},
                          b, (size_t)rank, false, dlow + (size_t)first * (size_t)rank, (size_t)rank);
    product_wait(p);
}

void product_widen(const product *p, const float *dlow, const float *a, int rank, int cols, float *dx) {
    int first, last;
    token_share(p, &first, &last);
    loops_get()->multiply(last - first, cols, rank, 1,
                          (loops_left){dlow + (size_t)first * (size_t)rank, (size_t)rank, 1}, a, (size_t)cols, false,
                          dx + (size_t)first * (size_t)cols, (size_t)cols);
    product_wait(p);
}

// out (rank, columns; ld apart) += left^T right for one row of tokens: left (len, rank), right (len, ldr). A few tokens at
// a time: their rows of `right` stay in the second cache while all of the left factor passes over them.
static void add_gradient(const product *p, const float *left, int rank, const float *right, size_t ldr, int columns,
                         float *out, size_t ld) {
    enum { TOKENS = 32 };
    for (int t = 0; t < p->len; t += TOKENS) {
        int n = p->len - t < TOKENS ? p->len - t : TOKENS;
        loops_get()->multiply(rank, columns, n, 1, (loops_left){left + (size_t)t * (size_t)rank, 1, (size_t)rank},
                              right + (size_t)t * ldr, ldr, true, out, ld);
    }
}

void product_gradient_a(const product *p, const float *dlow, int rank, const float *x, int cols, float *grad) {
    int first, last;
    column_share(p, cols, &first, &last);
    for (int r = 0; r < p->rows && first < last; r++) {
        size_t token = (size_t)r * (size_t)p->len;
        add_gradient(p, dlow + token * (size_t)rank, rank, x + token * (size_t)cols + first, (size_t)cols, last - first,
                     grad + first, (size_t)cols);
    }
    product_wait(p);
}

// The transposed of what is wanted, low^T dy, reads both factors along their rows.
void product_gradient_b(const product *p, const float *dy, int ld, int rows, const float *low, int rank, float *grad) {
    float *sum = p->memory->own[p->rank].turned; // (rank, the member's columns)
    int first, last;
    column_share(p, rows, &first, &last);
    size_t columns = first < last ? (size_t)(last - first) : 0;
    for (int r = 0; r < p->rows && columns > 0; r++) {
        size_t token = (size_t)r * (size_t)p->len;
        memset(sum, 0, columns * (size_t)rank * sizeof *sum);
        add_gradient(p, low + token * (size_t)rank, rank, dy + token * (size_t)ld + first, (size_t)ld, last - first,
                     sum, columns);
        add_turned(sum, rank, (int)columns, grad + (size_t)first * (size_t)rank);
    }
    product_wait(p);
}
