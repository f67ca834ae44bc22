// Products with one row or a few: memory's speed counts, so a stretch of weights is read once for all rows. Every row's
// sums are added up in the same order however many there are.
#include "model/net/linear_impl.h"

#include <string.h>

// Blocks of w, all of them whole, times every row.
static void packed_few(const product *p, const pack *w, int b0, int b1, float *y, size_t ld) {
    for (int t = 0; t < p->n_rows; t += KERNELS_FEW) {
        gemv_row rows[KERNELS_FEW];
        int n = p->n_rows - t < KERNELS_FEW ? p->n_rows - t : KERNELS_FEW;
        for (int i = 0; i < n; i++) {
            const activations *a = &p->a[t + i];
            rows[i] = (gemv_row){a->q, a->d, a->sum, y + (size_t)(t + i) * ld};
        }
        p->k->gemv(w, b0, b1, n, rows);
    }
}

static void float_few(const product *p, const void *w, tensor_type type, int rows, int cols, float *y, size_t ld) {
    for (int t = 0; t < p->n_rows; t++, y += ld) {
        const float *x = p->a[t].x;
        if (type == TENSOR_F32)
            p->k->gemv_f32(w, (size_t)cols, rows, cols, x, y);
        else if (type == TENSOR_F16)
            p->k->gemv_f16(w, (size_t)cols, rows, cols, x, y);
        else
            p->k->gemv_bf16(w, (size_t)cols, rows, cols, x, y);
    }
}

// low = scale * A x for every adapter of the layer. Each member does all of it: cheaper than a barrier.
static void low_few(product *p) {
    low_begin(p);
    float *low = p->s->low;
    for (int i = 0; p->low_width > 0 && i < p->extra->n; i++) {
        const low_rank *e = &p->extra->items[i];
        if (e->packed_a)
            packed_few(p, e->packed_a, 0, e->packed_a->n_blocks, low, (size_t)p->low_width);
        else
            float_few(p, e->a, e->f32 ? TENSOR_F32 : TENSOR_F16, e->rank, p->l->cols, low, (size_t)p->low_width);
        low += linear_blocks(e->rank) * PACK_ROWS;
    }
    low_scale(p);
}

// Blocks [b0, b1) of m times every row into y, which starts at row 0 and block b0 and has room for the rows of m that
// exist; adapters and bias included.
static void matrix_few(const product *p, const matrix *m, int b0, int b1, float *y, size_t ld) {
    int rows = linear_rows_of(m, b0, b1), whole = b1 * PACK_ROWS <= m->rows ? b1 : b1 - 1;
    if (m->data)
        float_few(p, (const char *)m->data + (size_t)b0 * PACK_ROWS * tensor_row_bytes(m->type, m->cols), m->type, rows,
                  m->cols, y, ld);
    else if (whole > b0)
        packed_few(p, &m->packed, b0, whole, y, ld);
    if (!m->data && whole < b1) { // the last block has rows that are not there
        float last[LINEAR_FEW * PACK_ROWS];
        packed_few(p, &m->packed, whole, b1, last, PACK_ROWS);
        for (int t = 0; t < p->n_rows; t++)
            memcpy(y + (size_t)t * ld + (size_t)(whole - b0) * PACK_ROWS, last + t * PACK_ROWS,
                   (size_t)linear_rows_of(m, whole, b1) * sizeof *last);
    }
    low_add(p, m, b0, b1, 0, p->n_rows, y, ld);
    for (int t = 0; t < p->n_rows; t++) linear_add_bias(p->l, m->out + b0 * PACK_ROWS, y + (size_t)t * ld, rows);
}

// Blocks computed before their result is used.
enum { CHUNK_BLOCKS = 16, CHUNK_COLUMNS = CHUNK_BLOCKS * PACK_ROWS };

static void gated_few(const product *p, float *y, size_t ld, int rank, int size) {
    const matrix *gate = &p->l->part[0], *up = &p->l->part[1];
    float u[LINEAR_FEW * CHUNK_COLUMNS];
    int b0, b1;
    team_share(linear_blocks(gate->rows), rank, size, &b0, &b1);
    for (int b = b0; b < b1; b += CHUNK_BLOCKS) {
        int end = b + CHUNK_BLOCKS < b1 ? b + CHUNK_BLOCKS : b1;
        float *g = y + (size_t)b * PACK_ROWS;
        matrix_few(p, gate, b, end, g, ld);
        matrix_few(p, up, b, end, u, CHUNK_COLUMNS);
        for (int t = 0; t < p->n_rows; t++)
            p->k->silu_mul(g + (size_t)t * ld, u + t * CHUNK_COLUMNS, linear_rows_of(gate, b, end));
    }
}

// Blocks [b0, b1) of m, a chunk at most, times every row; y is the place of row 0 and block b0.
static void chunk_few(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y, size_t ld) {
    float part[LINEAR_FEW * CHUNK_COLUMNS];
    int rows = linear_rows_of(m, b0, b1);
    bool add = mode == LINEAR_ADD;
    matrix_few(p, m, b0, b1, add ? part : y, add ? CHUNK_COLUMNS : ld);
    for (int t = 0; t < p->n_rows; t++, y += ld)
        if (add)
            for (int r = 0; r < rows; r++) y[r] += part[t * CHUNK_COLUMNS + r];
        else
            linear_activate(p->k, mode, y, rows);
}

void linear_few(const linear *l, linear_mode mode, const activations *a, const low_ranks *extra, int n_rows, float *y,
                size_t ld, const linear_scratch *s, int rank, int size) {
    product p = {.l = l, .k = kernels_get(), .a = a, .extra = extra, .s = s, .n_rows = n_rows};
    low_few(&p);
    if (mode == LINEAR_SILU_MUL) {
        gated_few(&p, y, ld, rank, size);
        return;
    }
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        int from, to;
        linear_share(l, i, rank, size, &from, &to);
        for (int b = from; b < to; b += CHUNK_BLOCKS)
            chunk_few(&p, m, mode, b, b + CHUNK_BLOCKS < to ? b + CHUNK_BLOCKS : to, y + m->out + b * PACK_ROWS, ld);
    }
}
