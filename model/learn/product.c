// Products in bf16 where the processor has it, else in float32 through sgemm. Outputs are shared out by columns where
// there are many, else by stretches of tokens; a stretch never crosses from one row of tokens to the next.
//
// In bf16 the left factor (activations) is rounded once by all members; the right factor (weights) is converted 32
// output columns at a time, by the member that needs them, into a panel of its own. The head, which every piece of the
// loss reads twice, is converted once and kept.
#include "model/learn/product.h"
#include "model/math/bf16.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"
#include "model/net/arena.h"

#include <stdlib.h>
#include <string.h>

enum {
    STRETCH = 64,     // tokens of an item when tokens are shared out
    COLUMN_STEP = 16, // float32: columns are shared out in multiples of this
    LOSS_TOKENS = 128 // tokens the head is multiplied with at a time, at most
};

// A member's own: a stretch of converted weights, and the panel made of it.
typedef struct own_memory {
    float *floats;
    uint16_t *panel;
} own_memory;

struct product_memory {
    const bf16_ops *bf16; // NULL: float32
    // float32
    float *converted, *head; // one frozen matrix as floats; the head's
    // bf16
    uint16_t *left;                         // (N, width)
    uint16_t *head_forward, *head_backward; // panels
    int left_width;
    own_memory own[TEAM_MAX];
    bool head_ready, head_back_ready;
    char *arena;
    size_t arena_bytes;
};

static size_t padded(int n, int to) {
    return (size_t)((n + to - 1) / to * to);
}

static size_t panel_size(int k) {
    return padded(k, 2) * BF16_COLUMNS;
}

// ---- memory ----

static void cut_arena(product_memory *m, const learn_graph *g, size_t tokens, int members, arena *k) {
    const net_config *c = g->config;
    size_t most = 0;
    int widest = c->n_embd;
    for (int i = 0; i < c->n_layers; i++) {
        const learn_layer *y = &g->layers[i];
        const learn_linear *all[] = {&y->qkv[0], &y->qkv[1], &y->qkv[2], &y->out, &y->up[0], &y->up[1], &y->down};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) {
            size_t n = (size_t)all[j]->rows * (size_t)all[j]->cols;
            if (all[j]->base && all[j]->base->type != TENSOR_F32 && n > most) most = n;
            if (all[j]->rows > widest) widest = all[j]->rows;
            if (all[j]->cols > widest) widest = all[j]->cols;
        }
    }
    size_t vocab = (size_t)c->n_vocab, d = (size_t)c->n_embd;
    if (!m->bf16) {
        m->converted = arena_cut(k, most, sizeof(float));
        m->head = arena_cut(k, g->head.base && g->head.base->type != TENSOR_F32 ? vocab * d : 0, sizeof(float));
        return;
    }
    size_t left = tokens * padded(widest, 2), logits = LOSS_TOKENS * padded(c->n_vocab, 2);
    m->left = arena_cut(k, left > logits ? left : logits, sizeof(uint16_t));
    m->head_forward =
        arena_cut(k, padded(c->n_vocab, BF16_COLUMNS) / BF16_COLUMNS * panel_size(c->n_embd), sizeof(uint16_t));
    m->head_backward =
        arena_cut(k, padded(c->n_embd, BF16_COLUMNS) / BF16_COLUMNS * panel_size(c->n_vocab), sizeof(uint16_t));
    size_t longest = (size_t)(widest > c->n_vocab ? widest : c->n_vocab);
    for (int i = 0; i < members; i++) {
        m->own[i].floats = arena_cut(k, longest * BF16_COLUMNS, sizeof(float));
        m->own[i].panel = arena_cut(k, panel_size(widest > (int)tokens ? widest : (int)tokens), sizeof(uint16_t));
    }
}

