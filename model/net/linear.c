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

// ---- what both kinds of product need ----

// One call's arguments, for the functions below.
typedef struct product {
    const linear *l;
    const activations *a; // of many rows: one; of a few: one for each row
    const low_ranks *extra;
    const linear_scratch *s;
    int n_rows, low_width; // low_width: sum of the adapters' ranks
    bool few;
} product;

static int n_blocks(const matrix *m) {
    return (m->rows + PACK_ROWS - 1) / PACK_ROWS;
}

// Rows of m in blocks [b0, b1).
static int rows_of(const matrix *m, int b0, int b1) {
    return (b1 * PACK_ROWS < m->rows ? b1 * PACK_ROWS : m->rows) - b0 * PACK_ROWS;
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

// low (n_rows, low_width) = A x for rows [k, k + n) of an adapter's A.
static void low_rank_rows(const product *p, const low_rank *e, int k, int n, float *low) {
    size_t cols = (size_t)p->l->cols, ld = (size_t)p->low_width;
    const float *w = (const float *)e->a + (size_t)k * cols;
    const uint16_t *half = (const uint16_t *)e->a + (size_t)k * cols;
    for (int t = 0; p->few && t < p->n_rows; t++) {
        if (e->f32)
            kernels_get()->gemv_f32(w, cols, n, p->l->cols, p->a[t].x, low + (size_t)t * ld);
        else
            kernels_get()->gemv_f16(half, cols, n, p->l->cols, p->a[t].x, low + (size_t)t * ld);
    }
    if (p->few) return;
    if (!e->f32) kernels_get()->f16_to_f32(half, (size_t)n * cols, p->s->panel);
    blas_sgemm_nt(p->n_rows, n, p->l->cols, p->a->x, cols, e->f32 ? w : p->s->panel, cols, low, ld);
}

// low = scale * A x for every adapter of the layer. Each member does all of it: cheaper than a barrier.
static void begin_low_ranks(product *p) {
    const low_ranks *extra = p->extra;
    for (int i = 0; extra && i < extra->n; i++) p->low_width += extra->items[i].rank;
    float *low = p->low_width > 0 ? p->s->low : NULL;
    for (int i = 0; low && i < extra->n; low += extra->items[i++].rank) {
        const low_rank *e = &extra->items[i];
        for (int k = 0; k < e->rank; k += LINEAR_PANEL_ROWS)
            low_rank_rows(p, e, k, e->rank - k < LINEAR_PANEL_ROWS ? e->rank - k : LINEAR_PANEL_ROWS, low + k);
        for (int t = 0; t < p->n_rows; t++)
            for (int k = 0; k < e->rank; k++) low[(size_t)t * (size_t)p->low_width + (size_t)k] *= e->scale;
    }
}

// Adds B low to blocks [b0, b1) of a part, rows t .. t + n - 1; y is where row t of block b0 stands.
static void add_low_ranks(const product *p, const matrix *m, int b0, int b1, int t, int n, float *y, size_t ld) {
    int at = 0;
    for (int i = 0; p->extra && i < p->extra->n; at += p->extra->items[i++].rank) {
        const low_rank *e = &p->extra->items[i];
        if (m != &p->l->part[e->part] || e->scale == 0) continue;
        size_t block_bytes = (size_t)e->rank * PACK_ROWS * (e->f32 ? sizeof(float) : sizeof(uint16_t));
        size_t ldt = (size_t)p->low_width;
        const float *low = p->s->low + (size_t)t * ldt + at;
        for (int b = b0; b < b1; b++) {
            const char *w = (const char *)e->b + (size_t)b * block_bytes;
            float *to = y + (size_t)(b - b0) * PACK_ROWS;
            int rows = rows_of(m, b, b + 1);
            if (rows == PACK_ROWS) {
                kernels_get()->rank_add(w, e->f32, e->rank, low, ldt, n, to, ld);
                continue;
            }
            for (int k = 0; k < n; k++) { // the last block has rows that are not there
                float part[PACK_ROWS] = {0};
                kernels_get()->rank_add(w, e->f32, e->rank, low + (size_t)k * ldt, ldt, 1, part, PACK_ROWS);
                for (int r = 0; r < rows; r++) to[(size_t)k * ld + (size_t)r] += part[r];
            }
        }
    }
}

// ---- a few rows ----

// Blocks [b0, b1) of m times row t into y, which starts at block b0 and has room for the rows that exist; adapters
// and bias included.
static void matrix_row(const product *p, const matrix *m, int b0, int b1, int t, float *y) {
    const kernels *k = kernels_get();
    const activations *a = &p->a[t];
    int rows = rows_of(m, b0, b1), whole = b1 * PACK_ROWS <= m->rows ? b1 : b1 - 1;
    size_t ld = (size_t)m->cols;
    if (m->data) {
        const char *w = (const char *)m->data + (size_t)b0 * PACK_ROWS * tensor_row_bytes(m->type, m->cols);
        if (m->type == TENSOR_F32)
            k->gemv_f32((const float *)w, ld, rows, m->cols, a->x, y);
        else if (m->type == TENSOR_F16)
            k->gemv_f16((const uint16_t *)w, ld, rows, m->cols, a->x, y);
        else
            k->gemv_bf16((const uint16_t *)w, ld, rows, m->cols, a->x, y);
    } else {
        if (whole > b0) k->gemv(&m->packed, b0, whole, a->q, a->d, a->sum, y);
        if (whole < b1) { // the last block has rows that are not there
            float last[PACK_ROWS];
            k->gemv(&m->packed, whole, b1, a->q, a->d, a->sum, last);
            memcpy(y + (size_t)(whole - b0) * PACK_ROWS, last, (size_t)rows_of(m, whole, b1) * sizeof *last);
        }
    }
    add_low_ranks(p, m, b0, b1, t, 1, y, 0);
    add_bias(p->l, m->out + b0 * PACK_ROWS, y, rows);
}

enum { ROW_CHUNK = 16 }; // blocks computed before their result is used

static void gated_few(const product *p, float *y, size_t ld, int rank, int size) {
    const matrix *gate = &p->l->part[0], *up = &p->l->part[1];
    float u[ROW_CHUNK * PACK_ROWS];
    int b0, b1;
    team_share(n_blocks(gate), rank, size, &b0, &b1);
    for (int b = b0; b < b1; b += ROW_CHUNK) {
        int end = b + ROW_CHUNK < b1 ? b + ROW_CHUNK : b1;
        for (int t = 0; t < p->n_rows; t++) {
            float *g = y + (size_t)t * ld + (size_t)b * PACK_ROWS;
            matrix_row(p, gate, b, end, t, g);
            matrix_row(p, up, b, end, t, u);
            kernels_get()->silu_mul(g, u, rows_of(gate, b, end));
        }
    }
}

// Blocks [b0, b1) of m, at most ROW_CHUNK, times row t; y is the place of block b0.
static void few_chunk(const product *p, const matrix *m, linear_mode mode, int b0, int b1, int t, float *y) {
    float part[ROW_CHUNK * PACK_ROWS];
    int rows = rows_of(m, b0, b1);
    matrix_row(p, m, b0, b1, t, mode == LINEAR_ADD ? part : y);
    if (mode == LINEAR_ADD)
        for (int r = 0; r < rows; r++) y[r] += part[r];
    else
        activate(mode, y, rows);
}

void linear_few(const linear *l, linear_mode mode, const activations *a, const low_ranks *extra, int n_rows, float *y,
                size_t ld, const linear_scratch *s, int rank, int size) {
    product p = {.l = l, .a = a, .extra = extra, .s = s, .n_rows = n_rows, .few = true};
    begin_low_ranks(&p);
    if (mode == LINEAR_SILU_MUL) {
        gated_few(&p, y, ld, rank, size);
        return;
    }
    int total = 0, b0, b1;
    for (int i = 0; i < l->n_parts; i++) total += n_blocks(&l->part[i]);
    team_share(total, rank, size, &b0, &b1);
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        int n = n_blocks(m), from = b0 > 0 ? b0 : 0, to = b1 < n ? b1 : n;
        for (int b = from; b < to; b += ROW_CHUNK) {
            int end = b + ROW_CHUNK < to ? b + ROW_CHUNK : to;
            for (int t = 0; t < n_rows; t++)
                few_chunk(&p, m, mode, b, end, t, y + (size_t)t * ld + m->out + b * PACK_ROWS);
        }
        b0 -= n;
        b1 -= n;
    }
}

