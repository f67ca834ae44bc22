// Products with many rows. Packed weights are spread out two blocks at a time and stay in the nearest cache while all
// rows pass; float weights go through sgemm, a panel of them against a strip of rows.
#include "model/math/blas.h"
#include "model/net/linear_impl.h"

#include <string.h>

// Adapters, bias and activation over a finished tile of n rows (from row t on) of blocks [b0, b1), which then goes to
// y, the place of row t and block b0.
static void finish_tile(const product *p, const matrix *m, linear_mode mode, int b0, int b1, int t, int n, float *tile,
                        size_t ld_tile, float *y, size_t ld) {
    int columns = linear_rows_of(m, b0, b1);
    low_add(p, m, b0, b1, t, n, tile, ld_tile);
    for (int i = 0; i < n; i++) {
        float *from = tile + (size_t)i * ld_tile, *to = y + (size_t)i * ld;
        linear_add_bias(p->l, m->out + b0 * PACK_ROWS, from, columns);
        linear_activate(p->k, mode, from, columns);
        if (mode == LINEAR_ADD)
            for (int c = 0; c < columns; c++) to[c] += from[c];
        else
            memcpy(to, from, (size_t)columns * sizeof *to);
    }
}

// Blocks [b, end) of w, one or two, spread out into the scratch.
static unpacked spread_blocks(const product *p, const pack *w, int b, int end) {
    const linear_scratch *s = p->s;
    size_t units = (size_t)w->n_units, scales = units * (size_t)pack_halves(w) * PACK_ROWS;
    for (size_t i = 0; i < (size_t)(end - b); i++)
        p->k->unpack(w, b + (int)i, s->u + i * units * PACK_UNIT_BYTES, s->scale + i * scales, s->offset + i * scales);
    return (unpacked){end - b, w->n_units, pack_halves(w), w->traits.bits, s->u, s->scale, s->offset};
}

// Blocks [b0, b1) of a packed matrix times all rows, two blocks at a time; y is where block b0 belongs.
static void packed_rows(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y, size_t ld) {
    for (int b = b0; b < b1; b += KERNELS_BLOCKS, y += KERNELS_BLOCKS * PACK_ROWS) {
        int end = b + KERNELS_BLOCKS < b1 ? b + KERNELS_BLOCKS : b1;
        unpacked spread = spread_blocks(p, &m->packed, b, end);
        // Plain results of whole blocks need no stop on the way.
        bool direct = (mode == LINEAR_STORE || mode == LINEAR_ADD) && !p->l->bias && end * PACK_ROWS <= m->rows;
        for (int t = 0; t < p->n_rows; t += KERNELS_TILE) {
            int n = p->n_rows - t < KERNELS_TILE ? p->n_rows - t : KERNELS_TILE;
            float *to = y + (size_t)t * ld, tile[KERNELS_TILE * KERNELS_BLOCKS * PACK_ROWS];
            if (direct) {
                p->k->gemm(&spread, &p->a->tiles, t / KERNELS_TILE, n, mode == LINEAR_ADD, to, ld);
                low_add(p, m, b, end, t, n, to, ld);
            } else {
                p->k->gemm(&spread, &p->a->tiles, t / KERNELS_TILE, n, false, tile, KERNELS_BLOCKS * PACK_ROWS);
                finish_tile(p, m, mode, b, end, t, n, tile, KERNELS_BLOCKS * PACK_ROWS, to, ld);
            }
        }
    }
}

// n floats of a matrix of a float type, from element `at` on: in place, or converted into the panel.
static const float *as_floats(const product *p, const void *w, tensor_type type, size_t at, size_t n) {
    if (type == TENSOR_F32) return (const float *)w + at;
    if (type == TENSOR_F16)
        p->k->f16_to_f32((const uint16_t *)w + at, n, p->s->panel);
    else
        p->k->bf16_to_f32((const uint16_t *)w + at, n, p->s->panel);
    return p->s->panel;
}

enum { PANEL_BLOCKS = LINEAR_PANEL_ROWS / PACK_ROWS };

