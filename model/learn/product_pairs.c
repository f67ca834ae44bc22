// Products in 16-bit floats: the left factor in pairs, the right one in panels of 32 columns (pairs.h).
#include "model/learn/product_impl.h"

#include <string.h>

// Rows of a gradient that are worked on at once: their part of it stays in the nearest cache from row of tokens to row.
enum { GRADIENT_ROWS = 8 * PAIRS_ROWS };

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t panels(int n) {
    return padded(n, PAIRS_COLUMNS) / PAIRS_COLUMNS;
}

void product_pairs_cut(product_memory *m, const learn_graph *g, int max_rows, int max_len, int members, arena *k) {
    const net_config *c = g->config;
    size_t row_tokens = padded(max_len, 2), tokens = (size_t)max_rows * row_tokens, vocab = padded(c->n_vocab, 2);
    size_t loss = (size_t)product_loss_tokens(c), rows = (size_t)max_rows, widest = padded(m->widest, 2);
    m->left = arena_cut(k, larger(tokens * widest, loss * vocab), sizeof(uint16_t));
    // Of tokens, or of columns for each row of tokens.
    m->left_scale = arena_cut(k, larger(larger(tokens, rows * widest), larger(rows * vocab, loss)), sizeof(float));
    bool frozen = g->head.base != NULL;
    m->head_forward = arena_cut(k, frozen ? panels(c->n_vocab) * pairs_panel_size(c->n_embd) : 0, sizeof(uint16_t));
    m->head_backward = arena_cut(k, frozen ? panels(c->n_embd) * pairs_panel_size(c->n_vocab) : 0, sizeof(uint16_t));
    size_t panel = larger(larger(pairs_panel_size(m->widest), rows * pairs_panel_size(max_len)),
                          larger(frozen ? 0 : pairs_panel_size(c->n_vocab), pairs_panel_size((int)loss)));
    for (int i = 0; i < members; i++) m->own[i].panel = arena_cut(k, panel, sizeof(uint16_t));
}

void product_pairs_left(const product *p, const float *x, int ld, int width) {
    product_memory *m = p->memory;
    int first, last, even = (int)padded(width, 2);
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    m->pairs->rows(x + (size_t)first * (size_t)ld, (size_t)ld, last - first, width,
                   m->left + (size_t)first * (size_t)even, m->left_scale + first);
    if (p->rank == 0) m->left_width = even;
    team_barrier(p->team);
}

// Panel `index` of W^T (forward: 32 rows of W) or of W (backward: 32 columns), made here or kept from before.
static const uint16_t *panel_of(const product *p, const product_weights *w, int index, bool back) {
    product_memory *m = p->memory;
    own_memory *own = &m->own[p->rank];
    int first = index * PAIRS_COLUMNS, all = back ? w->cols : w->rows, k = back ? w->rows : w->cols;
    int n = all - first < PAIRS_COLUMNS ? all - first : PAIRS_COLUMNS;
    uint16_t *panel = own->panel;
    if (w->keep) {
        panel = (back ? m->head_backward : m->head_forward) + (size_t)index * pairs_panel_size(k);
        if (back ? m->head_back_ready : m->head_ready) return panel;
    }
    if (back) {
        const float *from = w->floats ? w->floats + first : own->floats;
        if (!w->floats) product_read_columns(w, first, n, own->floats);
        m->pairs->panel(from, w->floats ? (size_t)w->cols : PAIRS_COLUMNS, k, n, panel);
    } else {
        const float *from = w->floats ? w->floats + (size_t)first * (size_t)w->cols : own->floats;
        if (!w->floats) product_read_rows(w, first, n, own->floats);
        m->pairs->panel_transposed(from, (size_t)w->cols, k, n, panel);
    }
    return panel;
}