// ---- many rows ----

// Adapters, bias and activation over a finished tile of n rows (from row t on) of blocks [b0, b1), which then goes to
// y, the place of row t and block b0.
static void finish_tile(const product *p, const matrix *m, linear_mode mode, int b0, int b1, int t, int n, float *tile,
                        size_t ld_tile, float *y, size_t ld) {
    int columns = rows_of(m, b0, b1);
    add_low_ranks(p, m, b0, b1, t, n, tile, ld_tile);
    for (int i = 0; i < n; i++) {
        float *from = tile + (size_t)i * ld_tile, *to = y + (size_t)i * ld;
        add_bias(p->l, m->out + b0 * PACK_ROWS, from, columns);
        activate(mode, from, columns);
        if (mode == LINEAR_ADD)
            for (int c = 0; c < columns; c++) to[c] += from[c];
        else
            memcpy(to, from, (size_t)columns * sizeof *to);
    }
}

// Blocks [b0, b1) of a packed matrix times all rows, two blocks at a time; y is where block b0 belongs.
static void packed_rows(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y, size_t ld) {
    const kernels *k = kernels_get();
    const pack *w = &m->packed;
    const linear_scratch *s = p->s;
    size_t units = (size_t)w->n_units, scales = units * (size_t)pack_halves(w) * PACK_ROWS;
    for (int b = b0; b < b1; b += KERNELS_BLOCKS, y += KERNELS_BLOCKS * PACK_ROWS) {
        int end = b + KERNELS_BLOCKS < b1 ? b + KERNELS_BLOCKS : b1;
        unpacked spread = {end - b, w->n_units, pack_halves(w), w->traits.bits, s->u, s->scale, s->offset};
        for (int i = 0; i < end - b; i++)
            k->unpack(w, b + i, s->u + (size_t)i * units * PACK_UNIT_BYTES, s->scale + (size_t)i * scales,
                      s->offset + (size_t)i * scales);
        // Plain results of whole blocks need no stop on the way.
        bool direct = (mode == LINEAR_STORE || mode == LINEAR_ADD) && !p->l->bias && end * PACK_ROWS <= m->rows;
        for (int t = 0; t < p->n_rows; t += KERNELS_TILE) {
            int n = p->n_rows - t < KERNELS_TILE ? p->n_rows - t : KERNELS_TILE;
            float *to = y + (size_t)t * ld, tile[KERNELS_TILE * KERNELS_BLOCKS * PACK_ROWS];
            if (direct) {
                k->gemm(&spread, &p->a->tiles, t / KERNELS_TILE, n, mode == LINEAR_ADD, to, ld);
                add_low_ranks(p, m, b, end, t, n, to, ld);
            } else {
                k->gemm(&spread, &p->a->tiles, t / KERNELS_TILE, n, false, tile, KERNELS_BLOCKS * PACK_ROWS);
                finish_tile(p, m, mode, b, end, t, n, tile, KERNELS_BLOCKS * PACK_ROWS, to, ld);
            }
        }
    }
}

