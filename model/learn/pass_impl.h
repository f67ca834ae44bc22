// What the parts of a pass share: its memory, and the members of the team that work in it. Not for others.
//
// Notation in all of them: N tokens (rows * len); d of a name is the gradient of the loss with respect to it. Shapes are
// row-major. The backward half walks the forward half's steps in reverse; each of its functions quotes the forward line.
#ifndef DOPPEL_LEARN_PASS_IMPL_H
#define DOPPEL_LEARN_PASS_IMPL_H

#include "model/learn/pass.h"
#include "model/learn/tied.h"
#include "model/net/arena.h"

enum {
    PASS_QUERIES = 32, // queries whose scores a member holds at once
    PASS_KEYS = 16,    // of a vector
};

// What the backward half needs of a layer.
typedef struct layer_memory {
    float *x;      // (N, n_embd) its input
    float *qkv;    // (N, qkv rows), normed and turned
    float *qk_raw; // (N, q and k rows) before the heads' norm; NULL without one
    float *attn;   // (N, n_heads * head_dim)
    float *lse;    // (N, n_heads) log of the softmax's denominator
    float *mid;    // (N, n_embd) after attention was added
    float *up;     // (N, up rows) before the activation function
    float *stats;  // (N, 2) mean and 1 / deviation of the norm of x
    float *stats2; // the same of the MLP's norm
    float *low;    // (N, rank) of each adapter, one after the other: scale * A x
} layer_memory;

// A matrix converted for products in both directions; NULL in float32.
typedef struct converted {
    uint16_t *forward, *backward;
} converted;

// What the gradient of a matrix is made of, kept row by row of tokens (product_keep_left, product_keep_right).
typedef struct factors {
    char *left, *right;
} factors;

// What a member needs for a head's attention. Keys are rounded up to whole vectors.
typedef struct head_memory {
    float *scores, *dscores; // (PASS_QUERIES, keys)
    float *k, *v;            // (head_dim, keys) transposed
} head_memory;

struct learn_pass {
    learn_graph *g;
    const net_config *c;
    team *team;
    product_memory *products;
    learn_pass_options options;
    int q_dim, kv_dim, qkv_dim, up_dim, keys, loss_tokens;

    layer_memory *layers;    // with recompute all but x are the same memory
    float *x;                // (N, n_embd) the residual stream, forward
    float *dx;               // (N, n_embd) its gradient, backward
    float *h, *dh;           // (N, n_embd) normed input
    float *h2;               // (N, n_embd) a parallel residual's second norm
    float *act;              // (N, n_ff)
    float *dqkv, *dattn;     // (N, qkv rows), (N, q rows)
    float *dup, *dact;       // (N, up rows), (N, n_ff)
    float *dlow;             // (N, rank) gradient of an adapter's A x
    float *dropped;          // (N, widest input): an adapter's input after dropout
    float *branch;           // (N, n_embd): what dropout works on before it is added to x
    float *stats;            // (N, 2) mean and 1 / deviation of a norm outside of layers
    float *vectors;          // (rows, the lengths of all vectors) their gradients, row by row (vectors.c)
    float *cos, *sin;        // (max_len, rope_dim / 2)
    float *logits;           // (loss_tokens, n_vocab)
    float *picked, *dpicked; // (loss_tokens, n_embd) normed rows of the labelled places
    int *places;             // (N) labelled places
    double *losses;          // (N) loss of each labelled place
    head_memory heads[TEAM_MAX];
    char *arena;
    size_t arena_bytes;
    tied *tied; // gradients of an embedding that is the head as well; NULL: it is not, or is frozen

    struct walk *walk;          // for small models; NULL: members share every step
    const converted *converted; // (layers, LEARN_LINEARS) or NULL
    factors *factors;           // (LEARN_LINEARS) of the layer at hand, or NULL: gradients are made at once

    bool (*at_layer)(void *arg);
    void *at_layer_arg;
    bool given_up; // written by the first member, read by the others after the barrier that follows

    const learn_batch *batch; // of the running pass
    int n, n_places;
    float weight;
    bool backward;
};

typedef struct member {
    learn_pass *p;
    int rank, size;
} member;

static inline void member_wait(const member *m) {
    if (m->size > 1) team_barrier(m->p->team);
}

// Before each layer and each piece of the loss, and halfway through them on the way back: whoever has to give way waits
// here. False, for all members alike: the pass is given up, and nobody is asked again.
static inline bool member_begin(const member *m) {
    learn_pass *p = m->p;
    if (!p->at_layer) return true;
    if (m->rank == 0 && !p->given_up) p->given_up = !p->at_layer(p->at_layer_arg);
    member_wait(m);
    bool goes_on = !p->given_up;
    member_wait(m); // all have read it before it is written again: what follows may be without a barrier (walk.h)
    return goes_on;
}

static inline void member_share(const member *m, int n, int *first, int *last) {
    team_share(n, m->rank, m->size, first, last);
}

static inline product member_product(const member *m) {
    learn_pass *p = m->p;
    return (product){p->products, p->team, m->rank, m->size, p->batch->rows, p->batch->len};
}

// Cuts what only the steps of a layer read and write, for passes of p->options.
void pass_cut_work(learn_pass *p, arena *k, int members);

// The member's share of the tokens of an array (N, width): copied; set to zero.
void member_copy(const member *m, float *to, const float *from, int width);
void member_clear(const member *m, float *to, int width);

// ---- gradients of vectors (vectors.c) ----

// Where tokens of a row of the batch add to the gradient of v, a vector.
static inline float *vectors_row(const learn_pass *p, const param *v, int row) {
    return p->vectors + (size_t)row * p->g->params.vectors + v->vectors_before;
}
// Before the first of them, and after the last: adds them to the parameters' gradients. Both within barriers.
void vectors_begin(const member *m);
void vectors_finish(const member *m);

// ---- dropout (sites.c) ----

enum { SITE_ATTENTION, SITE_OUT, SITE_DOWN, SITES, SITE_ADAPTERS = 1 << 20 };

bool site_drops(const learn_pass *p, float rate);
uint64_t site_key(const learn_pass *p, int site, int token);
// out (N, n) = dropout of x, or added to out. Ends with a barrier.
void site_drop_rows(const member *m, int site, float rate, const float *x, int n, float *out, bool add);

#endif
