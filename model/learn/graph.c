// Building graphs over an open net. Names of parameters are GGUF's, so that a trained tensor finds its place in a file.
#include "model/learn/graph.h"
#include "model/learn/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- frozen ----

static learn_norm frozen_norm(const norm *n) {
    return (learn_norm){.weight = n->weight, .bias = n->bias};
}

static learn_linear frozen_part(const linear *l, int i, int number) {
    const matrix *m = &l->part[i];
    return (learn_linear){.number = number,
                          .rows = m->rows,
                          .cols = m->cols,
                          .out = m->out,
                          .base = m,
                          .frozen_bias = l->bias ? l->bias + m->out : NULL};
}

static learn_graph *graph_frozen(const net *n) {
    learn_graph *g = mem_calloc(1, sizeof *g);
    g->net = n;
    g->config = &n->config;
    g->layers = mem_calloc((size_t)n->config.n_layers, sizeof *g->layers);
    for (int i = 0; i < n->config.n_layers; i++) {
        const layer *from = &n->layers[i];
        int number = LEARN_LINEARS * i;
        learn_layer *to = &g->layers[i];
        to->attn_norm = frozen_norm(&from->attn_norm);
        to->ffn_norm = frozen_norm(&from->ffn_norm);
        to->q_norm.weight = from->q_norm;
        to->k_norm.weight = from->k_norm;
        to->n_qkv = from->qkv.n_parts;
        to->n_up = from->up.n_parts;
        for (int k = 0; k < to->n_qkv; k++) to->qkv[k] = frozen_part(&from->qkv, k, number + k);
        for (int k = 0; k < to->n_up; k++) to->up[k] = frozen_part(&from->up, k, number + 4 + k);
        to->out = frozen_part(&from->out, 0, number + 3);
        to->down = frozen_part(&from->down, 0, number + 6);
    }
    g->embedding_norm = frozen_norm(&n->embedding_norm);
    g->output_norm = frozen_norm(&n->output_norm);
    g->head = frozen_part(net_head(n), 0, LEARN_LINEARS * n->config.n_layers);
    return g;
}

void learn_graph_free(learn_graph *g) {
    if (!g) return;
    param_set_free(&g->params);
    free(g->layers);
    free(g);
}

void learn_layer_linears(const learn_layer *y, const learn_linear *out[LEARN_LINEARS]) {
    const learn_linear *all[] = {&y->qkv[0], &y->qkv[1], &y->qkv[2], &y->out, &y->up[0], &y->up[1], &y->down};
    memcpy(out, all, sizeof all);
}

void learn_embedding_row(const learn_graph *g, int32_t id, float *out) {
    const net *n = g->net;
    size_t cols = (size_t)g->config->n_embd;
    if (g->embedding) {
        memcpy(out, g->embedding->w + (size_t)id * cols, cols * sizeof *out);
    } else if (n->raw_embedding) {
        const file_tensor *e = n->raw_embedding;
        quant_dequantize(e->type, (const char *)e->data + (size_t)id * tensor_row_bytes(e->type, (int64_t)cols), 0,
                         (int64_t)cols, out);
    } else {
        linear_read_row(&n->embedding, id, out);
    }
}

// ---- everything is trained ----

// The tensor's name: blk.I.NAME.KIND, or NAME.KIND where layer is -1.
static void name_of(char out[PARAM_MAX_NAME], int layer, const char *name, const char *kind) {
    if (layer < 0)
        snprintf(out, PARAM_MAX_NAME, "%s.%s", name, kind);
    else
        snprintf(out, PARAM_MAX_NAME, "blk.%d.%s.%s", layer, name, kind);
}

static int train_vector(learn_graph *g, int layer, const char *name, const char *kind, int n, const float **value,
                        param **p, error *err) {
    char full[PARAM_MAX_NAME];
    if (!*value) return 0;
    name_of(full, layer, name, kind);
    if (!(*p = param_add(&g->params, full, 1, n, false, err))) return -1;
    memcpy((*p)->w, *value, (size_t)n * sizeof(float));
    *value = (*p)->w;
    return 0;
}