product_memory *product_memory_open(const learn_graph *g, int max_tokens, bool float32, team *team, error *err) {
    product_memory *m = mem_calloc(1, sizeof *m);
    m->bf16 = float32 ? NULL : bf16_get();
    arena count = {0};
    cut_arena(m, g, (size_t)max_tokens, team_size(team), &count);
    m->arena_bytes = count.used;
    m->arena = mem_alloc_big(m->arena_bytes);
    if (!m->arena) {
        error_set(err, "no memory for %zu MB of converted weights", m->arena_bytes >> 20);
        product_memory_close(m);
        return NULL;
    }
    cut_arena(m, g, (size_t)max_tokens, team_size(team), &(arena){.base = m->arena});
    return m;
}

void product_memory_close(product_memory *m) {
    if (!m) return;
    mem_free_big(m->arena, m->arena_bytes);
    free(m);
}

// ---- shares ----

// A stretch of tokens within one row.
typedef struct stretch {
    int token, n;
} stretch;

// The members take stretches in turn; *item starts at the member's rank.
static bool next_stretch(const product *p, int *item, stretch *s) {
    int each = (p->len + STRETCH - 1) / STRETCH, i = *item;
    if (i >= each * p->rows) return false;
    int start = i % each * STRETCH;
    *s = (stretch){i / each * p->len + start, p->len - start < STRETCH ? p->len - start : STRETCH};
    *item += p->size;
    return true;
}

// A member's share of n columns, cut at multiples of step.
static void column_share(const product *p, int n, int step, int *first, int *last) {
    team_share((n + step - 1) / step, p->rank, p->size, first, last);
    *first *= step;
    *last = *last * step < n ? *last * step : n;
}

// ---- frozen weights as floats ----

// Rows [first, first + n) as floats, cols apart. first is a multiple of 16.
static void read_rows(const product_weights *w, int first, int n, float *out) {
    size_t cols = (size_t)w->cols;
    if (w->floats) {
        memcpy(out, w->floats + (size_t)first * cols, (size_t)n * cols * sizeof *out);
    } else if (w->base->data) {
        const char *from = (const char *)w->base->data + (size_t)first * tensor_row_bytes(w->base->type, w->cols);
        quant_dequantize(w->base->type, from, 0, (int64_t)n * w->cols, out);
    } else {
        const pack *from = &w->base->packed;
        for (int r = 0; r < n; r += PACK_ROWS) {
            float *to = out + (size_t)r * cols;
            if (n - r >= PACK_ROWS)
                kernels_get()->dequantize(from, (first + r) / PACK_ROWS, 0, from->n_units, to, cols);
            else
                for (int i = r; i < n; i++) pack_row(from, first + i, out + (size_t)i * cols);
        }
    }
}

// Columns [first, first + n) of every row as floats, BF16_COLUMNS apart. first is a multiple of 32.
static void read_columns(const product_weights *w, int first, int n, float *out) {
    size_t cols = (size_t)w->cols;
    for (int r = 0; r < w->rows;) {
        float *to = out + (size_t)r * BF16_COLUMNS;
        if (w->floats) {
            memcpy(to, w->floats + (size_t)r * cols + first, (size_t)n * sizeof *to);
            r++;
        } else if (w->base->data) {
            const char *from = (const char *)w->base->data + (size_t)r * tensor_row_bytes(w->base->type, w->cols);
            quant_dequantize(w->base->type, from, first, n, to);
            r++;
        } else { // a last block's missing rows are zeros, and there is room for them
            kernels_get()->dequantize(&w->base->packed, r / PACK_ROWS, first / QUANT_UNIT, 1, to, BF16_COLUMNS);
            r += PACK_ROWS;
        }
    }
}

// W (rows, cols) as floats, whole for every member.
static const float *floats_of(const product *p, const product_weights *w) {
    product_memory *m = p->memory;
    if (w->floats) return w->floats;
    if (w->base->type == TENSOR_F32) return w->base->data;
    float *out = w->keep ? m->head : m->converted;
    bool ready = w->keep && m->head_ready;
    team_barrier(p->team); // all have read it before one of them sets it; and nobody reads the last matrix any more
    if (ready) return out;
    int first, last;
    column_share(p, w->rows, PACK_ROWS, &first, &last);
    if (first < last) read_rows(w, first, last - first, out + (size_t)first * (size_t)w->cols);
    if (w->keep && p->rank == 0) m->head_ready = true;
    team_barrier(p->team);
    return out;
}

