// What product.c and its kinds share. Not for others.
#ifndef DOPPEL_LEARN_PRODUCT_IMPL_H
#define DOPPEL_LEARN_PRODUCT_IMPL_H

#include "model/learn/loops.h"
#include "model/learn/product.h"
#include "model/math/bytes.h"
#include "model/math/kernels.h"
#include "model/math/pairs.h"
#include "model/net/arena.h"

enum {
    STRETCH = 64, // tokens of an item when tokens are shared out
    COLUMNS = 32, // output columns that are calculated at once
    // Rows of a gradient that are worked on at once in pairs: their part of it stays in the nearest cache from row of
    // tokens to row.
    GRADIENT_ROWS = 8 * PAIRS_ROWS,
};

// A member's own.
typedef struct own_memory {
    float *floats;         // (longest, COLUMNS) a stretch of converted weights
    float *turned;         // (widest, rank) an adapter's matrix transposed, or COLUMNS rows of it
    uint16_t *panels;      // pairs: those made of floats
    linear_scratch spread; // int8: two row blocks spread out
    activations row;       // int8: a row on its way into the tiles
    uint8_t *bytes;        // int8: a panel of the way back
    uint8_t *low_panel;    // int8: one of an adapter's
} own_memory;

struct product_memory {
    product_mode mode;
    const pairs *pairs;      // fp16 or bf16 for what is not in integers; NULL: float32
    bool all_integers;       // no product of the forward half is for pairs
    int widest;              // input or output of a layer
    int rank;                // the widest adapter's
    float *converted, *head; // float32: one frozen matrix; the head's
    bool head_ready, head_back_ready;
    // pairs
    uint16_t *left; // (N, width)
    float *left_scale;
    int left_width;
    uint16_t *head_forward, *head_backward; // panels
    uint16_t *few;                          // all panels of a matrix that has few
    uint16_t *inputs;                       // those of a gradient's right factor
    // int8
    activations tiles;   // (N, widest)
    uint8_t *left_bytes; // of the way back: (N, blocks, BYTES_BLOCK)
    float *left_steps;   // (N, blocks)
    uint8_t *low_bytes;  // an adapter's low, likewise
    float *low_steps;
    own_memory own[TEAM_MAX];
    char *arena;
    size_t arena_bytes;
};

static inline size_t padded(int n, int to) {
    return ((size_t)n + (size_t)to - 1) / (size_t)to * (size_t)to;
}

// The 16-bit floats of a mode; NULL: none.
const pairs *product_pairs_of(product_mode mode);

// Pieces 0, 1, 2, ... of what lies between two barriers, each for the member that asks first: `last` is the one that it had
// before, -1 to begin with.
static inline int product_take(const product *p, int last) {
    return p->size > 1 ? team_take(p->team) : last + 1;
}

static inline void product_wait(const product *p) {
    if (p->size > 1) team_barrier(p->team);
}

// A stretch of tokens within one row. A member's lie side by side, about where it worked before; *item starts at -1.
typedef struct stretch {
    int token, n;
} stretch;
bool product_next_stretch(const product *p, int *item, stretch *s);

// Rows [first, first + n) as floats, cols apart; first is a multiple of 16.
void product_read_rows(const product_weights *w, int first, int n, float *out);
// Columns [first, first + n) of `rows` rows from `row` on as floats, 32 apart; row is a multiple of 16, first of 32; room
// for up to 16 rows more.
void product_read_columns(const product_weights *w, int row, int rows, int first, int n, float *out);

// out (n, ld), which stands for columns [first, first + columns) of tokens [token, token + n), += low. By the caller
// alone, without a barrier.
void product_add_low(const product *p, const product_low *low, bool back, int first, int columns, int token, int n,
                     float *out, int ld);

void product_pairs_cut(product_memory *m, const learn_graph *g, int max_rows, int max_len, int members, arena *k);
void product_pairs_left(const product *p, const float *x, int ld, int width);
void product_pairs_multiply(const product *p, const product_weights *w, bool back, const product_low *low, float *out,
                            int ld, bool add);
void product_pairs_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad);
// The left factor of a gradient, dy (len, ld) of one row of tokens turned about its diagonal: GRADIENT_ROWS of its `rows`
// at a time, each such block in one piece of memory. With all rows side by side, neighbouring pairs of tokens would lie
// so far apart that a large part of the nearest cache is of no use.
// Converts rows [first, last), first a multiple of 16; out (rows, len rounded up to even), scale (rows).
void product_pairs_turn(const pairs *f, const float *dy, int ld, int len, int rows, int first, int last, uint16_t *out,
                        float *scale);
// Rows from `first` on, those of one block, as a factor.
pairs_left product_pairs_turned(const uint16_t *numbers, const float *scale, int len, int rows, int first);
// Whether that serves a gradient (rows, cols), or float32 does.
static inline bool product_pairs_gradient_fits(product_mode mode, int rows, int cols) {
    return product_pairs_of(mode) && rows >= PAIRS_COLUMNS && cols >= PAIRS_COLUMNS;
}
// The right factor (k, n) of a product in pairs: W^T, or W on the way back; in stretches of `depth` of k, each of
// n_panels panels. Panel i is that of stretch i / n_panels.
typedef struct right_factor {
    int k, n, depth, stretches, n_panels;
    size_t size; // of a panel, in numbers
} right_factor;
right_factor product_right(int rows, int cols, bool back);
size_t product_right_size(const right_factor *f); // of all panels
void product_pairs_panel(const product *p, const product_weights *w, const right_factor *f, int index, bool back,
                         uint16_t *panel);
// A gradient (rows, cols) in float32: how many rows of it, or columns where there are more of these, are calculated at once;
// and n of them from `at` on, by the caller alone, without a barrier.
int product_gradient_block(const product *p, int rows, int cols);
void product_gradient_f32(const product *p, const float *dy, int ld, int rows, const float *x, int cols, int at, int n,
                          float *grad);

bool product_int8_fits(const product_weights *w); // frozen and packed
// Whether its way back is in integers, and what an adapter adds in either direction.
bool product_int8_fits_back(const product_memory *m, const product_weights *w);
void product_int8_cut(product_memory *m, size_t tokens, int members, arena *k);
void product_int8_left(const product *p, const float *x, int ld, int width);
void product_int8_forward(const product *p, const product_weights *w, const product_low *low, float *y, int ld,
                          bool add);
void product_int8_left_back(const product *p, const float *dy, int ld, int width);
void product_int8_backward(const product *p, const product_weights *w, const product_low *low, float *dx, bool add);

void product_int8_low_cut(product_memory *m, size_t tokens, int members, arena *k);
// Tokens [first, last) of low (N, rank) become the left factor of product_int8_low_add.
void product_int8_low_left(const product *p, const float *low, int rank, int first, int last);
// The right factor of columns [first, first + n), n <= 32, of the product that low is added to; the caller's own.
void product_int8_low_panel(const product *p, const product_low *low, const product_weights *w, bool back, int first,
                            int n);
// out (n, ld), which stands for those columns of tokens [token, token + n), += low.
void product_int8_low_add(const product *p, const product_low *low, int columns, int token, int n, float *out, int ld);
// product_narrow of what product_left was given, and product_narrow_back of what product_left_back was.
void product_int8_narrow(const product *p, const float *a, int cols, int rank, float scale, float *low);
void product_int8_narrow_back(const product *p, int rows, const float *b, int rank, float scale, float *dlow);

#endif
