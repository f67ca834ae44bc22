// The matrix products of training, for the members of a team: every function is called by all members with the same
// arguments, does the caller's share, and ends with a barrier.
//
// Frozen weights stay as they are in the net; a product converts what it needs (a matrix at most) into memory that all
// members share, and drops it with the next. Shares are cut in fixed places, so that results do not depend on how many
// rows of tokens a pass has.
#ifndef DOPPEL_LEARN_PRODUCT_H
#define DOPPEL_LEARN_PRODUCT_H

#include "model/learn/graph.h"
#include "model/math/team.h"

typedef struct product_memory product_memory;

// How products are calculated; see product.c for what each is good for.
typedef enum product_mode { PRODUCT_AUTO, PRODUCT_FLOAT32, PRODUCT_BF16, PRODUCT_INT8 } product_mode;
const char *product_mode_name(product_mode mode); // "float32", "bf16", "int8"

// Room for converted weights of g. AUTO times what the processor can do. A mode that g or the processor does not allow
// becomes FLOAT32. NULL with a message.
product_memory *product_memory_open(const learn_graph *g, int max_tokens, product_mode mode, team *team, error *err);
product_mode product_memory_mode(const product_memory *m);
void product_memory_close(product_memory *m);

// The caller of a product: a member, and the rows of tokens at hand.
typedef struct product {
    product_memory *memory;
    team *team;
    int rank, size;
    int rows, len; // N = rows * len
} product;

typedef struct product_weights {
    const matrix *base;  // frozen, or
    const float *floats; // (rows, cols)
    int rows, cols;
    bool keep; // the head: converted once for the whole training
} product_weights;

// Converts x (N, ld), width columns of it, for the products that follow with it as their left factor: product_forward
// with x, product_backward with dy. Does nothing in float32. product_left_trained: only trained weights follow.
void product_left(const product *p, const float *x, int ld, int width);
void product_left_trained(const product *p, const float *x, int ld, int width);

// y (N, ld) = x (N, cols) W^T; += where add is set. x was given to product_left.
void product_forward(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add);
// dx (N, cols) += dy (N, ld) W. dy was given to product_left.
void product_backward(const product *p, const product_weights *w, const float *dy, int ld, float *dx);
// The same two for narrow factors (an adapter's rank), always in float32.
void product_forward_narrow(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add);
void product_backward_narrow(const product *p, const product_weights *w, const float *dy, int ld, float *dx);
// grad (rows, cols) += dy^T x; dy (N, ld), x (N, cols). Forgets what product_left rounded.
void product_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad);

void product_scale(const product *p, float *a, int width, float scale); // a (N, width) *= scale
void product_clear(const product *p, float *a, int width);              // a = 0

#endif