// Weights of blocks [b0, b1) as floats: in place, or converted into the panel.
static const float *float_rows(const matrix *m, int b0, int b1, const linear_scratch *s) {
    const kernels *k = kernels_get();
    size_t at = (size_t)b0 * PACK_ROWS * (size_t)m->cols, count = (size_t)rows_of(m, b0, b1) * (size_t)m->cols;
    if (m->type == TENSOR_F32) return (const float *)m->data + at;
    if (m->type == TENSOR_F16)
        k->f16_to_f32((const uint16_t *)m->data + at, count, s->panel);
    else
        k->bf16_to_f32((const uint16_t *)m->data + at, count, s->panel);
    return s->panel;
}

enum { SGEMM_ROWS = 32, PANEL_BLOCKS = LINEAR_PANEL_ROWS / PACK_ROWS };

// The same for floats: a panel of up to 64 weight rows against 32 input rows at a time.
static void float_rows_product(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y,
                               size_t ld) {
    size_t cols = (size_t)m->cols;
    for (int b = b0; b < b1; b += PANEL_BLOCKS, y += LINEAR_PANEL_ROWS) {
        int end = b + PANEL_BLOCKS < b1 ? b + PANEL_BLOCKS : b1;
        const float *w = float_rows(m, b, end, p->s);
        for (int t = 0; t < p->n_rows; t += SGEMM_ROWS) {
            float tile[SGEMM_ROWS * LINEAR_PANEL_ROWS];
            int n = p->n_rows - t < SGEMM_ROWS ? p->n_rows - t : SGEMM_ROWS;
            blas_sgemm_nt(n, rows_of(m, b, end), m->cols, p->a->x + (size_t)t * cols, cols, w, cols, tile,
                          LINEAR_PANEL_ROWS);
            finish_tile(p, m, mode, b, end, t, n, tile, LINEAR_PANEL_ROWS, y + (size_t)t * ld, ld);
        }
    }
}