// ---- float32 ----

static void forward_f32(const product *p, const product_weights *w, const float *wf, const float *x, float *y, int ld,
                        bool add) {
    size_t cols = (size_t)w->cols;
    float beta = add ? 1 : 0;
    int first, last;
    column_share(p, w->rows, COLUMN_STEP, &first, &last);
    if (w->rows >= 4 * COLUMN_STEP) {
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

static void backward_f32(const product *p, const product_weights *w, const float *wf, const float *dy, int ld,
                         float *dx) {
    size_t cols = (size_t)w->cols;
    stretch s;
    for (int item = p->rank; next_stretch(p, &item, &s);)
        blas_sgemm(false, false, s.n, w->cols, w->rows, 1, dy + (size_t)s.token * (size_t)ld, (size_t)ld, wf, cols, 1,
                   dx + (size_t)s.token * cols, cols);
    team_barrier(p->team);
}

static void gradient_f32(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    bool by_rows = rows >= cols;
    int first, last;
    column_share(p, by_rows ? rows : cols, COLUMN_STEP, &first, &last);
    for (int r = 0; r < p->rows && first < last; r++) {
        size_t token = (size_t)r * (size_t)p->len;
        const float *dy_row = dy + token * (size_t)ld, *x_row = x + token * (size_t)cols;
        if (by_rows)
            blas_sgemm(true, false, last - first, cols, p->len, 1, dy_row + first, (size_t)ld, x_row, (size_t)cols, 1,
                       grad + (size_t)first * (size_t)cols, (size_t)cols);
        else
            blas_sgemm(true, false, rows, last - first, p->len, 1, dy_row, (size_t)ld, x_row + first, (size_t)cols, 1,
                       grad + first, (size_t)cols);
    }
    team_barrier(p->team);
}

// ---- bf16 ----

void product_left(const product *p, const float *x, int ld, int width) {
    product_memory *m = p->memory;
    if (!m->bf16) return;
    int first, last, even = (int)padded(width, 2);
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    if (even == width) {
        m->bf16->round_rows(x + (size_t)first * (size_t)ld, (size_t)ld, last - first, width,
                            m->left + (size_t)first * (size_t)even);
    } else { // an odd width is padded with a zero
        for (int t = first; t < last; t++) {
            uint16_t *row = m->left + (size_t)t * (size_t)even;
            m->bf16->round_rows(x + (size_t)t * (size_t)ld, (size_t)ld, 1, width, row);
            row[width] = 0;
        }
    }
    if (p->rank == 0) m->left_width = even;
    team_barrier(p->team);
}

// Panel `index` of W^T (forward: 32 rows of W) or of W (backward: 32 columns), made here or kept from before.
static const uint16_t *panel_of(const product *p, const product_weights *w, int index, bool back) {
    product_memory *m = p->memory;
    own_memory *own = &m->own[p->rank];
    int first = index * BF16_COLUMNS, all = back ? w->cols : w->rows, k = back ? w->rows : w->cols;
    int n = all - first < BF16_COLUMNS ? all - first : BF16_COLUMNS;
    uint16_t *panel = own->panel;
    if (w->keep) {
        panel = (back ? m->head_backward : m->head_forward) + (size_t)index * panel_size(k);
        if (back ? m->head_back_ready : m->head_ready) return panel;
    }
    if (back) {
        const float *from = w->floats ? w->floats + first : own->floats;
        if (!w->floats) read_columns(w, first, n, own->floats);
        m->bf16->panel(from, w->floats ? (size_t)w->cols : BF16_COLUMNS, k, n, panel);
    } else {
        const float *from = w->floats ? w->floats + (size_t)first * (size_t)w->cols : own->floats;
        if (!w->floats) read_rows(w, first, n, own->floats);
        m->bf16->panel_transposed(from, (size_t)w->cols, k, n, panel);
    }
    return panel;
}

// out (N, ld) = left * panels of w.
static void multiply_bf16(const product *p, const product_weights *w, bool back, float *out, int ld, bool add) {
    product_memory *m = p->memory;
    int all = back ? w->cols : w->rows, k = (int)padded(back ? w->rows : w->cols, 2),
        n_panels = (all + BF16_COLUMNS - 1) / BF16_COLUMNS;
    size_t pairs = (size_t)m->left_width / 2;
    if (n_panels >= 2 * p->size) {
        int first, last;
        team_share(n_panels, p->rank, p->size, &first, &last);
        for (int i = first; i < last; i++) {
            int column = i * BF16_COLUMNS, n = all - column < BF16_COLUMNS ? all - column : BF16_COLUMNS;
            m->bf16->multiply(p->rows * p->len, n, k, (bf16_left){m->left, pairs, 1}, panel_of(p, w, i, back), add,
                              out + column, (size_t)ld);
        }
    } else {
        for (int i = 0; i < n_panels; i++) {
            int column = i * BF16_COLUMNS, n = all - column < BF16_COLUMNS ? all - column : BF16_COLUMNS;
            const uint16_t *panel = panel_of(p, w, i, back);
            stretch s;
            for (int item = p->rank; next_stretch(p, &item, &s);)
                m->bf16->multiply(s.n, n, k, (bf16_left){m->left + 2 * pairs * (size_t)s.token, pairs, 1}, panel, add,
                                  out + (size_t)s.token * (size_t)ld + column, (size_t)ld);
        }
    }
    team_barrier(p->team);
    if (w->keep && p->rank == 0) *(back ? &m->head_back_ready : &m->head_ready) = true;
}

// grad += dy^T x: the left factor is dy with neighbouring tokens paired, the panels are columns of x.
static void gradient_bf16(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    product_memory *m = p->memory;
    int first, last, n_panels = (cols + BF16_COLUMNS - 1) / BF16_COLUMNS;
    for (int r = 0; r < p->rows; r++) {
        size_t token = (size_t)r * (size_t)p->len;
        team_share((p->len + 1) / 2, p->rank, p->size, &first, &last);
        int count = last * 2 < p->len ? (last - first) * 2 : p->len - first * 2;
        if (first < last)
            m->bf16->pair_rows(dy + (token + 2 * (size_t)first) * (size_t)ld, (size_t)ld, count, rows,
                               m->left + 2 * (size_t)first * (size_t)rows);
        team_barrier(p->team);
        team_share(n_panels, p->rank, p->size, &first, &last);
        for (int i = first; i < last; i++) {
            int column = i * BF16_COLUMNS, n = cols - column < BF16_COLUMNS ? cols - column : BF16_COLUMNS;
            m->bf16->panel(x + token * (size_t)cols + column, (size_t)cols, p->len, n, m->own[p->rank].panel);
            m->bf16->multiply(rows, n, (int)padded(p->len, 2), (bf16_left){m->left, 1, (size_t)rows},
                              m->own[p->rank].panel, true, grad + column, (size_t)cols);
        }
        team_barrier(p->team);
    }
}

// ---- the choice ----

void product_forward(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add) {
    if (p->memory->bf16)
        multiply_bf16(p, w, false, y, ld, add);
    else
        forward_f32(p, w, floats_of(p, w), x, y, ld, add);
}

void product_backward(const product *p, const product_weights *w, const float *dy, int ld, float *dx) {
    if (p->memory->bf16)
        multiply_bf16(p, w, true, dx, w->cols, true);
    else
        backward_f32(p, w, floats_of(p, w), dy, ld, dx);
}

void product_forward_narrow(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add) {
    forward_f32(p, w, w->floats, x, y, ld, add);
}

void product_backward_narrow(const product *p, const product_weights *w, const float *dy, int ld, float *dx) {
    backward_f32(p, w, w->floats, dy, ld, dx);
}

void product_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    if (p->memory->bf16 && rows >= BF16_COLUMNS && cols >= 2 * BF16_COLUMNS)
        gradient_bf16(p, dy, ld, rows, x, cols, grad);
    else
        gradient_f32(p, dy, ld, rows, x, cols, grad);
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
