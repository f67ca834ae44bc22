#include "model/learn/walk.h"
#include "model/learn/layers.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_WEIGHTS = 16 << 20, // of a model that is small
    WALK_TOKENS = 64,        // that a member takes at once, about: what they need in a layer fits into its second cache
};

// One member: a pass of a few rows of tokens, whose arrays are partly its own and partly a stretch of the whole pass's.
typedef struct walker {
    learn_pass pass;
    learn_batch batch;
    factors factors[LEARN_LINEARS];
    unsigned pieces; // of gradients that the member has added its rows to, in the running pass
} walker;

struct walk {
    int rows; // of tokens that a member takes at once
    int members;
    walker *walkers;                // (members)
    converted *converted;           // (layers, LEARN_LINEARS)
    factors factors[LEARN_LINEARS]; // of all rows of tokens, for the layer that each is at
};

// ---- memory ----

static bool fits(const learn_graph *g) {
    if (g->lowest > 0 || g->config->qk_norm || param_set_count(&g->params) > MOST_WEIGHTS) return false;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&g->layers[i], all);
        for (int k = 0; k < LEARN_LINEARS; k++)
            if (all[k]->rows > 0 && !all[k]->w) return false;
    }
    return true;
}

walk *walk_open(const learn_pass *p, int members) {
    const learn_pass_options *o = &p->options;
    if (!fits(p->g)) return NULL;
    walk *w = mem_calloc(1, sizeof *w);
    w->rows = o->max_len < WALK_TOKENS ? WALK_TOKENS / o->max_len : 1;
    if (w->rows > o->max_rows) w->rows = o->max_rows;
    w->members = members;
    w->walkers = mem_calloc((size_t)members, sizeof *w->walkers);
    for (int i = 0; i < members; i++) w->walkers[i].pass.layers = mem_calloc((size_t)p->c->n_layers, sizeof *p->layers);
    w->converted = mem_calloc((size_t)p->c->n_layers * LEARN_LINEARS, sizeof *w->converted);
    return w;
}

void walk_close(walk *w) {
    if (!w) return;
    for (int i = 0; i < w->members; i++) {
        product_memory_close(w->walkers[i].pass.products);
        free(w->walkers[i].pass.layers);
    }
    free(w->walkers);
    free(w->converted);
    free(w);
}

static void cut_weights(walk *w, const learn_pass *p, product_mode mode, arena *k) {
    for (int i = 0; i < p->c->n_layers * LEARN_LINEARS; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&p->g->layers[i / LEARN_LINEARS], all);
        const learn_linear *l = all[i % LEARN_LINEARS];
        w->converted[i].forward = arena_cut(k, product_converted_size(mode, l->rows, l->cols, false), 2);
        w->converted[i].backward = arena_cut(k, product_converted_size(mode, l->rows, l->cols, true), 2);
    }
}

// All layers are of the same shape.
static void cut_factors(walk *w, const learn_pass *p, product_mode mode, arena *k) {
    const learn_linear *all[LEARN_LINEARS];
    size_t rows = (size_t)p->options.max_rows;
    int len = p->options.max_len;
    learn_layer_linears(&p->g->layers[0], all);
    for (int i = 0; i < LEARN_LINEARS; i++) {
        const learn_linear *l = all[i];
        factors *f = &w->factors[i];
        f->left = arena_cut(k, rows * product_kept_left_size(mode, len, l->rows, l->cols), 1);
        f->right = arena_cut(k, rows * product_kept_right_size(mode, len, l->rows, l->cols), 1);
    }
}

void walk_cut(walk *w, const learn_pass *p, arena *k) {
    product_mode mode = product_choose(p->g, p->options.products);
    cut_weights(w, p, mode, k);
    cut_factors(w, p, mode, k);
    for (int i = 0; i < w->members; i++) {
        learn_pass *s = &w->walkers[i].pass;
        layer_memory *layers = s->layers;
        *s = *p;
        s->layers = layers;
        s->options.max_rows = w->rows;
        s->walk = NULL;
        s->converted = w->converted;
        s->factors = w->walkers[i].factors;
        pass_cut_work(s, k, 1);
    }
}

size_t walk_product_bytes(const walk *w, const learn_pass *p) {
    const learn_pass_options *o = &p->options;
    return (size_t)w->members * product_memory_bytes(p->g, w->rows, o->max_len, o->products, 1);
}

int walk_open_products(walk *w, const learn_pass *p, error *err) {
    const learn_pass_options *o = &p->options;
    for (int i = 0; i < w->members; i++) {
        learn_pass *s = &w->walkers[i].pass;
        if (!(s->products = product_memory_open(p->g, w->rows, o->max_len, o->products, 1, err))) return -1;
    }
    return 0;
}

// ---- running ----

bool walk_pays(const walk *w, const learn_batch *b, int members) {
    int most = (b->rows + members - 1) / members;
    return w && 4 * most * members <= 5 * b->rows;
}

