// The matrix products of training, for the members of a team: every function is called by all members with the same
// arguments, does the caller's share, and ends with a barrier.
//
// Frozen weights stay as they are in the net; a product converts what it needs (a matrix at most) into memory that all
// members share, and drops it with the next. Each token's results are the same however many rows of tokens a pass has,
// and gradients are added up row by row of tokens: sums do not depend on how rows are put together.
#ifndef DOPPEL_LEARN_PRODUCT_H
#define DOPPEL_LEARN_PRODUCT_H

#include "model/learn/graph.h"
#include "model/math/team.h"

typedef struct product_memory product_memory;

// How products are calculated; see product.c for what each is good for.
typedef enum product_mode { PRODUCT_AUTO, PRODUCT_FLOAT32, PRODUCT_BF16, PRODUCT_INT8, PRODUCT_FP16 } product_mode;
const char *product_mode_name(product_mode mode); // "float32", "bf16", "int8", "fp16"

// What a wish becomes for g on this processor, always the same: AUTO what is best, a mode that is not there FLOAT32.
product_mode product_choose(const learn_graph *g, product_mode wish);

// Room for converted weights of g and passes of max_rows x max_len tokens. NULL with a message.
product_memory *product_memory_open(const learn_graph *g, int max_rows, int max_len, product_mode mode, int members,
                                    error *err);
size_t product_memory_bytes(const learn_graph *g, int max_rows, int max_len, product_mode mode, int members);
size_t product_memory_size(const product_memory *m);
product_mode product_memory_mode(const product_memory *m);
void product_memory_close(product_memory *m);

// Labelled places whose logits a product with the head takes at once: as many as fill 24 MB, or 192 MB where the head
// learns, since each such product reads and writes all of its gradient; within bounds.
int product_loss_tokens(const learn_graph *g);

// The caller of a product: a member, and the rows of tokens at hand. A member of one waits for nobody.
typedef struct product {
    product_memory *memory;
    team *team; // of all members, of which `size` share out the product: all of them, or one alone
    int rank, size;
    int rows, len; // N = rows * len
} product;

typedef struct product_weights {
    const matrix *base;  // frozen, or
    const float *floats; // (rows, cols)
    int rows, cols;
    bool keep;                                // the head: converted once for the whole training
    const uint16_t *panels, *panels_backward; // from product_convert, or NULL
} product_weights;

// What an adapter adds to a product: left (N, rank) times `right`, B (rows, rank) transposed in the forward half, A
// (rank, cols) in the backward one.
typedef struct product_low {
    const float *left, *right;
    int rank;
} product_low;

// Converts x (N, ld), width columns of it, for the product_forward that follow with it as their left factor; dy (N, ld) for
// a product_backward with w. Does nothing in float32.
void product_left(const product *p, const float *x, int ld, int width);
void product_left_back(const product *p, const product_weights *w, const float *dy, int ld);

// y (N, ld) = x (N, cols) W^T + low; += where add is set. x was given to product_left. low NULL: nothing.
void product_forward(const product *p, const product_weights *w, const float *x, const product_low *low, float *y,
                     int ld, bool add);
// dx (N, cols) = dy (N, ld) W + low; += where add is set. dy was given to product_left_back.
void product_backward(const product *p, const product_weights *w, const float *dy, int ld, const product_low *low,
                      float *dx, bool add);
// grad (rows, cols) += dy^T x; dy (N, ld), x (N, cols). Forgets what product_left and product_left_back were given.
void product_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad);

// ---- weights converted, and factors of gradients kept, for products at another time (product_kept.c) ----

// What product_forward and product_backward, in the one or the other direction, convert w to: how many numbers (0 in
// float32), and the caller's share of them. Without a barrier.
size_t product_converted_size(product_mode mode, int rows, int cols, bool back);
void product_convert(const product *p, const product_weights *w, bool back, uint16_t *out);

// One row of tokens of a factor of a gradient (rows, cols): how many bytes, and how dy (len, ld) or x (len, cols) are
// kept, by the caller alone.
size_t product_kept_left_size(product_mode mode, int len, int rows, int cols);
size_t product_kept_right_size(product_mode mode, int len, int rows, int cols);
void product_keep_left(const product *p, const float *dy, int ld, int rows, int cols, void *out);
void product_keep_right(const product *p, const float *x, int rows, int cols, void *out);
// The pieces of a gradient (rows, cols), as many for every member; and piece 0, 1, ... of grad += dy^T x from what was kept
// of the caller's rows of tokens, one after the other, by the caller alone. When members add to a piece in the order of
// their rows, it becomes to the bit what product_gradient makes of it.
int product_gradient_pieces(const product *p, int rows, int cols);
void product_gradient_kept(const product *p, const void *left, const void *right, int rows, int cols, int piece,
                           float *grad);

// The products of an adapter of w alone, in integers where those with w are, else in float32; A (rank, cols), B (rows,
// rank).
// low (N, rank) = scale * x (N, cols) A^T; given: x is what product_left was given last.
void product_narrow(const product *p, const product_weights *w, const float *x, bool given, const float *a, int rank,
                    float scale, float *low);
// dlow (N, rank) = scale * dy (N, ld) B; dy was given to product_left_back.
void product_narrow_back(const product *p, const product_weights *w, const float *dy, int ld, const float *b, int rank,
                         float scale, float *dlow);
// dx (N, cols) = dlow (N, rank) A
void product_widen(const product *p, const float *dlow, const float *a, int rank, int cols, float *dx);
// A's grad (rank, cols) += dlow^T x; B's grad (rows, rank) += dy^T low
void product_gradient_a(const product *p, const float *dlow, int rank, const float *x, int cols, float *grad);
void product_gradient_b(const product *p, const float *dy, int ld, int rows, const float *low, int rank, float *grad);

#endif
