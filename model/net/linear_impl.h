// Shared by the products of linear layers: linear.c, linear_few.c and linear_rows.c. Nobody else includes this.
#ifndef DOPPEL_NET_LINEAR_IMPL_H
#define DOPPEL_NET_LINEAR_IMPL_H

#include "model/net/linear.h"

// One call's arguments.
typedef struct product {
    const linear *l;
    const kernels *k;
    const activations *a; // of many rows: one; of a few: one for each row
    const low_ranks *extra;
    const linear_scratch *s;
    team *team; // of many rows, and how many of it are active
    int size;
    int n_rows;
    int low_width; // of a row of s->low: the adapters' ranks, each rounded up to whole blocks
} product;

static inline int linear_blocks(int rows) {
    return (rows + PACK_ROWS - 1) / PACK_ROWS;
}

// Rows of m in blocks [b0, b1).
static inline int linear_rows_of(const matrix *m, int b0, int b1) {
    return (b1 * PACK_ROWS < m->rows ? b1 * PACK_ROWS : m->rows) - b0 * PACK_ROWS;
}

// Blocks [*from, *to) of part i that member rank of size works on when the blocks of all parts are shared out in a row.
void linear_share(const linear *l, int i, int rank, int size, int *from, int *to);

// Sets p->low_width and, where there are adapters, gives the scratch to write A x to; low_scale then applies their
// scales.
void low_begin(product *p);
void low_scale(const product *p);

// Adds B low to blocks [b0, b1) of a part, rows t .. t + n - 1; y is where row t of block b0 stands.
void low_add(const product *p, const matrix *m, int b0, int b1, int t, int n, float *y, size_t ld);

void linear_activate(const kernels *k, linear_mode mode, float *x, int n);
void linear_add_bias(const linear *l, int first, float *y, int n);

#endif
