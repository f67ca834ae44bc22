#include "model/learn/linears.h"
#include "model/learn/loops.h"

int linears_ranks(const learn_layer *y) {
    const learn_linear *all[LEARN_LINEARS];
    int sum = 0;
    learn_layer_linears(y, all);
    for (int i = 0; i < LEARN_LINEARS; i++) sum += all[i]->a ? all[i]->a->rows : 0;
    return sum;
}

// Where scale * A x of l's adapter is kept.
static float *low_of(const learn_pass *p, const learn_linear *l, const layer_memory *mem) {
    return mem->low + (size_t)p->options.max_rows * (size_t)p->options.max_len * (size_t)l->ranks_before;
}

// What the adapter of l reads: x, or what dropout leaves of it.
static const float *adapter_input(const member *m, const learn_linear *l, const float *x) {
    learn_pass *p = m->p;
    if (!site_drops(p, p->g->lora_dropout)) return x;
    site_drop_rows(m, SITE_ADAPTERS + l->site, p->g->lora_dropout, x, l->cols, p->dropped, false);
    return p->dropped;
}

static product_weights weights_of(const learn_pass *p, const learn_linear *l) {
    product_weights w = {.base = l->base, .floats = l->w ? l->w->w : NULL, .rows = l->rows, .cols = l->cols};
    if (p->converted) {
        w.panels = p->converted[l->number].forward;
        w.panels_backward = p->converted[l->number].backward;
    }
    return w;
}

void linears_low(const member *m, const learn_linear *l, layer_memory *mem, const float *x) {
    product p = member_product(m);
    product_weights w = weights_of(m->p, l);
    if (!l->a) return;
    const float *input = adapter_input(m, l, x);
    product_narrow(&p, &w, input, input == x, l->a->w, l->a->rows, l->scale, low_of(m->p, l, mem));
}

void linears_forward(const member *m, const learn_linear *l, layer_memory *mem, const float *x, float *y, int ld,
                     bool add) {
    product p = member_product(m);
    product_weights w = weights_of(m->p, l);
    product_low low = {0};
    linears_low(m, l, mem, x);
    if (l->a) low = (product_low){low_of(m->p, l, mem), l->b->w, l->a->rows};
    product_forward(&p, &w, x, l->a ? &low : NULL, y + l->out, ld, add);
    const float *bias = l->bias ? l->bias->w : l->frozen_bias;
    if (!bias) return;
    int first, last;
    member_share(m, m->p->n, &first, &last);
    for (int t = first; t < last; t++) loops_get()->add(y + (size_t)t * (size_t)ld + l->out, bias, l->rows, 1);
    member_wait(m);
}

static void bias_back(const member *m, const learn_linear *l, const float *dy, int ld) {
    if (!l->bias) return;
    int first, last;
    member_share(m, l->rows, &first, &last);
    for (int r = 0; r < m->p->batch->rows; r++)
        loops_get()->add_rows(dy + (size_t)r * (size_t)m->p->batch->len * (size_t)ld + first, (size_t)ld,
                              m->p->batch->len, last - first, vectors_row(m->p, l->bias, r) + first);
}

// The gradient of w, or its factors for later.
static void weights_back(const member *m, const learn_linear *l, const float *x, const float *dy, int ld) {
    const learn_pass *p = m->p;
    product of = member_product(m);
    if (!l->w) return;
    if (!p->factors) {
        product_gradient(&of, dy, ld, l->rows, x, l->cols, l->w->grad);
        return;
    }
    product_mode mode = product_memory_mode(p->products);
    const factors *f = &p->factors[l->number % LEARN_LINEARS];
    for (size_t r = 0, len = (size_t)of.len; r < (size_t)of.rows; r++) {
        product_keep_left(&of, dy + r * len * (size_t)ld, ld, l->rows, l->cols,
                          f->left + r * product_kept_left_size(mode, of.len, l->rows, l->cols));
        product_keep_right(&of, x + r * len * (size_t)l->cols, l->rows, l->cols,
                           f->right + r * product_kept_right_size(mode, of.len, l->rows, l->cols));
    }
}

void linears_backward(const member *m, const learn_linear *l, const float *dy, int ld, float *dx, bool add) {
    learn_pass *p = m->p;
    product of = member_product(m);
    product_weights w = weights_of(p, l);
    product_low low = {0};
    bool drops = l->a && site_drops(p, p->g->lora_dropout);
    dy += l->out;
    product_left_back(&of, &w, dy, ld);
    if (l->a) {
        product_narrow_back(&of, &w, dy, ld, l->b->w, l->a->rows, l->scale, p->dlow);
        low = (product_low){p->dlow, l->a->w, l->a->rows};
    }
    product_backward(&of, &w, dy, ld, l->a && !drops ? &low : NULL, dx, add);
    if (!drops) return;
    product_widen(&of, p->dlow, l->a->w, l->a->rows, l->cols, p->dropped);
    site_drop_rows(m, SITE_ADAPTERS + l->site, p->g->lora_dropout, p->dropped, l->cols, dx, true);
}

void linears_gradients(const member *m, const learn_linear *l, const layer_memory *mem, const float *x, const float *dy,
                       int ld) {
    learn_pass *p = m->p;
    product of = member_product(m);
    dy += l->out;
    if (l->a) {
        product_gradient_b(&of, dy, ld, l->rows, low_of(p, l, mem), l->a->rows, l->b->grad);
        product_gradient_a(&of, p->dlow, l->a->rows, adapter_input(m, l, x), l->cols, l->a->grad);
    }
    weights_back(m, l, x, dy, ld);
    bias_back(m, l, dy, ld);
}

void linears_branch_forward(const member *m, const learn_linear *l, layer_memory *mem, const float *in, int site) {
    learn_pass *p = m->p;
    int d = p->c->n_embd;
    if (!site_drops(p, p->g->dropout)) {
        linears_forward(m, l, mem, in, p->x, d, true);
        return;
    }
    linears_forward(m, l, mem, in, p->branch, d, false);
    member_wait(m);
    site_drop_rows(m, site, p->g->dropout, p->branch, d, p->x, true);
}

const float *linears_branch_gradient(const member *m, int site) {
    learn_pass *p = m->p;
    if (!site_drops(p, p->g->dropout)) return p->dx;
    site_drop_rows(m, site, p->g->dropout, p->dx, p->c->n_embd, p->branch, false);
    return p->branch;
}
