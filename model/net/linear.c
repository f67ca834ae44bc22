// Building linear layers, and what their products share. Work is cut into blocks of 16 output rows; for gate-and-up
// layers a member computes the same block of both parts, so that the activation function needs no barrier.
#include "model/net/linear_impl.h"

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

void linear_share(const linear *l, int i, int rank, int size, int *from, int *to) {
    int total = 0, before = 0, n = linear_blocks(l->part[i].rows), first, last;
    for (int k = 0; k < l->n_parts; k++) {
        if (k == i) before = total;
        total += linear_blocks(l->part[k].rows);
    }
    team_share(total, rank, size, &first, &last);
    *from = first > before ? first - before : 0;
    *to = last - before < n ? last - before : n;
}

void linear_activate(const kernels *k, linear_mode mode, float *x, int n) {
    if (mode == LINEAR_GELU_TANH) k->gelu_tanh(x, n);
    if (mode == LINEAR_GELU_ERF) k->gelu_erf(x, n);
}

void linear_add_bias(const linear *l, int first, float *y, int n) {
    if (!l->bias) return;
    for (int i = 0; i < n; i++) y[i] += l->bias[first + i];
}

int low_width(const low_ranks *extra) {
    int width = 0;
    for (int i = 0; i < extra->n; i++) width += linear_blocks(extra->items[i].rank) * PACK_ROWS;
    return width;
}

void low_begin(product *p) {
    p->low_width = p->extra ? low_width(p->extra) : 0;
}

void low_scale(const product *p) {
    float *low = p->s->low;
    for (int i = 0; p->low_width > 0 && i < p->extra->n; i++) {
        const low_rank *e = &p->extra->items[i];
        for (int t = 0; t < p->n_rows; t++)
            for (int k = 0; k < e->rank; k++) low[(size_t)t * (size_t)p->low_width + (size_t)k] *= e->scale;
        low += linear_blocks(e->rank) * PACK_ROWS;
    }
}

void low_add(const product *p, const matrix *m, int b0, int b1, int t, int n, float *y, size_t ld) {
    size_t ldt = (size_t)p->low_width;
    int whole = b1 * PACK_ROWS <= m->rows ? b1 : b1 - 1, at = 0;
    for (int i = 0; p->low_width > 0 && i < p->extra->n; i++) {
        const low_rank *e = &p->extra->items[i];
        const float *low = p->s->low + (size_t)t * ldt + at;
        at += linear_blocks(e->rank) * PACK_ROWS;
        if (m != &p->l->part[e->part] || e->scale == 0) continue;
        size_t block_bytes = (size_t)e->rank * PACK_ROWS * (e->f32 ? sizeof(float) : sizeof(uint16_t));
        const char *w = (const char *)e->b + (size_t)b0 * block_bytes;
        p->k->rank_add(w, e->f32, e->rank, whole - b0, low, ldt, n, y, ld);
        for (int k = 0; whole < b1 && k < n; k++) { // the last block has rows that are not there
            float last[PACK_ROWS] = {0}, *to = y + (size_t)k * ld + (size_t)(whole - b0) * PACK_ROWS;
            w = (const char *)e->b + (size_t)whole * block_bytes;
            p->k->rank_add(w, e->f32, e->rank, 1, low + (size_t)k * ldt, ldt, 1, last, PACK_ROWS);
            for (int r = 0; r < linear_rows_of(m, whole, b1); r++) to[r] += last[r];
        }
    }
}
