// Products in 16-bit floats: the left factor in pairs, the right one in panels of 32 columns (pairs.h).
#include "model/learn/product_impl.h"

#include <string.h>

// Both factors are worked on in blocks, so that what meets again and again stays in the second cache: BLOCK_ROWS rows of
// the left factor, and of the right one as many panels as fit into GROUP_NUMBERS. The way back through tall matrices, the
// head above all, takes DEPTH of their rows at a time: each stretch has panels of its own.
enum { BLOCK_ROWS = 8 * PAIRS_ROWS, DEPTH = 8 * PAIRS_CHAIN, GROUP_NUMBERS = 1 << 18 };

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t panels(int n) {
    return padded(n, PAIRS_COLUMNS) / PAIRS_COLUMNS;
}

right_factor product_right(int rows, int cols, bool back) {
    right_factor f = {.k = back ? rows : cols, .n = back ? cols : rows};
    f.depth = back && f.k > DEPTH ? DEPTH : f.k;
    f.stretches = back ? (f.k + DEPTH - 1) / DEPTH : 1;
    f.n_panels = (int)panels(f.n);
    f.size = pairs_panel_size(f.depth);
    return f;
}

size_t product_right_size(const right_factor *f) {
    return (size_t)f->stretches * (size_t)f->n_panels * f->size;
}

// Panels of so many outputs are made by all members together.
static bool is_few(const right_factor *f, int members) {
    return f->n_panels < 2 * members;
}

static size_t few_of(int rows, int cols, int members) {
    right_factor to = product_right(rows, cols, false), back = product_right(rows, cols, true);
    return larger(is_few(&to, members) ? product_right_size(&to) : 0,
                  is_few(&back, members) ? product_right_size(&back) : 0);
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

// The panels of all inputs of a matrix that learns, for its gradient: those of every row of tokens.
static size_t gradient_panels(const learn_graph *g, int max_rows, int max_len, int loss_tokens) {
    size_t most = g->head.w ? panels(g->config->n_embd) * PAIRS_COLUMNS * 2 * (size_t)(loss_tokens + 2) : 0;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&g->layers[i], all);
        for (int j = 0; j < LEARN_LINEARS; j++)
            if (all[j]->w) most = larger(most, panels(all[j]->cols) * (size_t)max_rows * pairs_panel_size(max_len));
    }
    return most;
}