void walk_begin(const member *m) {
    const learn_pass *p = m->p;
    product of = member_product(m);
    p->walk->walkers[m->rank].pieces = 0;
    for (int i = 0; i < p->c->n_layers * LEARN_LINEARS; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&p->g->layers[i / LEARN_LINEARS], all);
        const learn_linear *l = all[i % LEARN_LINEARS];
        if (!l->w) continue;
        product_weights weights = {.floats = l->w->w, .rows = l->rows, .cols = l->cols};
        product_convert(&of, &weights, false, p->walk->converted[i].forward);
        if (p->backward) product_convert(&of, &weights, true, p->walk->converted[i].backward);
    }
}

// The stretch of y from a token on.
static layer_memory layer_from(const learn_pass *p, const layer_memory *y, size_t token) {
    return (layer_memory){.x = y->x + token * (size_t)p->c->n_embd,
                          .qkv = y->qkv + token * (size_t)p->qkv_dim,
                          .attn = y->attn + token * (size_t)p->q_dim,
                          .lse = y->lse + token * (size_t)p->c->n_heads,
                          .mid = y->mid + token * (size_t)p->c->n_embd,
                          .up = y->up + token * (size_t)p->up_dim,
                          .stats = y->stats + token * 2,
                          .stats2 = y->stats2 + token * 2};
}

// Lets a member work on some rows of the running batch.
static void aim(walker *w, const learn_pass *p, int row, int rows) {
    learn_pass *s = &w->pass;
    size_t token = (size_t)row * (size_t)p->batch->len, d = (size_t)p->c->n_embd;
    w->batch = *p->batch;
    w->batch.rows = rows;
    w->batch.first_row += row;
    s->batch = &w->batch;
    s->n = rows * p->batch->len;
    s->backward = p->backward;
    s->x = p->x + token * d;
    s->dx = p->dx + token * d;
    s->vectors = p->vectors + (size_t)row * p->g->params.vectors;
    for (int i = 0; i < p->c->n_layers; i++) s->layers[i] = layer_from(p, &p->layers[i], token);
}

// Where the factors of a gradient of this layer are kept, from a row of tokens on.
static factors factors_from(const learn_pass *p, int layer, int number, int row) {
    const learn_linear *all[LEARN_LINEARS];
    learn_layer_linears(&p->g->layers[layer], all);
    int len = p->batch->len, rows = all[number]->rows, cols = all[number]->cols;
    product_mode mode = product_memory_mode(p->products);
    const factors *whole = &p->walk->factors[number];
    return (factors){whole->left + (size_t)row * product_kept_left_size(mode, len, rows, cols),
                     whole->right + (size_t)row * product_kept_right_size(mode, len, rows, cols)};
}

// The member's rows from *row on that it takes next; how many, 0 at the end.
static int next_rows(const member *m, int *row) {
    int first, last, most = m->p->walk->rows;
    member_share(m, m->p->batch->rows, &first, &last);
    *row = *row < 0 ? first : *row + most;
    return *row >= last ? 0 : last - *row < most ? last - *row : most;
}

void walk_forward(const member *m, int i) {
    walker *w = &m->p->walk->walkers[m->rank];
    const member alone = {&w->pass, 0, 1};
    for (int row = -1, n; (n = next_rows(m, &row)) > 0;) {
        aim(w, m->p, row, n);
        layers_forward(&alone, i);
    }
}

// Each member adds its rows to a piece of a gradient as soon as the member in front of it has: sums have the order of rows,
// what a member kept stays in its own caches, and the pieces, which are few numbers, go from one to the next.
static void add_gradients(const member *m, int layer) {
    const learn_pass *p = m->p;
    const learn_linear *all[LEARN_LINEARS];
    unsigned *pieces = &p->walk->walkers[m->rank].pieces;
    int first, last;
    member_share(m, p->batch->rows, &first, &last);
    const product of = {p->products, p->team, 0, 1, last - first, p->batch->len};
    learn_layer_linears(&p->g->layers[layer], all);
    for (int k = 0; k < LEARN_LINEARS; k++) {
        const learn_linear *l = all[k];
        factors f = factors_from(p, layer, k, first);
        for (int i = 0, n = l->w ? product_gradient_pieces(&of, l->rows, l->cols) : 0; i < n; i++) {
            team_follow(p->team, m->rank, ++*pieces);
            product_gradient_kept(&of, f.left, f.right, l->rows, l->cols, i, l->w->grad);
            team_reached(p->team, m->rank, *pieces);
        }
    }
}

void walk_backward(const member *m, int i) {
    const learn_pass *p = m->p;
    walker *w = &p->walk->walkers[m->rank];
    const member alone = {&w->pass, 0, 1};
    for (int row = -1, n; (n = next_rows(m, &row)) > 0;) {
        aim(w, p, row, n);
        for (int k = 0; k < LEARN_LINEARS; k++) w->factors[k] = factors_from(p, i, k, row);
        layers_backward(&alone, i);
    }
    add_gradients(m, i);
}
