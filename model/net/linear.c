// Products of a linear layer. Work is cut into blocks of 16 output rows; for gate-and-up layers a member computes the
// same block of both parts, so that the activation function needs no barrier.
#include "model/net/linear.h"
#include "model/math/blas.h"
#include "model/math/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- building ----

typedef struct pack_job {
    pack *p;
    const file_tensor *t;
    int size;
} pack_job;

static void pack_share(void *arg, int rank) {
    pack_job *job = arg;
    size_t row_bytes = tensor_row_bytes(job->t->type, job->p->cols);
    int first, last;
    team_share(job->p->n_blocks, rank, job->size, &first, &last);
    for (int b = first; b < last; b++) {
        int rows = job->p->rows - b * PACK_ROWS;
        const char *from = (const char *)job->t->data + (size_t)b * PACK_ROWS * row_bytes;
        pack_block(job->p, b, from, row_bytes, rows < PACK_ROWS ? rows : PACK_ROWS);
    }
}

int linear_add_part(linear *l, const model_file *f, const file_tensor *t, team *team, error *err) {
    matrix *m = &l->part[l->n_parts];
    *m = (matrix){.rows = (int)t->ne[1], .cols = (int)t->ne[0], .type = t->type, .out = l->rows};
    quant_traits traits;
    if (quant_traits_of(t->type, &traits)) {
        if (pack_open(&m->packed, t->type, m->rows, m->cols, err) != 0) return -1;
        pack_job job = {&m->packed, t, team_active(team)};
        team_run(team, pack_share, &job);
        model_file_drop(f, t);
        l->wants_integers = true;
    } else {
        m->data = t->data;
        l->wants_floats = true;
    }
    l->n_parts++;
    l->rows += m->rows;
    l->cols = m->cols;
    return 0;
}

void linear_close(linear *l) {
    for (int i = 0; i < l->n_parts; i++) pack_close(&l->part[i].packed);
    free(l->bias);
    *l = (linear){0};
}

size_t linear_bytes(const linear *l) {
    size_t n = 0;
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        n += m->data ? (size_t)m->rows * tensor_row_bytes(m->type, m->cols) : m->packed.bytes;
    }
    return n;
}

void linear_read_row(const linear *l, int row, float *out) {
    const matrix *m = &l->part[0];
    if (m->data) {
        const char *from = (const char *)m->data + (size_t)row * tensor_row_bytes(m->type, m->cols);
        quant_dequantize(m->type, from, 0, m->cols, out);
    } else {
        pack_row(&m->packed, row, out);
    }
}

// ---- one row ----

static int n_blocks(const matrix *m) {
    return (m->rows + PACK_ROWS - 1) / PACK_ROWS;
}

// Blocks [b0, b1) of m times one row into y, which starts at block b0 and has room for the rows that exist.
static void matrix_row(const matrix *m, int b0, int b1, const activations *a, float *y) {
    const kernels *k = kernels_get();
    if (m->data) {
        int first = b0 * PACK_ROWS, rows = (b1 * PACK_ROWS < m->rows ? b1 * PACK_ROWS : m->rows) - first;
        const char *w = (const char *)m->data + (size_t)first * tensor_row_bytes(m->type, m->cols);
        size_t ld = (size_t)m->cols;
        if (m->type == TENSOR_F32)
            k->gemv_f32((const float *)w, ld, rows, m->cols, a->x, y);
        else if (m->type == TENSOR_F16)
            k->gemv_f16((const uint16_t *)w, ld, rows, m->cols, a->x, y);
        else
            k->gemv_bf16((const uint16_t *)w, ld, rows, m->cols, a->x, y);
        return;
    }
    int whole = b1 * PACK_ROWS <= m->rows ? b1 : b1 - 1;
    if (whole > b0) k->gemv(&m->packed, b0, whole, a->q, a->d, a->sum, y);
    if (whole < b1) { // the last block has rows that are not there
        float last[PACK_ROWS];
        k->gemv(&m->packed, whole, b1, a->q, a->d, a->sum, last);
        memcpy(y + (size_t)(whole - b0) * PACK_ROWS, last, (size_t)(m->rows - whole * PACK_ROWS) * sizeof *last);
    }
}

static void activate(linear_mode mode, float *x, int n) {
    if (mode == LINEAR_GELU_TANH) kernels_get()->gelu_tanh(x, n);
    if (mode == LINEAR_GELU_ERF)
        for (int i = 0; i < n; i++) x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678f));
}

static void add_bias(const linear *l, int first, float *y, int n) {
    if (!l->bias) return;
    for (int i = 0; i < n; i++) y[i] += l->bias[first + i];
}

enum { ROW_CHUNK = 16 }; // blocks computed before their result is used

