// What a training run works on: the net's layers, each weight either frozen (read from the net, quantised as it is) or
// a parameter, and the adapters' parameters beside them.
#ifndef DOPPEL_LEARN_GRAPH_H
#define DOPPEL_LEARN_GRAPH_H

#include "model/learn/param.h"
#include "model/net/weights.h"

enum { LEARN_LINEARS = 7 }; // of a layer, at most

// One matrix: y = W x + bias + scale * B (A x).
typedef struct learn_linear {
    int number; // its layer's * LEARN_LINEARS + its place in learn_layer_linears
    int rows, cols;
    int out;            // where its rows stand in the layer's output
    const matrix *base; // frozen W; NULL when w is trained
    param *w;
    const float *frozen_bias; // (rows) or NULL
    param *bias;
    param *a, *b; // (rank, cols), (rows, rank); NULL without an adapter
    float scale;
    int ranks_before; // the sum of the ranks of the layer's adapters in front of this one
    int site;         // another number for every adapter (for dropout)
} learn_linear;

typedef struct learn_norm {
    const float *weight, *bias; // frozen or the parameters' arrays; weight NULL: absent
    param *p_weight, *p_bias;   // NULL when frozen
} learn_norm;

typedef struct learn_layer {
    learn_norm attn_norm, ffn_norm, q_norm, k_norm;
    learn_linear qkv[3], out, up[2], down;
    int n_qkv, n_up;
} learn_layer;

typedef struct learn_graph {
    const net *net;
    const net_config *config;
    param_set params;
    learn_layer *layers;
    learn_linear head;            // shares the embedding when tied
    param *embedding, *positions; // NULL when frozen
    learn_norm embedding_norm, output_norm;
    int lowest; // the lowest layer with anything to learn; layers below need no gradients
    // Dropout of adapters' inputs; of embeddings, attention and what is added to the residual stream. 0 unless set
    // before a pass is opened.
    float lora_dropout, dropout;
} learn_graph;

typedef struct learn_lora {
    int rank;
    double alpha;
    unsigned targets; // bits of learn_target
    int top_layers;   // only the last so many layers get adapters; 0: all
    bool rs;          // scale alpha / sqrt(rank)
    uint64_t seed;    // of A's first values; B starts at zero
} learn_lora;

typedef enum learn_target {
    TARGET_Q = 1,
    TARGET_K = 2,
    TARGET_V = 4,
    TARGET_QKV = 8,
    TARGET_OUT = 16,
    TARGET_GATE = 32,
    TARGET_UP = 64,
    TARGET_DOWN = 128,
    TARGET_ALL = 255,
} learn_target;

// Every weight becomes a parameter, copied from the net (dequantised where it is quantised).
learn_graph *learn_graph_full(const net *n, error *err);
// The same for the last so many layers, the final norm and a head of its own; the rest stays frozen. 0: everything.
learn_graph *learn_graph_top(const net *n, int top_layers, error *err);
// The net stays frozen; adapters are added. A is drawn uniformly from +-1/sqrt(cols), as PEFT does.
learn_graph *learn_graph_lora(const net *n, const learn_lora *o, error *err);
void learn_graph_free(learn_graph *g); // NULL is fine

// A layer's linear layers in the order of its steps; absent ones are all zero.
void learn_layer_linears(const learn_layer *y, const learn_linear *out[LEARN_LINEARS]);

// The row of the embedding that stands for id, as floats (n_embd).
void learn_embedding_row(const learn_graph *g, int32_t id, float *out);

#endif