// The same for floats. What is done to finished sums happens where they stand: none of it is done to sums that are added
// to others but the bias, which may come at any time.
static void float_rows(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y, size_t ld) {
    size_t cols = (size_t)m->cols;
    for (int b = b0; b < b1; b += PANEL_BLOCKS, y += LINEAR_PANEL_ROWS) {
        int end = b + PANEL_BLOCKS < b1 ? b + PANEL_BLOCKS : b1, rows = linear_rows_of(m, b, end);
        const float *w = as_floats(p, m->data, m->type, (size_t)b * PACK_ROWS * cols, (size_t)rows * cols);
        blas_sgemm(false, true, p->n_rows, rows, m->cols, 1, p->a->x, cols, w, cols, mode == LINEAR_ADD, y, ld);
        low_add(p, m, b, end, 0, p->n_rows, y, ld);
        for (int t = 0; t < p->n_rows; t++) {
            linear_add_bias(p->l, m->out + b * PACK_ROWS, y + (size_t)t * ld, rows);
            linear_activate(p->k, mode, y + (size_t)t * ld, rows);
        }
    }
}

static void matrix_rows(const product *p, const matrix *m, linear_mode mode, int b0, int b1, float *y, size_t ld) {
    if (m->data)
        float_rows(p, m, mode, b0, b1, y, ld);
    else
        packed_rows(p, m, mode, b0, b1, y, ld);
}

// A x of a float adapter, LINEAR_PANEL_ROWS ranks at a time.
static void low_float(const product *p, const low_rank *e, float *low) {
    size_t cols = (size_t)p->l->cols;
    for (int r = 0; r < e->rank; r += LINEAR_PANEL_ROWS) {
        int n = e->rank - r < LINEAR_PANEL_ROWS ? e->rank - r : LINEAR_PANEL_ROWS;
        const float *w = as_floats(p, e->a, e->f32 ? TENSOR_F32 : TENSOR_F16, (size_t)r * cols, (size_t)n * cols);
        blas_sgemm_nt(p->n_rows, n, p->l->cols, p->a->x, cols, w, cols, low + r, (size_t)p->low_width);
    }
}

static void low_packed(const product *p, const pack *w, float *low) {
    for (int b = 0; b < w->n_blocks; b += KERNELS_BLOCKS, low += KERNELS_BLOCKS * PACK_ROWS) {
        unpacked spread = spread_blocks(p, w, b, b + KERNELS_BLOCKS < w->n_blocks ? b + KERNELS_BLOCKS : w->n_blocks);
        for (int t = 0; t < p->n_rows; t += KERNELS_TILE) {
            int n = p->n_rows - t < KERNELS_TILE ? p->n_rows - t : KERNELS_TILE;
            p->k->gemm(&spread, &p->a->tiles, t / KERNELS_TILE, n, false, low + (size_t)t * (size_t)p->low_width,
                       (size_t)p->low_width);
        }
    }
}

// low = scale * A x for every adapter of the layer, by every member for itself.
static void low_rows(product *p) {
    low_begin(p);
    float *low = p->s->low;
    for (int i = 0; p->low_width > 0 && i < p->extra->n; i++) {
        const low_rank *e = &p->extra->items[i];
        if (e->packed_a)
            low_packed(p, e->packed_a, low);
        else
            low_float(p, e, low);
        low += linear_blocks(e->rank) * PACK_ROWS;
    }
    low_scale(p);
}

// ---- pieces, which members take as they come ----

// Packed blocks go as the kernel takes them. sgemm wants all that a member can have at once.
static int pieces_of(const product *p, const matrix *m) {
    return m->data ? p->size : (linear_blocks(m->rows) + KERNELS_BLOCKS - 1) / KERNELS_BLOCKS;
}

static void piece_of(const product *p, const matrix *m, int item, int *from, int *to) {
    int blocks = linear_blocks(m->rows), next = (item + 1) * KERNELS_BLOCKS;
    if (m->data) {
        team_share(blocks, item, p->size, from, to);
        return;
    }
    *from = item * KERNELS_BLOCKS;
    *to = next < blocks ? next : blocks;
}