static void gated_row(const linear *l, const activations *a, float *y, int rank, int size) {
    const matrix *gate = &l->part[0], *up = &l->part[1];
    float u[ROW_CHUNK * PACK_ROWS];
    int b0, b1;
    team_share(n_blocks(gate), rank, size, &b0, &b1);
    for (int b = b0; b < b1; b += ROW_CHUNK) {
        int end = b + ROW_CHUNK < b1 ? b + ROW_CHUNK : b1, first = b * PACK_ROWS;
        int n = (end * PACK_ROWS < gate->rows ? end * PACK_ROWS : gate->rows) - first;
        matrix_row(gate, b, end, a, y + first);
        matrix_row(up, b, end, a, u);
        add_bias(l, first, y + first, n);
        add_bias(l, gate->rows + first, u, n);
        kernels_get()->silu_mul(y + first, u, n);
    }
}

void linear_row(const linear *l, linear_mode mode, const activations *a, float *y, int rank, int size) {
    if (mode == LINEAR_SILU_MUL) {
        gated_row(l, a, y, rank, size);
        return;
    }
    int total = 0, b0, b1;
    for (int i = 0; i < l->n_parts; i++) total += n_blocks(&l->part[i]);
    team_share(total, rank, size, &b0, &b1);
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        int n = n_blocks(m), from = b0 > 0 ? b0 : 0, to = b1 < n ? b1 : n;
        for (int b = from; b < to; b += ROW_CHUNK) {
            int end = b + ROW_CHUNK < to ? b + ROW_CHUNK : to, first = b * PACK_ROWS, row = m->out + first;
            int rows = (end * PACK_ROWS < m->rows ? end * PACK_ROWS : m->rows) - first;
            if (mode == LINEAR_ADD) {
                float part[ROW_CHUNK * PACK_ROWS];
                matrix_row(m, b, end, a, part);
                add_bias(l, row, part, rows);
                for (int r = 0; r < rows; r++) y[row + r] += part[r];
            } else {
                matrix_row(m, b, end, a, y + row);
                add_bias(l, row, y + row, rows);
                activate(mode, y + row, rows);
            }
        }
        b0 -= n;
        b1 -= n;
    }
}

// ---- many rows ----

// What is done with a finished tile of n_rows x n values (stride ld_tile) that belongs at output column `col`.
static void finish_tile(const linear *l, linear_mode mode, float *tile, size_t ld_tile, int n_rows, int n, int bias_at,
                        float *y, size_t ld) {
    for (int t = 0; t < n_rows; t++) {
        float *from = tile + (size_t)t * ld_tile, *to = y + (size_t)t * ld;
        add_bias(l, bias_at, from, n);
        activate(mode, from, n);
        if (mode == LINEAR_ADD)
            for (int i = 0; i < n; i++) to[i] += from[i];
        else
            memcpy(to, from, (size_t)n * sizeof *to);
    }
}

// Blocks [b0, b1) of a packed matrix times all rows, two blocks at a time; y is where block b0 belongs.
static void packed_rows(const linear *l, const matrix *m, linear_mode mode, int b0, int b1, const activations *a,
                        int n_rows, float *y, size_t ld, const linear_scratch *s) {
    const kernels *k = kernels_get();
    const pack *p = &m->packed;
    size_t units = (size_t)p->n_units, scales = units * (size_t)pack_halves(p) * PACK_ROWS;
    for (int b = b0; b < b1; b += KERNELS_BLOCKS, y += KERNELS_BLOCKS * PACK_ROWS) {
        unpacked w = {b1 - b < KERNELS_BLOCKS ? b1 - b : KERNELS_BLOCKS,
                      p->n_units,
                      pack_halves(p),
                      p->traits.bits,
                      s->u,
                      s->scale,
                      s->offset};
        for (int i = 0; i < w.n_blocks; i++)
            k->unpack(p, b + i, s->u + (size_t)i * units * PACK_UNIT_BYTES, s->scale + (size_t)i * scales,
                      s->offset + (size_t)i * scales);
        int columns = w.n_blocks * PACK_ROWS, left = m->rows - b * PACK_ROWS;
        bool direct = (mode == LINEAR_STORE || mode == LINEAR_ADD) && !l->bias && left >= columns;
        for (int t = 0; t < n_rows; t += KERNELS_TILE) {
            int n = n_rows - t < KERNELS_TILE ? n_rows - t : KERNELS_TILE;
            float *to = y + (size_t)t * ld;
            if (direct) {
                k->gemm(&w, &a->tiles, t / KERNELS_TILE, n, mode == LINEAR_ADD, to, ld);
                continue;
            }
            float tile[KERNELS_TILE * KERNELS_BLOCKS * PACK_ROWS];
            k->gemm(&w, &a->tiles, t / KERNELS_TILE, n, false, tile, KERNELS_BLOCKS * PACK_ROWS);
            finish_tile(l, mode, tile, KERNELS_BLOCKS * PACK_ROWS, n, left < columns ? left : columns,
                        m->out + b * PACK_ROWS, to, ld);
        }
    }
}

