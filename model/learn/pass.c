// The pass as a whole: its memory, and the order of its parts, which all members of the team run at once with a barrier
// between steps that read what others wrote.
#include "model/learn/ends.h"
#include "model/learn/layers.h"
#include "model/learn/linears.h"
#include "model/learn/walk.h"
#include "model/net/rope.h"

#include <stdlib.h>
#include <string.h>

// ---- running ----

static void run_member(void *arg, int rank) {
    learn_pass *p = arg;
    member m = {p, rank, team_active(p->team)};
    int d = p->c->n_embd, site = SITES * p->c->n_layers;
    bool walks = walk_pays(p->walk, p->batch, m.size);
    if (walks) walk_begin(&m);
    ends_embed(&m);
    if (site_drops(p, p->g->dropout)) site_drop_rows(&m, site, p->g->dropout, p->x, d, p->x, false);
    for (int i = 0; i < p->c->n_layers; i++) {
        if (!member_begin(&m)) return;
        (walks ? walk_forward : layers_forward)(&m, i);
    }
    if (p->backward) member_clear(&m, p->dx, d);
    if (p->backward) vectors_begin(&m);
    member_wait(&m);
    if (!ends_loss(&m) || !p->backward) return;
    for (int i = p->c->n_layers - 1; i >= p->g->lowest; i--) {
        if (!member_begin(&m)) return;
        (walks ? walk_backward : layers_backward)(&m, i);
    }
    if (walks) member_wait(&m); // the layers of others, whose dx is read now, may not be done
    if (p->g->embedding || p->g->positions) {
        if (site_drops(p, p->g->dropout)) site_drop_rows(&m, site, p->g->dropout, p->dx, d, p->dx, false);
        ends_embed_backward(&m);
    }
    member_wait(&m);
    vectors_finish(&m);
}

int learn_batch_count(const learn_batch *b) {
    int n = 0;
    for (int r = 0; r < b->rows; r++)
        for (int t = 1; t < b->len; t++) n += b->labels[(size_t)r * (size_t)b->len + (size_t)t] >= 0;
    return n;
}

static double run(learn_pass *p, const learn_batch *b, double weight, bool backward) {
    p->batch = b;
    p->n = b->rows * b->len;
    p->weight = (float)weight;
    p->backward = backward;
    p->n_places = 0;
    for (int i = 0; i + 1 < p->n; i++)
        if ((i + 1) % b->len != 0 && b->labels[i + 1] >= 0) p->places[p->n_places++] = i;
    if (backward && p->tied) tied_note(p->tied, b->ids, (size_t)p->n);
    p->given_up = false;
    team_run(p->team, run_member, p);
    double total = 0;
    for (int i = 0; i < p->n_places; i++) total += p->losses[i];
    return total;
}

double learn_pass_train(learn_pass *p, const learn_batch *b, double weight) {
    return run(p, b, weight, true);
}

double learn_pass_loss(learn_pass *p, const learn_batch *b) {
    return run(p, b, 0, false);
}

void learn_pass_finish(learn_pass *p) {
    if (p->tied) tied_finish(p->tied, p->g->embedding->grad);
}

// ---- memory ----

static int widest_rank(const learn_graph *g) {
    int widest = 1;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&g->layers[i], all);
        for (int k = 0; k < LEARN_LINEARS; k++)
            if (all[k]->a && all[k]->a->rows > widest) widest = all[k]->a->rows;
    }
    return widest;
}

static int widest_input(const learn_graph *g) {
    const net_config *c = g->config;
    int q = c->n_heads * c->head_dim, widest = c->n_embd > c->n_ff ? c->n_embd : c->n_ff;
    return q > widest ? q : widest;
}

