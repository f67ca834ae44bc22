// Products in bf16: the left factor rounded, the right one in panels of 32 columns (bf16.h).
#include "model/learn/product_impl.h"

static size_t panel_size(int k) {
    return padded(k, 2) * BF16_COLUMNS;
}

void product_bf16_cut(product_memory *m, const learn_graph *g, int widest, size_t tokens, int members, arena *k) {
    const net_config *c = g->config;
    size_t left = tokens * padded(widest, 2), logits = LOSS_TOKENS * padded(c->n_vocab, 2);
    m->left = arena_cut(k, left > logits ? left : logits, sizeof(uint16_t));
    m->head_forward =
        arena_cut(k, padded(c->n_vocab, BF16_COLUMNS) / BF16_COLUMNS * panel_size(c->n_embd), sizeof(uint16_t));
    m->head_backward =
        arena_cut(k, padded(c->n_embd, BF16_COLUMNS) / BF16_COLUMNS * panel_size(c->n_vocab), sizeof(uint16_t));
    for (int i = 0; i < members; i++)
        m->own[i].panel = arena_cut(k, panel_size(widest > (int)tokens ? widest : (int)tokens), sizeof(uint16_t));
}

void product_bf16_left(const product *p, const float *x, int ld, int width) {
    product_memory *m = p->memory;
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
        if (!w->floats) product_read_columns(w, first, n, own->floats);
        m->bf16->panel(from, w->floats ? (size_t)w->cols : BF16_COLUMNS, k, n, panel);
    } else {
        const float *from = w->floats ? w->floats + (size_t)first * (size_t)w->cols : own->floats;
        if (!w->floats) product_read_rows(w, first, n, own->floats);
        m->bf16->panel_transposed(from, (size_t)w->cols, k, n, panel);
    }
    return panel;
}

// out (N, ld) = left * panels of w.
void product_bf16_multiply(const product *p, const product_weights *w, bool back, float *out, int ld, bool add) {
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
            for (int item = p->rank; product_next_stretch(p, &item, &s);)
                m->bf16->multiply(s.n, n, k, (bf16_left){m->left + 2 * pairs * (size_t)s.token, pairs, 1}, panel, add,
                                  out + (size_t)s.token * (size_t)ld + column, (size_t)ld);
        }
    }
    team_barrier(p->team);
    if (w->keep && p->rank == 0) *(back ? &m->head_back_ready : &m->head_ready) = true;
}

// grad += dy^T x: the left factor is dy with neighbouring tokens paired, the panels are columns of x.
void product_bf16_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
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