static int train_norm(learn_graph *g, int layer, const char *name, int n, learn_norm *t, error *err) {
    if (train_vector(g, layer, name, "weight", n, &t->weight, &t->p_weight, err) != 0) return -1;
    return train_vector(g, layer, name, "bias", n, &t->bias, &t->p_bias, err);
}

static void read_matrix(const matrix *m, float *out) {
    size_t cols = (size_t)m->cols;
    for (int r = 0; r < m->rows; r++, out += cols) {
        if (m->data)
            quant_dequantize(m->type, (const char *)m->data + (size_t)r * tensor_row_bytes(m->type, m->cols), 0,
                             m->cols, out);
        else
            pack_row(&m->packed, r, out);
    }
}

static int train_linear(learn_graph *g, int layer, const char *name, learn_linear *l, error *err) {
    char full[PARAM_MAX_NAME];
    name_of(full, layer, name, "weight");
    if (!(l->w = param_add(&g->params, full, l->rows, l->cols, true, err))) return -1;
    read_matrix(l->base, l->w->w);
    l->base = NULL;
    return train_vector(g, layer, name, "bias", l->rows, &l->frozen_bias, &l->bias, err);
}

static int train_layer(learn_graph *g, int i, error *err) {
    const net_config *c = g->config;
    learn_layer *y = &g->layers[i];
    static const char *const qkv_names[] = {"attn_q", "attn_k", "attn_v"}, *const up_names[] = {"ffn_gate", "ffn_up"};
    if (train_norm(g, i, "attn_norm", c->n_embd, &y->attn_norm, err) != 0) return -1;
    for (int k = 0; k < y->n_qkv; k++)
        if (train_linear(g, i, y->n_qkv == 1 ? "attn_qkv" : qkv_names[k], &y->qkv[k], err) != 0) return -1;
    if (train_norm(g, i, "attn_q_norm", c->head_dim, &y->q_norm, err) != 0) return -1;
    if (train_norm(g, i, "attn_k_norm", c->head_dim, &y->k_norm, err) != 0) return -1;
    if (train_linear(g, i, "attn_output", &y->out, err) != 0) return -1;
    if (train_norm(g, i, "ffn_norm", c->n_embd, &y->ffn_norm, err) != 0) return -1;
    for (int k = 0; k < y->n_up; k++)
        if (train_linear(g, i, y->n_up == 1 ? "ffn_up" : up_names[k], &y->up[k], err) != 0) return -1;
    return train_linear(g, i, "ffn_down", &y->down, err);
}

static int train_embeddings(learn_graph *g, error *err) {
    const net_config *c = g->config;
    const net *n = g->net;
    g->embedding = param_add(&g->params, "token_embd.weight", c->n_vocab, c->n_embd, true, err);
    if (!g->embedding) return -1;
    learn_graph frozen = {.net = n, .config = c};
    for (int i = 0; i < c->n_vocab; i++)
        learn_embedding_row(&frozen, i, g->embedding->w + (size_t)i * (size_t)c->n_embd);
    if (n->positions) {
        g->positions = param_add(&g->params, "position_embd.weight", c->n_ctx, c->n_embd, true, err);
        if (!g->positions) return -1;
        memcpy(g->positions->w, n->positions, param_count(g->positions) * sizeof(float));
    }
    return train_norm(g, -1, "token_embd_norm", c->n_embd, &g->embedding_norm, err);
}