// All of a layer's memory but its input. ranks: of all its adapters.
static void cut_layer(const learn_pass *p, size_t n, int ranks, layer_memory *y, arena *k) {
    const net_config *c = p->c;
    size_t f = sizeof(float);
    y->qkv = arena_cut(k, n * (size_t)p->qkv_dim, f);
    y->qk_raw = c->qk_norm ? arena_cut(k, n * (size_t)(p->q_dim + p->kv_dim), f) : NULL;
    y->attn = arena_cut(k, n * (size_t)p->q_dim, f);
    y->lse = arena_cut(k, n * (size_t)c->n_heads, f);
    y->mid = arena_cut(k, n * (size_t)c->n_embd, f);
    y->up = arena_cut(k, n * (size_t)p->up_dim, f);
    y->stats = arena_cut(k, n * 2, f);
    y->stats2 = arena_cut(k, n * 2, f);
    y->low = arena_cut(k, n * (size_t)ranks, f);
}

static void cut_layers(learn_pass *p, size_t n, arena *k) {
    layer_memory shared = {0};
    int most = 0;
    for (int i = 0; i < p->c->n_layers; i++) {
        int ranks = linears_ranks(&p->g->layers[i]);
        if (ranks > most) most = ranks;
    }
    if (p->options.recompute) cut_layer(p, n, most, &shared, k);
    for (int i = 0; i < p->c->n_layers; i++) {
        layer_memory *y = &p->layers[i];
        *y = shared;
        y->x = arena_cut(k, n * (size_t)p->c->n_embd, sizeof(float));
        if (!p->options.recompute) cut_layer(p, n, linears_ranks(&p->g->layers[i]), y, k);
    }
}

static void cut_loss(learn_pass *p, size_t n, arena *k) {
    size_t places = (size_t)p->loss_tokens < n ? (size_t)p->loss_tokens : n, d = (size_t)p->c->n_embd;
    p->logits = arena_cut(k, places * (size_t)p->c->n_vocab, sizeof(float));
    p->picked = arena_cut(k, places * d, sizeof(float));
    p->dpicked = arena_cut(k, places * d, sizeof(float));
    p->places = arena_cut(k, n, sizeof(int));
    p->losses = arena_cut(k, n, sizeof(double));
}

static void cut_heads(learn_pass *p, int members, arena *k) {
    size_t keys = (size_t)p->keys, f = sizeof(float);
    for (int i = 0; i < members; i++) {
        head_memory *h = &p->heads[i];
        h->scores = arena_cut(k, PASS_QUERIES * keys, f);
        h->dscores = arena_cut(k, PASS_QUERIES * keys, f);
        h->k = arena_cut(k, (size_t)p->c->head_dim * keys, f);
        h->v = arena_cut(k, (size_t)p->c->head_dim * keys, f);
    }
}

void pass_cut_work(learn_pass *p, arena *k, int members) {
    const net_config *c = p->c;
    const learn_pass_options *o = &p->options;
    size_t n = (size_t)o->max_rows * (size_t)o->max_len, d = (size_t)c->n_embd, f = sizeof(float);
    cut_heads(p, members, k);
    p->h = arena_cut(k, n * d, f);
    p->dh = arena_cut(k, n * d, f);
    p->h2 = c->parallel_residual || p->g->embedding_norm.weight ? arena_cut(k, n * d, f) : NULL;
    p->act = arena_cut(k, n * (size_t)c->n_ff, f);
    p->dqkv = arena_cut(k, n * (size_t)p->qkv_dim, f);
    p->dattn = arena_cut(k, n * (size_t)p->q_dim, f);
    p->dup = arena_cut(k, n * (size_t)p->up_dim, f);
    p->dact = arena_cut(k, n * (size_t)c->n_ff, f);
    p->dlow = arena_cut(k, n * (size_t)widest_rank(p->g), f);
    p->dropped = p->g->lora_dropout > 0 ? arena_cut(k, n * (size_t)widest_input(p->g), f) : NULL;
    p->branch = p->g->dropout > 0 ? arena_cut(k, n * d, f) : NULL;
    p->stats = arena_cut(k, n * 2, f);
}

