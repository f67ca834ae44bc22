// What product.c and its two converted kinds share. Not for others.
#ifndef DOPPEL_LEARN_PRODUCT_IMPL_H
#define DOPPEL_LEARN_PRODUCT_IMPL_H

#include "model/learn/product.h"
#include "model/math/bf16.h"
#include "model/math/kernels.h"
#include "model/net/arena.h"

enum {
    STRETCH = 64,     // tokens of an item when tokens are shared out
    COLUMN_STEP = 16, // float32: columns are shared out in multiples of this
    LOSS_TOKENS = 128 // tokens the head is multiplied with at a time, at most
};

// A member's own.
typedef struct own_memory {
    float *floats;         // (widest, 32) a stretch of converted weights
    uint16_t *panel;       // bf16: the panel made of it
    linear_scratch spread; // int8: two row blocks spread out
    activations row;       // int8: a row on its way into the tiles
} own_memory;

struct product_memory {
    product_mode mode;
    const bf16_ops *bf16;
    int widest;              // input or output of a layer
    float *converted, *head; // float32: one frozen matrix; the head's
    bool head_ready, head_back_ready;
    // bf16
    uint16_t *left; // (N, width)
    int left_width;
    uint16_t *head_forward, *head_backward; // panels
    // int8
    activations tiles, logit_tiles; // (N, widest), (LOSS_TOKENS, vocab)
    const qtiles *current;          // the one that was filled last
    linear_scratch head_spread;     // W^T of the head, all blocks
    own_memory own[TEAM_MAX];
    char *arena;
    size_t arena_bytes;
};

static inline size_t padded(int n, int to) {
    return (size_t)((n + to - 1) / to * to);
}

// A stretch of tokens within one row. The members take stretches in turn; *item starts at the member's rank.
typedef struct stretch {
    int token, n;
} stretch;
bool product_next_stretch(const product *p, int *item, stretch *s);

// Rows [first, first + n) as floats, cols apart; first is a multiple of 16.
void product_read_rows(const product_weights *w, int first, int n, float *out);
// Columns [first, first + n) of every row as floats, 32 apart; first is a multiple of 32; room for rows up to 16 more.
void product_read_columns(const product_weights *w, int first, int n, float *out);

void product_bf16_cut(product_memory *m, const learn_graph *g, int widest, size_t tokens, int members, arena *k);
void product_bf16_left(const product *p, const float *x, int ld, int width);
void product_bf16_multiply(const product *p, const product_weights *w, bool back, float *out, int ld, bool add);
void product_bf16_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad);

bool product_int8_fits(const product_weights *w); // frozen and packed
void product_int8_cut(product_memory *m, const learn_graph *g, int widest, size_t tokens, int members, arena *k);
void product_int8_left(const product *p, const float *x, int ld, int width);
void product_int8_forward(const product *p, const product_weights *w, float *y, int ld, bool add);
void product_int8_backward(const product *p, const product_weights *w, float *dx);

#endif