// Weights of rows [first, first + n) as floats: in place, or converted into the panel.
static const float *float_rows(const matrix *m, int first, int n, const linear_scratch *s) {
    const kernels *k = kernels_get();
    size_t at = (size_t)first * (size_t)m->cols, count = (size_t)n * (size_t)m->cols;
    if (m->type == TENSOR_F32) return (const float *)m->data + at;
    if (m->type == TENSOR_F16)
        k->f16_to_f32((const uint16_t *)m->data + at, count, s->panel);
    else
        k->bf16_to_f32((const uint16_t *)m->data + at, count, s->panel);
    return s->panel;
}

enum { SGEMM_ROWS = 32 }; // input rows a tile on the stack holds

// The same for floats: a panel of up to 64 weight rows against 32 input rows at a time.
static void float_rows_product(const linear *l, const matrix *m, linear_mode mode, int b0, int b1, const activations *a,
                               int n_rows, float *y, size_t ld, const linear_scratch *s) {
    int end = b1 * PACK_ROWS < m->rows ? b1 * PACK_ROWS : m->rows;
    for (int first = b0 * PACK_ROWS; first < end; first += LINEAR_PANEL_ROWS) {
        int n = end - first < LINEAR_PANEL_ROWS ? end - first : LINEAR_PANEL_ROWS;
        const float *w = float_rows(m, first, n, s);
        for (int t = 0; t < n_rows; t += SGEMM_ROWS) {
            float tile[SGEMM_ROWS * LINEAR_PANEL_ROWS];
            int rows = n_rows - t < SGEMM_ROWS ? n_rows - t : SGEMM_ROWS;
            blas_sgemm_nt(rows, n, m->cols, a->x + (size_t)t * (size_t)m->cols, (size_t)m->cols, w, (size_t)m->cols,
                          tile, LINEAR_PANEL_ROWS);
            finish_tile(l, mode, tile, LINEAR_PANEL_ROWS, rows, n, m->out + first, y + (size_t)t * ld, ld);
        }
        y += n;
    }
}

static void matrix_rows(const linear *l, const matrix *m, linear_mode mode, int b0, int b1, const activations *a,
                        int n_rows, float *y, size_t ld, const linear_scratch *s) {
    if (b0 >= b1) return;
    if (m->data)
        float_rows_product(l, m, mode, b0, b1, a, n_rows, y, ld, s);
    else
        packed_rows(l, m, mode, b0, b1, a, n_rows, y, ld, s);
}

// Gate into y and up into a strip beside it, a few blocks at a time so that both are still in the cache when they meet.
static void gated_rows(const linear *l, const activations *a, int n_rows, float *y, size_t ld, const linear_scratch *s,
                       int rank, int size) {
    enum { STRIP = LINEAR_PANEL_ROWS, STRIP_BLOCKS = STRIP / PACK_ROWS };
    const matrix *gate = &l->part[0], *up = &l->part[1];
    int b0, b1;
    team_share(n_blocks(gate), rank, size, &b0, &b1);
    for (int b = b0; b < b1; b += STRIP_BLOCKS) {
        int end = b + STRIP_BLOCKS < b1 ? b + STRIP_BLOCKS : b1, first = b * PACK_ROWS;
        int n = (end * PACK_ROWS < gate->rows ? end * PACK_ROWS : gate->rows) - first;
        matrix_rows(l, gate, LINEAR_STORE, b, end, a, n_rows, y + first, ld, s);
        matrix_rows(l, up, LINEAR_STORE, b, end, a, n_rows, s->strip, STRIP, s);
        for (int t = 0; t < n_rows; t++) kernels_get()->silu_mul(y + (size_t)t * ld + first, s->strip + t * STRIP, n);
    }
}

void linear_rows(const linear *l, linear_mode mode, const activations *a, int n_rows, float *y, size_t ld,
                 const linear_scratch *s, int rank, int size) {
    if (mode == LINEAR_SILU_MUL) {
        gated_rows(l, a, n_rows, y, ld, s, rank, size);
        return;
    }
    int total = 0, b0, b1;
    for (int i = 0; i < l->n_parts; i++) total += n_blocks(&l->part[i]);
    team_share(total, rank, size, &b0, &b1);
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        int n = n_blocks(m);
        int from = b0 > 0 ? b0 : 0, to = b1 < n ? b1 : n;
        matrix_rows(l, m, mode, from, to, a, n_rows, y + m->out + from * PACK_ROWS, ld, s);
        b0 -= n;
        b1 -= n;
    }
}
