// Products in float32 through sgemm. Outputs are shared out by columns where there are many, else by stretches of
// tokens; a stretch never crosses from one row of tokens to the next.
#include "model/learn/product.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"

#include <stdlib.h>
#include <string.h>

enum {
    STRETCH = 64,    // tokens of an item when tokens are shared out
    COLUMN_STEP = 16 // columns are shared out in multiples of this
};

struct product_memory {
    float *converted, *head; // one frozen matrix as floats; the head's
    size_t converted_bytes, head_bytes;
    bool head_ready;
};

static size_t float_count(const learn_linear *l) {
    return l->base && l->base->type != TENSOR_F32 ? (size_t)l->rows * (size_t)l->cols : 0;
}

product_memory *product_memory_open(const learn_graph *g, int max_tokens, bool float32, team *team, error *err) {
    (void)max_tokens, (void)float32, (void)team;
    product_memory *m = mem_calloc(1, sizeof *m);
    size_t most = 0;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_layer *y = &g->layers[i];
        const learn_linear *all[] = {&y->qkv[0], &y->qkv[1], &y->qkv[2], &y->out, &y->up[0], &y->up[1], &y->down};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            if (float_count(all[k]) > most) most = float_count(all[k]);
    }
    m->converted_bytes = most * sizeof(float);
    m->head_bytes = float_count(&g->head) * sizeof(float);
    m->converted = mem_alloc_big(m->converted_bytes);
    m->head = mem_alloc_big(m->head_bytes);
    if (m->converted && m->head) return m;
    error_set(err, "no memory for %zu MB of converted weights", (m->converted_bytes + m->head_bytes) >> 20);
    product_memory_close(m);
    return NULL;
}

void product_memory_close(product_memory *m) {
    if (!m) return;
    mem_free_big(m->converted, m->converted_bytes);
    mem_free_big(m->head, m->head_bytes);
    free(m);
}

// A member's rows of a frozen matrix as floats.
static void convert_share(const product *p, const matrix *m, float *out) {
    int first, last;
    team_share(m->rows, p->rank, p->size, &first, &last);
    for (int r = first; r < last; r++) {
        float *to = out + (size_t)r * (size_t)m->cols;
        if (m->data)
            quant_dequantize(m->type, (const char *)m->data + (size_t)r * tensor_row_bytes(m->type, m->cols), 0,
                             m->cols, to);
        else
            pack_row(&m->packed, r, to);
    }
    team_barrier(p->team);
}

// W (rows, cols) as floats, whole for every member.
static const float *floats_of(const product *p, const product_weights *w) {
    if (w->floats) return w->floats;
    if (w->base->type == TENSOR_F32) return w->base->data;
    if (!w->keep) {
        convert_share(p, w->base, p->memory->converted);
        return p->memory->converted;
    }
    bool ready = p->memory->head_ready;
    team_barrier(p->team); // all have read it before one of them sets it
    if (!ready) {
        convert_share(p, w->base, p->memory->head);
        if (p->rank == 0) p->memory->head_ready = true;
    }
    return p->memory->head;
}

// A member's share of n columns, cut at multiples of COLUMN_STEP.
static void column_share(const product *p, int n, int *first, int *last) {
    team_share((n + COLUMN_STEP - 1) / COLUMN_STEP, p->rank, p->size, first, last);
    *first *= COLUMN_STEP;
    *last = *last * COLUMN_STEP < n ? *last * COLUMN_STEP : n;
}

// Calls of one item each: stretches of at most STRETCH tokens, taken in turn by the members.
typedef struct stretch {
    int token, n;
} stretch;

static bool next_stretch(const product *p, int *item, stretch *s) {
    int each = (p->len + STRETCH - 1) / STRETCH, i = *item;
    if (i >= each * p->rows) return false;
    int start = i % each * STRETCH;
    *s = (stretch){i / each * p->len + start, p->len - start < STRETCH ? p->len - start : STRETCH};
    *item += p->size;
    return true;
}

void product_forward(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add) {
    const float *wf = floats_of(p, w);
    size_t cols = (size_t)w->cols;
    float beta = add ? 1 : 0;
    if (w->rows >= 4 * COLUMN_STEP) {
        int first, last;
        column_share(p, w->rows, &first, &last);
        for (int r = 0; r < p->rows && first < last; r++) {
            size_t token = (size_t)r * (size_t)p->len;
            blas_sgemm(false, true, p->len, last - first, w->cols, 1, x + token * cols, cols, wf + (size_t)first * cols,
                       cols, beta, y + token * (size_t)ld + first, (size_t)ld);
        }
    } else {
        stretch s;
        for (int item = p->rank; next_stretch(p, &item, &s);)
            blas_sgemm(false, true, s.n, w->rows, w->cols, 1, x + (size_t)s.token * cols, cols, wf, cols, beta,
                       y + (size_t)s.token * (size_t)ld, (size_t)ld);
    }
    team_barrier(p->team);
}

void product_backward(const product *p, const product_weights *w, const float *dy, int ld, float *dx) {
    const float *wf = floats_of(p, w);
    size_t cols = (size_t)w->cols;
    stretch s;
    for (int item = p->rank; next_stretch(p, &item, &s);)
        blas_sgemm(false, false, s.n, w->cols, w->rows, 1, dy + (size_t)s.token * (size_t)ld, (size_t)ld, wf, cols, 1,
                   dx + (size_t)s.token * cols, cols);
    team_barrier(p->team);
}

void product_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    bool by_rows = rows >= cols;
    int first, last;
    column_share(p, by_rows ? rows : cols, &first, &last);
    for (int r = 0; r < p->rows && first < last; r++) {
        const float *dy_row = dy + (size_t)r * (size_t)p->len * (size_t)ld,
                    *x_row = x + (size_t)r * (size_t)p->len * (size_t)cols;
        if (by_rows)
            blas_sgemm(true, false, last - first, cols, p->len, 1, dy_row + first, (size_t)ld, x_row, (size_t)cols, 1,
                       grad + (size_t)first * (size_t)cols, (size_t)cols);
        else
            blas_sgemm(true, false, rows, last - first, p->len, 1, dy_row, (size_t)ld, x_row + first, (size_t)cols, 1,
                       grad + first, (size_t)cols);
    }
    team_barrier(p->team);
}

void product_scale(const product *p, float *a, int width, float scale) {
    int first, last;
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    for (size_t i = (size_t)first * (size_t)width; i < (size_t)last * (size_t)width; i++) a[i] *= scale;
    team_barrier(p->team);
}

void product_clear(const product *p, float *a, int width) {
    int first, last;
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    memset(a + (size_t)first * (size_t)width, 0, (size_t)(last - first) * (size_t)width * sizeof *a);
    team_barrier(p->team);
}