static void matrix_rows(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y, size_t ld) {
    if (b0 >= b1) return;
    if (m->data)
        float_rows_product(p, m, mode, b0, b1, y, ld);
    else
        packed_rows(p, m, mode, b0, b1, y, ld);
}

// Gate into y and up into a strip beside it, a few blocks at a time so that both are still in the cache when they meet.
static void gated_rows(const product *p, float *y, size_t ld, int rank, int size) {
    const matrix *gate = &p->l->part[0], *up = &p->l->part[1];
    float *strip = p->s->strip;
    int b0, b1;
    team_share(n_blocks(gate), rank, size, &b0, &b1);
    for (int b = b0; b < b1; b += PANEL_BLOCKS) {
        int end = b + PANEL_BLOCKS < b1 ? b + PANEL_BLOCKS : b1, n = rows_of(gate, b, end);
        float *g = y + (size_t)b * PACK_ROWS;
        matrix_rows(p, gate, LINEAR_STORE, b, end, g, ld);
        matrix_rows(p, up, LINEAR_STORE, b, end, strip, LINEAR_PANEL_ROWS);
        for (int t = 0; t < p->n_rows; t++)
            kernels_get()->silu_mul(g + (size_t)t * ld, strip + (size_t)t * LINEAR_PANEL_ROWS, n);
    }
}

void linear_rows(const linear *l, linear_mode mode, const activations *a, const low_ranks *extra, int n_rows, float *y,
                 size_t ld, const linear_scratch *s, int rank, int size) {
    product p = {.l = l, .a = a, .extra = extra, .s = s, .n_rows = n_rows};
    begin_low_ranks(&p);
    if (mode == LINEAR_SILU_MUL) {
        gated_rows(&p, y, ld, rank, size);
        return;
    }
    int total = 0, b0, b1;
    for (int i = 0; i < l->n_parts; i++) total += n_blocks(&l->part[i]);
    team_share(total, rank, size, &b0, &b1);
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        int n = n_blocks(m), from = b0 > 0 ? b0 : 0, to = b1 < n ? b1 : n;
        matrix_rows(&p, m, mode, from, to, y + m->out + from * PACK_ROWS, ld);
        b0 -= n;
        b1 -= n;
    }
}
