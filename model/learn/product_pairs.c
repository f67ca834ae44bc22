// Products in 16-bit floats: the left factor in pairs, the right one in panels of 32 columns (pairs.h).
#include "model/learn/product_impl.h"

#include <string.h>

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t panels(int n) {
    return padded(n, PAIRS_COLUMNS) / PAIRS_COLUMNS;
}

// What the panels of a matrix (rows, cols) take in either direction where they are few; 0 where they are many.
static size_t few_of(int rows, int cols, int members) {
    size_t most = 2 * (size_t)members - 1, forward = panels(rows), back = panels(cols);
    return larger(forward <= most ? forward * pairs_panel_size(cols) : 0,
                  back <= most ? back * pairs_panel_size(rows) : 0);
}

static size_t few_panels(const learn_graph *g, int members) {
    const net_config *c = g->config;
    size_t most = g->head.base ? 0 : few_of(c->n_vocab, c->n_embd, members);
    for (int i = 0; i < c->n_layers; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&g->layers[i], all);
        for (int j = 0; j < LEARN_LINEARS; j++) most = larger(most, few_of(all[j]->rows, all[j]->cols, members));
    }
    return most;
}

void product_pairs_cut(product_memory *m, const learn_graph *g, int max_rows, int max_len, int members, arena *k) {
    const net_config *c = g->config;
    size_t row_tokens = padded(max_len, 2), tokens = (size_t)max_rows * row_tokens, vocab = padded(c->n_vocab, 2);
    size_t loss = (size_t)product_loss_tokens(c), rows = (size_t)max_rows, widest = padded(m->widest, 2);
    m->left = arena_cut(k, larger(tokens * widest, loss * vocab), sizeof(uint16_t));
    // Of tokens, or of columns for each row of tokens.
    m->left_scale = arena_cut(k, larger(larger(tokens, rows * widest), larger(rows * vocab, loss)), sizeof(float));
    bool frozen = g->head.base != NULL;
    m->head_forward = arena_cut(k, frozen && !m->all_integers ? panels(c->n_vocab) * pairs_panel_size(c->n_embd) : 0,
                                sizeof(uint16_t));
    m->head_backward = arena_cut(k, frozen ? panels(c->n_embd) * pairs_panel_size(c->n_vocab) : 0, sizeof(uint16_t));
    size_t panel = larger(larger(pairs_panel_size(m->widest), rows * pairs_panel_size(max_len)),
                          larger(frozen ? 0 : pairs_panel_size(c->n_vocab), pairs_panel_size((int)loss)));
    for (int i = 0; i < members; i++) m->own[i].panel = arena_cut(k, panel, sizeof(uint16_t));
    m->few = arena_cut(k, few_panels(g, members), sizeof(uint16_t));
}

void product_pairs_left(const product *p, const float *x, int ld, int width) {
    product_memory *m = p->memory;
    int first, last, even = (int)padded(width, 2);
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    m->pairs->rows(x + (size_t)first * (size_t)ld, (size_t)ld, last - first, width,
                   m->left + (size_t)first * (size_t)even, m->left_scale + first);
    if (p->rank == 0) m->left_width = even;
    product_wait(p);
}

void product_pairs_panel(const product *p, const product_weights *w, int index, bool back, uint16_t *panel) {
    product_memory *m = p->memory;
    float *own = m->own[p->rank].floats;
    int first = index * PAIRS_COLUMNS, all = back ? w->cols : w->rows, k = back ? w->rows : w->cols;
    int n = all - first < PAIRS_COLUMNS ? all - first : PAIRS_COLUMNS;
    if (back) {
        const float *from = w->floats ? w->floats + first : own;
        if (!w->floats) product_read_columns(w, first, n, own);
        m->pairs->panel(from, w->floats ? (size_t)w->cols : PAIRS_COLUMNS, k, n, panel);
    } else {
        const float *from = w->floats ? w->floats + (size_t)first * (size_t)w->cols : own;
        if (!w->floats) product_read_rows(w, first, n, own);
        m->pairs->panel_transposed(from, (size_t)w->cols, k, n, panel);
    }
}

// One panel's columns of out (N, ld), for n tokens.
static void multiply_panel(const product *p, const uint16_t *panel, const product_weights *w, int index, bool back,
                           stretch s, const product_low *low, bool add, float *out, int ld) {
    product_memory *m = p->memory;
    int all = back ? w->cols : w->rows, k = (int)padded(back ? w->rows : w->cols, 2), column = index * PAIRS_COLUMNS;
    int columns = all - column < PAIRS_COLUMNS ? all - column : PAIRS_COLUMNS;
    size_t width = (size_t)m->left_width, at = (size_t)s.token;
    float *to = out + at * (size_t)ld + column;
    pairs_left left = {m->left + at * width, width / 2, 1, m->left_scale + s.token};
    m->pairs->multiply(s.n, columns, k, left, panel, add, to, (size_t)ld);
    if (low) product_add_low(p, low, back, column, columns, s.token, s.n, to, ld);
}

// out (N, ld) = left * panels of w, made before or needed for nothing else but this. Where there are many panels, each
// member makes and uses its own; where there are few, all are made first and the tokens shared out.
void product_pairs_multiply(const product *p, const product_weights *w, bool back, const product_low *low, float *out,
                            int ld, bool add) {
    product_memory *m = p->memory;
    int n_panels = (int)panels(back ? w->cols : w->rows), first, last;
    size_t size = pairs_panel_size(back ? w->rows : w->cols);
    uint16_t *kept = !w->keep ? NULL : back ? m->head_backward : m->head_forward;
    bool *ready = back ? &m->head_back_ready : &m->head_ready;
    const uint16_t *made = back ? w->panels_backward : w->panels;
    if (kept && *ready) made = kept;
    if (n_panels >= 2 * p->size) {
        team_share(n_panels, p->rank, p->size, &first, &last);
        for (int i = first; i < last; i++) {
            uint16_t *panel = kept ? kept + (size_t)i * size : m->own[p->rank].panel;
            if (!made) product_pairs_panel(p, w, i, back, panel);
            multiply_panel(p, made ? made + (size_t)i * size : panel, w, i, back, (stretch){0, p->rows * p->len}, low,
                           add, out, ld);
        }
    } else {
        uint16_t *all = kept ? kept : m->few;
        for (int i = p->rank; !made && i < n_panels; i += p->size)
            product_pairs_panel(p, w, i, back, all + (size_t)i * size);
        product_wait(p);
        if (!made) made = all;
        for (int i = 0; i < n_panels; i++) {
            stretch s;
            for (int item = p->rank; product_next_stretch(p, &item, &s);)
                multiply_panel(p, made + (size_t)i * size, w, i, back, s, low, add, out, ld);
        }
    }
    product_wait(p);
    if (kept && p->rank == 0) *ready = true;
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
    product_wait(p);
    team_share((int)panels(cols), p->rank, p->size, &first, &last);
    for (int i = first; i < last; i++) {
        int column = i * PAIRS_COLUMNS, n = cols - column < PAIRS_COLUMNS ? cols - column : PAIRS_COLUMNS;
        gradient_panel(p, rows, x, cols, column, n, grad);
    }
    product_wait(p);
}
