// What net_open builds: the config and the weights of every layer, checked against each other. Read-only afterwards.
#ifndef DOPPEL_NET_WEIGHTS_H
#define DOPPEL_NET_WEIGHTS_H

#include "model/net/config.h"
#include "model/net/linear.h"
#include "model/net/net.h"

typedef struct norm {
    float *weight, *bias; // (n), owned; bias NULL for none; weight NULL: the norm is absent
} norm;

typedef struct layer {
    norm attn_norm, ffn_norm; // ffn_norm absent where the MLP reads attention's norm
    float *q_norm, *k_norm;   // (head_dim), owned; NULL for none
    linear qkv;               // rows: n_heads * head_dim, then k, then v
    linear out;               // (n_embd, n_heads * head_dim)
    linear up;                // gate and up, or up alone
    linear down;              // (n_embd, n_ff)
} layer;

struct net {
    net_config config;
    const model_file *file;
    linear embedding;                 // (n_vocab, n_embd); the head as well when tied
    linear head;                      // n_parts 0 when tied
    const file_tensor *raw_embedding; // an untied quantised embedding stays in the file: only rows of it are read
    float *positions;                 // (n_ctx, n_embd) learned positions, owned; NULL for none
    norm embedding_norm, output_norm;
    layer *layers;
    float *inv_freq;     // (rope_dim / 2) radians per position, scaling included; NULL without rope
    float *alibi_slopes; // (n_heads); NULL without ALiBi
    uint64_t hash;       // of the settings and of samples of the weights (snapshot.h)
    bool float_weights;  // matrices are F32 or BF16: the cache and adapters stay in float32 too
};

const linear *net_head(const net *n);

#endif