static int train_from_lowest(learn_graph *g, error *err) {
    const net_config *c = g->config;
    if (g->lowest == 0 && train_embeddings(g, err) != 0) return -1;
    for (int i = g->lowest; i < c->n_layers; i++)
        if (train_layer(g, i, err) != 0) return -1;
    if (train_norm(g, -1, "output_norm", c->n_embd, &g->output_norm, err) != 0) return -1;
    if (g->net->head.n_parts > 0) return train_linear(g, -1, "output", &g->head, err);
    if (!g->embedding) return 0;
    g->head.w = g->embedding;
    g->head.base = NULL;
    return 0;
}

learn_graph *learn_graph_top(const net *n, int top_layers, error *err) {
    learn_graph *g = graph_frozen(n);
    int layers = n->config.n_layers;
    g->lowest = top_layers > 0 && top_layers < layers ? layers - top_layers : 0;
    if (train_from_lowest(g, err) != 0) {
        learn_graph_free(g);
        return NULL;
    }
    return g;
}

learn_graph *learn_graph_full(const net *n, error *err) {
    return learn_graph_top(n, 0, err);
}

// ---- adapters ----

static int adapt(learn_graph *g, const learn_lora *o, unsigned target, int layer, const char *name, learn_linear *l,
                 int *ranks, uint64_t *random, error *err) {
    if (!(o->targets & target)) return 0;
    char full[PARAM_MAX_NAME];
    name_of(full, layer, name, "weight.lora_a");
    if (!(l->a = param_add(&g->params, full, o->rank, l->cols, true, err))) return -1;
    name_of(full, layer, name, "weight.lora_b");
    if (!(l->b = param_add(&g->params, full, l->rows, o->rank, true, err))) return -1;
    float bound = 1 / sqrtf((float)l->cols);
    for (size_t i = 0, n = param_count(l->a); i < n; i++) l->a->w[i] = bound * (float)(2 * random_unit(random) - 1);
    l->site = (int)g->params.n;
    l->ranks_before = *ranks;
    *ranks += o->rank;
    l->scale = (float)(o->rs ? o->alpha / sqrt(o->rank) : o->alpha / o->rank);
    return 0;
}

static int adapt_layer(learn_graph *g, const learn_lora *o, int i, uint64_t *random, error *err) {
    static const char *const qkv_names[] = {"attn_q", "attn_k", "attn_v"}, *const up_names[] = {"ffn_gate", "ffn_up"};
    static const unsigned qkv_targets[] = {TARGET_Q, TARGET_K, TARGET_V}, up_targets[] = {TARGET_GATE, TARGET_UP};
    learn_layer *y = &g->layers[i];
    bool fused = y->n_qkv == 1, alone = y->n_up == 1;
    int ranks = 0;
    for (int k = 0; k < y->n_qkv; k++)
        if (adapt(g, o, fused ? TARGET_QKV : qkv_targets[k], i, fused ? "attn_qkv" : qkv_names[k], &y->qkv[k], &ranks,
                  random, err))
            return -1;
    if (adapt(g, o, TARGET_OUT, i, "attn_output", &y->out, &ranks, random, err) != 0) return -1;
    for (int k = 0; k < y->n_up; k++)
        if (adapt(g, o, alone ? TARGET_UP : up_targets[k], i, alone ? "ffn_up" : up_names[k], &y->up[k], &ranks, random,
                  err))
            return -1;
    return adapt(g, o, TARGET_DOWN, i, "ffn_down", &y->down, &ranks, random, err);
}

learn_graph *learn_graph_lora(const net *n, const learn_lora *o, error *err) {
    learn_graph *g = graph_frozen(n);
    uint64_t random = o->seed;
    int layers = n->config.n_layers;
    g->lowest = o->top_layers > 0 && o->top_layers < layers ? layers - o->top_layers : 0;
    int rc = 0;
    for (int i = g->lowest; i < layers && rc == 0; i++) rc = adapt_layer(g, o, i, &random, err);
    if (rc == 0 && g->params.n == 0) rc = error_set(err, "none of the chosen target modules is in this model");
    if (rc != 0) {
        learn_graph_free(g);
        return NULL;
    }
    return g;
}
