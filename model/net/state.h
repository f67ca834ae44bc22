// A sequence in the making: the KV cache and the memory that a pass works in. See net.h for what callers may rely on.
#ifndef DOPPEL_NET_STATE_H
#define DOPPEL_NET_STATE_H

#include "model/net/kv.h"
#include "model/net/pace.h"
#include "model/net/weights.h"

// The linear layers of a block that adapters may add to.
enum { ADAPTED_QKV, ADAPTED_OUT, ADAPTED_UP, ADAPTED_DOWN, ADAPTED_LAYERS };

// What a member keeps for itself: one row of input in every form, its part of the attention of a few queries, and the
// scratch of many-row products.
typedef struct own_memory {
    activations in, in2; // in2: the second norm of a parallel residual
    float *q, *k;        // (n_heads * head_dim), (n_kv_heads * head_dim): turned
    float *m, *l, *acc;  // (rows), (rows), (rows, v_dim), rows = max(max_few * n_heads, ATTEND_ROWS): see attend_job
    char *attend_many;   // ATTEND_MANY_SCRATCH
    linear_scratch scratch;
} own_memory;

struct net_state {
    const net *net;
    team *team;
    bool own_team; // false: another state's (net_state_beside)
    pace pace;     // of passes over one or a few positions
    int n_ctx, n_past;
    int32_t *ids; // (n_ctx)

    kv kv;

    // One pass over up to max_rows positions, or over a few (max_few), which keep their inputs in row form.
    int max_rows, max_few;
    float *x; // (T, n_embd) the residual stream
    activations in, in2;
    activations few[NET_FEW], few2[NET_FEW];
    float *qkv;    // (T, qkv rows)
    float *attn;   // (T, n_heads * head_dim)
    float *hidden; // (T, n_ff), or as integers:
    activations ff;
    float *cos, *sin; // (T, rope_dim / 2)
    float *logits;    // (max_few, n_vocab) of the last positions evaluated
    int last_row;     // of logits: the newest position's
    own_memory own[TEAM_MAX];
    low_ranks *adapters; // (n_layers, ADAPTED_LAYERS); NULL: none (adapter.c)
    unsigned adapter_changes;
    float *low; // the members' scratch for them
    char *arena;
    size_t arena_bytes;
};

typedef enum pass_output { PASS_NO_LOGITS, PASS_LAST_LOGITS, PASS_ALL_LOGITS } pass_output;

// The job of one pass: positions n_past .. n_past + n_rows - 1 with the given ids.
typedef struct pass {
    net_state *s;
    const int32_t *ids;
    int n_rows;
    bool few; // each row is calculated as it would be alone, bit for bit; n_rows <= max_few
    pass_output output;
    float *all_logits; // (n_rows, n_vocab) for PASS_ALL_LOGITS; PASS_LAST_LOGITS writes to s->logits
} pass;

// Makes `to` use what adapters `from` uses; both are states of the same net (adapter.c).
void adapters_copy(net_state *to, const net_state *from);

// Runs the pass on the state's team (forward.c). n_past is not moved.
void forward_run(pass *p);

#endif