// Blocks [b0, b1) of gate and up: gate into y and up into a strip beside it, a few blocks at a time so that both are
// still in the cache when they meet.
static void gated_floats(const product *p, int b0, int b1, float *y, size_t ld) {
    const matrix *gate = &p->l->part[0], *up = &p->l->part[1];
    for (int b = b0; b < b1; b += PANEL_BLOCKS) {
        int end = b + PANEL_BLOCKS < b1 ? b + PANEL_BLOCKS : b1, n = linear_rows_of(gate, b, end);
        float *g = y + (size_t)b * PACK_ROWS, *strip = p->s->strip;
        matrix_rows(p, gate, LINEAR_STORE, b, end, g, ld);
        matrix_rows(p, up, LINEAR_STORE, b, end, strip, LINEAR_PANEL_ROWS);
        for (size_t t = 0; t < (size_t)p->n_rows; t++) p->k->silu_mul(g + t * ld, strip + t * LINEAR_PANEL_ROWS, n);
    }
}

// Blocks [b, b + 2) of gate and up, which are one unit of the integers that come of them.
static void gated_integers(const product *p, int b, const qtiles *into) {
    enum { WIDTH = KERNELS_BLOCKS * PACK_ROWS };
    float *g = p->s->strip, *u = g + (size_t)p->n_rows * WIDTH, d[KERNELS_TILE], sum[2 * KERNELS_TILE];
    int8_t q[KERNELS_TILE * WIDTH];
    matrix_rows(p, &p->l->part[0], LINEAR_STORE, b, b + KERNELS_BLOCKS, g, WIDTH);
    matrix_rows(p, &p->l->part[1], LINEAR_STORE, b, b + KERNELS_BLOCKS, u, WIDTH);
    for (int t = 0; t < p->n_rows; t += KERNELS_TILE) {
        int n = p->n_rows - t < KERNELS_TILE ? p->n_rows - t : KERNELS_TILE;
        float *x = g + (size_t)t * WIDTH;
        p->k->silu_mul(x, u + (size_t)t * WIDTH, n * WIDTH);
        p->k->quantize(x, n * WIDTH, q, d, sum);
        qtiles_put_unit(into, t / KERNELS_TILE, b / KERNELS_BLOCKS, n, q, d, sum);
    }
}

static void gated_rows(const product *p, float *y, size_t ld, const qtiles *into) {
    const matrix *gate = &p->l->part[0];
    for (int item; (item = team_take(p->team)) < pieces_of(p, gate);) {
        int b0, b1;
        piece_of(p, gate, item, &b0, &b1);
        if (into)
            gated_integers(p, b0, into);
        else
            gated_floats(p, b0, b1, y, ld);
    }
}

bool linear_gives_integers(const linear *l) {
    return !l->part[0].data && !l->part[1].data && l->part[0].rows % (KERNELS_BLOCKS * PACK_ROWS) == 0;
}

void linear_rows(const linear *l, linear_mode mode, const activations *a, const low_ranks *extra, int n_rows, float *y,
                 size_t ld, const qtiles *into, const linear_scratch *s, team *team) {
    product p = {.l = l,
                 .k = kernels_get(),
                 .a = a,
                 .extra = extra,
                 .s = s,
                 .n_rows = n_rows,
                 .team = team,
                 .size = team_active(team)};
    low_rows(&p);
    if (mode == LINEAR_SILU_MUL) {
        gated_rows(&p, y, ld, into);
        return;
    }
    int item = team_take(team), before = 0;
    for (int i = 0; i < l->n_parts; i++) {
        const matrix *m = &l->part[i];
        int n = pieces_of(&p, m);
        for (int from, to; item < before + n; item = team_take(team)) {
            piece_of(&p, m, item - before, &from, &to);
            if (from < to) matrix_rows(&p, m, mode, from, to, y + m->out + from * PACK_ROWS, ld);
        }
        before += n;
    }
}