void product_pairs_cut(product_memory *m, const learn_graph *g, int max_rows, int max_len, int members, arena *k) {
    const net_config *c = g->config;
    size_t row_tokens = padded(max_len, 2), tokens = (size_t)max_rows * row_tokens, vocab = padded(c->n_vocab, 2);
    size_t loss = (size_t)product_loss_tokens(g), rows = (size_t)max_rows, widest = padded(m->widest, 2);
    right_factor head = product_right(c->n_vocab, c->n_embd, false),
                 head_back = product_right(c->n_vocab, c->n_embd, true);
    m->left = arena_cut(k, larger(tokens * widest, loss * vocab), sizeof(uint16_t));
    // Of tokens, or of columns for each row of tokens.
    m->left_scale = arena_cut(k, larger(larger(tokens, rows * widest), larger(rows * vocab, loss)), sizeof(float));
    bool frozen = g->head.base != NULL;
    m->head_forward = arena_cut(k, frozen && !m->all_integers ? product_right_size(&head) : 0, sizeof(uint16_t));
    m->head_backward = arena_cut(k, frozen ? product_right_size(&head_back) : 0, sizeof(uint16_t));
    size_t group = larger(GROUP_NUMBERS, pairs_panel_size(m->widest));
    for (int i = 0; i < members; i++) m->own[i].panels = arena_cut(k, group, sizeof(uint16_t));
    m->few = arena_cut(k, few_panels(g, members), sizeof(uint16_t));
    m->inputs = arena_cut(k, gradient_panels(g, max_rows, max_len, (int)loss), sizeof(uint16_t));
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

void product_pairs_panel(const product *p, const product_weights *w, const right_factor *f, int index, bool back,
                         uint16_t *panel) {
    product_memory *m = p->memory;
    float *own = m->own[p->rank].floats;
    int first = index % f->n_panels * PAIRS_COLUMNS, n = f->n - first < PAIRS_COLUMNS ? f->n - first : PAIRS_COLUMNS;
    size_t cols = (size_t)w->cols;
    if (back) {
        int row = index / f->n_panels * f->depth, k = f->k - row < f->depth ? f->k - row : f->depth;
        if (!w->floats) product_read_columns(w, row, k, first, n, own);
        m->pairs->panels(w->floats ? w->floats + (size_t)row * cols + first : own, w->floats ? cols : PAIRS_COLUMNS, k,
                         n, f->size, panel);
    } else {
        if (!w->floats) product_read_rows(w, first, n, own);
        m->pairs->panel_transposed(w->floats ? w->floats + (size_t)first * cols : own, cols, f->k, n, panel);
    }
}

// Panel `index`'s part of out (N, ld), for n tokens from `token` on; what the adapter adds comes with the last stretch.
static void multiply_panel(const product *p, const right_factor *f, bool back, const uint16_t *panel, int index,
                           int token, int n, const product_low *low, bool add, float *out, int ld) {
    product_memory *m = p->memory;
    int stretch = index / f->n_panels, column = index % f->n_panels * PAIRS_COLUMNS;
    int columns = f->n - column < PAIRS_COLUMNS ? f->n - column : PAIRS_COLUMNS;
    int from = stretch * f->depth, k = f->k - from < f->depth ? f->k - from : f->depth;
    size_t width = (size_t)m->left_width, at = (size_t)token;
    float *to = out + at * (size_t)ld + column;
    pairs_left left = {m->left + at * width + from, width / 2, 1, m->left_scale + token};
    m->pairs->multiply(n, columns, (int)padded(k, 2), left, panel, add || stretch > 0, to, (size_t)ld);
    if (low && stretch == f->stretches - 1) product_add_low(p, low, back, column, columns, token, n, to, ld);
}

// Panels that the caller has, those from `index` on, with all tokens.
static void multiply_group(const product *p, const right_factor *f, bool back, const uint16_t *group, int index, int n,
                           const product_low *low, bool add, float *out, int ld) {
    int tokens = p->rows * p->len;
    for (int t = 0; t < tokens; t += BLOCK_ROWS)
        for (int i = 0; i < n; i++)
            multiply_panel(p, f, back, group + (size_t)i * f->size, index + i, t,
                           tokens - t < BLOCK_ROWS ? tokens - t : BLOCK_ROWS, low, add, out, ld);
}

// Each member makes and uses panels of its own, unless there are `made` ones; they may be kept.
static void multiply_many(const product *p, const product_weights *w, const right_factor *f, bool back,
                          const uint16_t *made, uint16_t *kept, const product_low *low, float *out, int ld, bool add) {
    int first, last, most = f->size < GROUP_NUMBERS ? (int)(GROUP_NUMBERS / f->size) : 1;
    team_share(f->n_panels, p->rank, p->size, &first, &last);
    for (int s = 0; s < f->stretches; s++)
        for (int i = first; i < last; i += most) {
            int n = last - i < most ? last - i : most, index = s * f->n_panels + i;
            uint16_t *own = kept ? kept + (size_t)index * f->size : p->memory->own[p->rank].panels;
            for (int j = 0; !made && j < n; j++)
                product_pairs_panel(p, w, f, index + j, back, own + (size_t)j * f->size);
            multiply_group(p, f, back, made ? made + (size_t)index * f->size : own, index, n, low, add, out, ld);
        }
}

// All panels are made first, by all members, and the tokens shared out.
static void multiply_few(const product *p, const product_weights *w, const right_factor *f, bool back,
                         const uint16_t *made, uint16_t *own, const product_low *low, float *out, int ld, bool add) {
    int n = f->stretches * f->n_panels;
    for (int i = p->rank; !made && i < n; i += p->size)
        product_pairs_panel(p, w, f, i, back, own + (size_t)i * f->size);
    product_wait(p);
    if (!made) made = own;
    for (int i = 0; i < n; i++) {
        stretch s;
        for (int item = -1; product_next_stretch(p, &item, &s);)
            multiply_panel(p, f, back, made + (size_t)i * f->size, i, s.token, s.n, low, add, out, ld);
    }
}

// out (N, ld) = left * panels of w, made before or needed for nothing else but this.
void product_pairs_multiply(const product *p, const product_weights *w, bool back, const product_low *low, float *out,
                            int ld, bool add) {
    product_memory *m = p->memory;
    right_factor f = product_right(w->rows, w->cols, back);
    uint16_t *kept = !w->keep ? NULL : back ? m->head_backward : m->head_forward;
    bool *ready = back ? &m->head_back_ready : &m->head_ready;
    const uint16_t *made = back ? w->panels_backward : w->panels;
    if (kept && *ready) made = kept;
    if (is_few(&f, p->size))
        multiply_few(p, w, &f, back, made, kept ? kept : m->few, low, out, ld, add);
    else
        multiply_many(p, w, &f, back, made, kept, low, out, ld, add);
    product_wait(p);
    if (kept && p->rank == 0) *ready = true;
}

// ---- gradients of weights ----

// Rows of the block that row `row` of a gradient lies in.
static int block_rows(int rows, int row) {
    int left = rows - row / GRADIENT_ROWS * GRADIENT_ROWS;
    return left < GRADIENT_ROWS ? left : GRADIENT_ROWS;
}

// Where the numbers of a row begin.
static size_t turned_at(int len, int row) {
    int in_block = row % GRADIENT_ROWS;
    return padded(len, 2) * (size_t)(row - in_block) + 2 * (size_t)in_block;
}

void product_pairs_turn(const pairs *f, const float *dy, int ld, int len, int rows, int first, int last, uint16_t *out,
                        float *scale) {
    for (int i = first, n; i < last; i += n) {
        int end = i / GRADIENT_ROWS * GRADIENT_ROWS + block_rows(rows, i);
        n = (end < last ? end : last) - i;
        f->columns(dy + i, (size_t)ld, len, n, (size_t)block_rows(rows, i), out + turned_at(len, i), scale + i);
    }
}

pairs_left product_pairs_turned(const uint16_t *numbers, const float *scale, int len, int rows, int first) {
    return (pairs_left){numbers + turned_at(len, first), 1, (size_t)block_rows(rows, first), scale + first};
}

// dy turned; the members take columns.
static void gradient_left(const product *p, const float *dy, int ld, int rows) {
    product_memory *m = p->memory;
    size_t all = padded(p->len, 2) * (size_t)rows;
    int first, last;
    team_share((rows + PACK_ROWS - 1) / PACK_ROWS, p->rank, p->size, &first, &last);
    first *= PACK_ROWS;
    last = last * PACK_ROWS < rows ? last * PACK_ROWS : rows;
    for (size_t r = 0; r < (size_t)p->rows; r++)
        product_pairs_turn(m->pairs, dy + r * (size_t)p->len * (size_t)ld, ld, p->len, rows, first, last,
                           m->left + r * all, m->left_scale + r * (size_t)rows);
}

// Columns of x as panels, for each row of tokens one. The members take panels.
static void gradient_right(const product *p, const float *x, int cols) {
    product_memory *m = p->memory;
    size_t size = pairs_panel_size(p->len), d = (size_t)cols, all = panels(cols);
    int first, last;
    team_share((int)all, p->rank, p->size, &first, &last);
    int column = first * PAIRS_COLUMNS, end = last * PAIRS_COLUMNS < cols ? last * PAIRS_COLUMNS : cols;
    for (size_t r = 0; r < (size_t)p->rows && first < last; r++)
        m->pairs->panels(x + r * (size_t)p->len * d + column, d, p->len, end - column, size,
                         m->inputs + (r * all + (size_t)first) * size);
}

// Rows [first, first + n) of the gradient, of one block: all columns, each for all rows of tokens in order.
static void gradient_block(const product *p, int rows, int first, int n, int cols, float *grad) {
    product_memory *m = p->memory;
    size_t size = pairs_panel_size(p->len), even = padded(p->len, 2), d = (size_t)cols;
    for (int i = 0; i < (int)panels(cols) * p->rows; i++) {
        int column = i / p->rows * PAIRS_COLUMNS,
            columns = cols - column < PAIRS_COLUMNS ? cols - column : PAIRS_COLUMNS;
        size_t r = (size_t)(i % p->rows);
        pairs_left left = product_pairs_turned(m->left + r * even * (size_t)rows, m->left_scale + r * (size_t)rows,
                                               p->len, rows, first);
        m->pairs->multiply(n, columns, (int)even, left, m->inputs + (r * panels(cols) + (size_t)(i / p->rows)) * size,
                           true, grad + (size_t)first * d + column, d);
    }
}

// grad += dy^T x. The members take rows of it, in blocks.
void product_pairs_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols,
                            float *grad) {
    int first, last;
    gradient_left(p, dy, ld, rows);
    gradient_right(p, x, cols);
    product_wait(p);
    team_share((rows + PAIRS_ROWS - 1) / PAIRS_ROWS, p->rank, p->size, &first, &last);
    last = last * PAIRS_ROWS < rows ? last * PAIRS_ROWS : rows;
    for (int i = first * PAIRS_ROWS, n; i < last; i += n) {
        int end = (i / GRADIENT_ROWS + 1) * GRADIENT_ROWS;
        n = (end < last ? end : last) - i;
        gradient_block(p, rows, i, n, cols, grad);
    }
    product_wait(p);
}