static void cut_arena(learn_pass *p, arena *k, int members) {
    const net_config *c = p->c;
    const learn_pass_options *o = &p->options;
    size_t n = (size_t)o->max_rows * (size_t)o->max_len, d = (size_t)c->n_embd, f = sizeof(float);
    cut_layers(p, n, k);
    cut_loss(p, n, k);
    p->x = arena_cut(k, n * d, f);
    p->dx = arena_cut(k, n * d, f);
    p->vectors = arena_cut(k, (size_t)o->max_rows * p->g->params.vectors, f);
    p->cos = arena_cut(k, (size_t)o->max_len * (size_t)(c->rope_dim / 2), f);
    p->sin = arena_cut(k, (size_t)o->max_len * (size_t)(c->rope_dim / 2), f);
    pass_cut_work(p, k, members);
    if (p->walk) walk_cut(p->walk, p, k);
}

static void measure(learn_pass *p, const learn_graph *g, const learn_pass_options *o, int members) {
    const net_config *c = g->config;
    p->g = (learn_graph *)(uintptr_t)g;
    p->c = c;
    p->options = *o;
    p->q_dim = c->n_heads * c->head_dim;
    p->kv_dim = c->n_kv_heads * c->head_dim;
    p->qkv_dim = p->q_dim + 2 * p->kv_dim;
    p->up_dim = c->mlp == MLP_GATED_SILU ? 2 * c->n_ff : c->n_ff;
    p->keys = (o->max_len + PASS_KEYS - 1) / PASS_KEYS * PASS_KEYS;
    p->loss_tokens = product_loss_tokens(g);
    p->layers = mem_calloc((size_t)c->n_layers, sizeof *p->layers);
    p->walk = walk_open(p, members);
}

size_t learn_pass_bytes(const learn_graph *g, const learn_pass_options *o) {
    learn_pass p = {0};
    arena k = {0};
    measure(&p, g, o, team_cores());
    cut_arena(&p, &k, team_cores());
    size_t products = product_memory_bytes(g, o->max_rows, o->max_len, o->products, team_cores());
    if (p.walk) products += walk_product_bytes(p.walk, &p);
    walk_close(p.walk);
    free(p.layers);
    return k.used + products;
}

learn_pass *learn_pass_open(learn_graph *g, const learn_pass_options *o, team *team, error *err) {
    learn_pass *p = mem_calloc(1, sizeof *p);
    measure(p, g, o, team_size(team));
    p->team = team;
    arena k = {0};
    cut_arena(p, &k, team_size(team));
    p->arena_bytes = k.used;
    p->arena = mem_alloc_big(k.used);
    if (p->arena) p->products = product_memory_open(g, o->max_rows, o->max_len, o->products, team_size(team), err);
    if (!p->arena)
        error_set(err, "no memory for passes of %d x %d tokens (%zu MB); use a smaller --micro-batch", o->max_rows,
                  o->max_len, k.used >> 20);
    if (!p->arena || !p->products) {
        learn_pass_close(p);
        return NULL;
    }
    mem_large_pages(p->arena, p->arena_bytes);
    k = (arena){.base = p->arena};
    cut_arena(p, &k, team_size(team));
    if (p->walk && walk_open_products(p->walk, p, err) != 0) {
        learn_pass_close(p);
        return NULL;
    }
    if (g->embedding && g->head.w == g->embedding) p->tied = tied_open(p->c->n_vocab, p->c->n_embd);
    for (int t = 0; g->net->inv_freq && t < o->max_len; t++) {
        size_t half = (size_t)(p->c->rope_dim / 2);
        rope_angles(p->c, g->net->inv_freq, t, p->cos + (size_t)t * half, p->sin + (size_t)t * half);
    }
    return p;
}

size_t learn_pass_size(const learn_pass *p) {
    return p->arena_bytes + product_memory_size(p->products) + (p->walk ? walk_product_bytes(p->walk, p) : 0);
}

product_mode learn_pass_mode(const learn_pass *p) {
    return product_memory_mode(p->products);
}

bool learn_pass_given_up(const learn_pass *p) {
    return p->given_up;
}

void learn_pass_at_layer(learn_pass *p, bool (*call)(void *arg), void *arg) {
    p->at_layer = call;
    p->at_layer_arg = arg;
}

void learn_pass_close(learn_pass *p) {
    if (!p) return;
    walk_close(p->walk);
    product_memory_close(p->products);
    tied_close(p->tied);
    mem_free_big(p->arena, p->arena_bytes);
    free(p->layers);
    free(p);
}
