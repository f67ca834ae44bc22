// One description for every decoder family doppel runs; the block in forward.c reads this and nothing else.
#ifndef DOPPEL_NET_CONFIG_H
#define DOPPEL_NET_CONFIG_H

#include "model/file/file.h"

typedef enum norm_kind { NORM_RMS, NORM_LAYER } norm_kind;
typedef enum position_kind { POSITION_ROPE, POSITION_LEARNED, POSITION_ALIBI } position_kind;
typedef enum mlp_kind {
    MLP_GATED_SILU, // down(silu(gate x) * up x)
    MLP_GELU_TANH,  // down(gelu(up x)), the tanh form (GPT-2's gelu_new)
    MLP_GELU_ERF,   // down(gelu(up x)), exact
} mlp_kind;
typedef enum rope_scaling { ROPE_PLAIN, ROPE_LINEAR, ROPE_LLAMA3, ROPE_YARN } rope_scaling;

enum { NET_MAX_LAYERS = 512 };

typedef struct net_config {
    char family[16]; // "llama", "gpt2" ...
    int n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab;
    int n_ctx; // positions the model was trained for
    norm_kind norm;
    float norm_eps;
    position_kind position;
    float alibi_max_bias;
    bool alibi_scaled; // the bias is added before the scores are scaled (falcon)
    bool rope_neox;    // true: pairs (i, i + rot/2); false: pairs (2i, 2i + 1), as GGUF's permuted llama has them
    int rope_dim;      // how many of head_dim's components turn
    float rope_theta;
    rope_scaling rope_scale;
    float rope_factor, rope_low_freq, rope_high_freq; // factor; LLAMA3's low/high_freq_factor; YARN's beta_slow/fast
    int rope_original_ctx;
    float rope_attn_factor; // YARN's factor on cos and sin; 1 otherwise
    mlp_kind mlp;
    bool parallel_residual;     // x + attn(norm x) + mlp(norm x)
    bool shared_norm;           // the parallel mlp reads attention's norm (gpt-j, falcon-7b)
    bool qk_norm;               // RMS norm on each head of q and k before rope (qwen3)
    float attn_scale;           // what the scores are multiplied by: 1/sqrt(head_dim), or 1 (gpt_neo)
    float attn_clip;            // MPT's clip_qkv; 0: none
    int window[NET_MAX_LAYERS]; // keys a layer sees: position - window < key; 0: all
    bool tied_head;             // logits come from token_embd
} net_config;

// Fills c from the file's settings, every number checked against the others and against sane limits (no dimension
// zero, heads divide, nothing overflows). Tensors are checked against it by net_open. 0, or -1 with a message.
int net_config_read(net_config *c, const model_file *f, error *err);

#endif