// One panel's columns of out (N, ld), for n tokens.
static void multiply_panel(const product *p, const uint16_t *panel, bool back, int column, int columns, int k,
                           int token, int n, const product_low *low, bool add, float *out, int ld) {
    product_memory *m = p->memory;
    size_t width = (size_t)m->left_width, at = (size_t)token;
    float *to = out + at * (size_t)ld + column;
    pairs_left left = {m->left + at * width, width / 2, 1, m->left_scale + token};
    m->pairs->multiply(n, columns, k, left, panel, add, to, (size_t)ld);
    if (low) product_add_low(p, low, back, column, columns, token, n, to, ld);
}

// out (N, ld) = left * panels of w.
void product_pairs_multiply(const product *p, const product_weights *w, bool back, const product_low *low, float *out,
                            int ld, bool add) {
    product_memory *m = p->memory;
    int all = back ? w->cols : w->rows, k = (int)padded(back ? w->rows : w->cols, 2), n_panels = (int)panels(all);
    bool by_panels = n_panels >= 2 * p->size;
    int first = 0, last = n_panels;
    if (by_panels) team_share(n_panels, p->rank, p->size, &first, &last);
    for (int i = first; i < last; i++) {
        int column = i * PAIRS_COLUMNS, n = all - column < PAIRS_COLUMNS ? all - column : PAIRS_COLUMNS;
        const uint16_t *panel = panel_of(p, w, i, back);
        if (by_panels) {
            multiply_panel(p, panel, back, column, n, k, 0, p->rows * p->len, low, add, out, ld);
            continue;
        }
        stretch s;
        for (int item = p->rank; product_next_stretch(p, &item, &s);)
            multiply_panel(p, panel, back, column, n, k, s.token, s.n, low, add, out, ld);
    }
    team_barrier(p->team);
    if (w->keep && p->rank == 0) *(back ? &m->head_back_ready : &m->head_ready) = true;
}

// Columns [column, column + n) of the gradient, for all rows of tokens.
static void gradient_panel(const product *p, int rows, const float *x, int cols, int column, int n, float *grad) {
    product_memory *m = p->memory;
    size_t size = pairs_panel_size(p->len), even = padded(p->len, 2), d = (size_t)cols;
    uint16_t *panel = m->own[p->rank].panel;
    for (int r = 0; r < p->rows; r++)
        m->pairs->panel(x + (size_t)r * (size_t)p->len * d + column, d, p->len, n, panel + (size_t)r * size);
    for (int i = 0; i < rows; i += GRADIENT_ROWS) {
        int count = rows - i < GRADIENT_ROWS ? rows - i : GRADIENT_ROWS;
        for (int r = 0; r < p->rows; r++) {
            pairs_left left = {m->left + ((size_t)r * even * (size_t)rows + 2 * (size_t)i), 1, (size_t)rows,
                               m->left_scale + (size_t)r * (size_t)rows + i};
            m->pairs->multiply(count, n, (int)even, left, panel + (size_t)r * size, true, grad + (size_t)i * d + column,
                               d);
        }
    }
}

// grad += dy^T x: the left factor is dy with neighbouring tokens paired, the panels are columns of x.
void product_pairs_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols,
                            float *grad) {
    product_memory *m = p->memory;
    size_t even = padded(p->len, 2);
    int first, last;
    team_share((rows + COLUMN_STEP - 1) / COLUMN_STEP, p->rank, p->size, &first, &last);
    first *= COLUMN_STEP;
    last = last * COLUMN_STEP < rows ? last * COLUMN_STEP : rows;
    for (int r = 0; r < p->rows && first < last; r++)
        m->pairs->columns(dy + (size_t)r * (size_t)p->len * (size_t)ld + first, (size_t)ld, p->len, last - first,
                          (size_t)rows, m->left + (size_t)r * even * (size_t)rows + 2 * (size_t)first,
                          m->left_scale + (size_t)r * (size_t)rows + first);
    team_barrier(p->team);
    team_share((int)panels(cols), p->rank, p->size, &first, &last);
    for (int i = first; i < last; i++) {
        int column = i * PAIRS_COLUMNS, n = cols - column < PAIRS_COLUMNS ? cols - column : PAIRS_COLUMNS;
        gradient_panel(p, rows, x, cols, column, n, grad);
    }
    team_barrier(p->team);
}
