#include "model/learn/live.h"
#include "model/net/lora.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- adapters

static void add_part(lora *l, const net *n, const learn_linear *from) {
    if (!from->a) return;
    lora_part *p = &l->parts[l->n++];
    size_t suffix = strlen(".lora_a");
    snprintf(p->name, sizeof p->name, "%.*s", (int)(strlen(from->a->name) - suffix), from->a->name);
    lora_find_place(n, p->name, &p->place);
    p->rank = from->a->rows;
    p->cols = from->a->cols;
    p->rows = from->b->rows;
    p->a = from->a->w;
    p->b = from->b->w;
    p->alpha = (double)from->scale * p->rank;
}

adapter *live_adapter(const learn_graph *g, error *err) {
    lora l = {.parts = mem_calloc(g->params.n, sizeof *l.parts)};
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_layer *y = &g->layers[i];
        for (int k = 0; k < y->n_qkv; k++) add_part(&l, g->net, &y->qkv[k]);
        add_part(&l, g->net, &y->out);
        for (int k = 0; k < y->n_up; k++) add_part(&l, g->net, &y->up[k]);
        add_part(&l, g->net, &y->down);
    }
    adapter *a = adapter_of(&l, g->net, err);
    free(l.parts); // the values are the graph's
    return a;
}

// ---- whole nets

// The graph's array, which the net only reads.
static float *shared(const float *values) {
    return (float *)(uintptr_t)values;
}

static norm live_norm(const learn_norm *from) {
    return (norm){.weight = shared(from->weight), .bias = shared(from->bias)};
}

static linear live_linear(const learn_linear *parts, int n) {
    linear l = {.n_parts = n, .cols = parts[0].cols, .wants_floats = true};
    bool has_bias = false;
    for (int i = 0; i < n; i++) {
        l.part[i] = (matrix){.rows = parts[i].rows,
                             .cols = parts[i].cols,
                             .type = TENSOR_F32,
                             .data = parts[i].w->w,
                             .out = parts[i].out};
        l.rows += parts[i].rows;
        has_bias = has_bias || parts[i].frozen_bias;
    }
    if (!has_bias) return l;
    l.bias = mem_calloc((size_t)l.rows, sizeof *l.bias);
    for (int i = 0; i < n; i++)
        if (parts[i].frozen_bias)
            memcpy(l.bias + parts[i].out, parts[i].frozen_bias, (size_t)parts[i].rows * sizeof *l.bias);
    return l;
}

static layer live_layer(const learn_layer *from) {
    return (layer){.attn_norm = live_norm(&from->attn_norm),
                   .ffn_norm = live_norm(&from->ffn_norm),
                   .q_norm = shared(from->q_norm.weight),
                   .k_norm = shared(from->k_norm.weight),
                   .qkv = live_linear(from->qkv, from->n_qkv),
                   .out = live_linear(&from->out, 1),
                   .up = live_linear(from->up, from->n_up),
                   .down = live_linear(&from->down, 1)};
}

static void live_embeddings(const learn_graph *g, net *n) {
    const learn_linear embedding = {.rows = n->config.n_vocab, .cols = n->config.n_embd, .w = g->embedding};
    n->embedding = live_linear(&embedding, 1);
    n->raw_embedding = NULL;
    if (g->positions) n->positions = g->positions->w;
    n->embedding_norm = live_norm(&g->embedding_norm);
}

net *live_net_open(const learn_graph *g) {
    net *n = mem_calloc(1, sizeof *n);
    *n = *g->net;
    int layers = n->config.n_layers;
    n->layers = mem_calloc((size_t)layers, sizeof *n->layers);
    memcpy(n->layers, g->net->layers, (size_t)layers * sizeof *n->layers);
    for (int i = g->lowest; i < layers; i++) n->layers[i] = live_layer(&g->layers[i]);
    if (g->embedding) live_embeddings(g, n);
    if (n->head.n_parts > 0) n->head = live_linear(&g->head, 1);
    n->output_norm = live_norm(&g->output_norm);
    n->float_weights = true;
    return n;
}

void live_net_close(net *n, const learn_graph *g) {
    if (!n) return;
    for (int i = g->lowest; i < n->config.n_layers; i++) {
        free(n->layers[i].qkv.bias);
        free(n->layers[i].out.bias);
        free(n->layers[i].up.bias);
        free(n->layers[i].down.bias);
    }
    if (n->head.n_parts > 0) free(n->head.bias);
    free(n->layers);
    free(n);
}
