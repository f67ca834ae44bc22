// Matrix products in 8-bit integers of two factors that come as floats, for training: four times as many multiplications
// an instruction as in float32.
//
// Both factors are rounded in blocks of BYTES_BLOCK of the summed dimension k, each row of the left one and each column of
// the right one with a scale of its own: half a step is 1/254 of the largest number of its block. Within a block sums are
// exact. That is for numbers of similar size: gradients of logits, where a few outweigh all others, want more bits.
#ifndef DOPPEL_BYTES_H
#define DOPPEL_BYTES_H

#include "model/math/pack.h"

enum { BYTES_COLUMNS = 32, BYTES_ROWS = 12, BYTES_BLOCK = 128 };

typedef struct bytes {
    const char *name; // that of the kernels they go with

    // A left factor of x (rows, cols), rows ld apart: out (rows, blocks, BYTES_BLOCK), scale (rows, blocks), where blocks
    // is bytes_blocks(cols).
    void (*rows)(const float *x, size_t ld, int rows, int cols, uint8_t *out, float *scale);
    // A block of a panel, BYTES_PANEL bytes on a border of 64: x (k, 32), k at most BYTES_BLOCK. The panel of a right
    // factor is all of its blocks one after the other.
    void (*panel)(const float *x, int k, uint8_t *out);
    // The same from packed weights: rows [row, row + k) of unit `unit` of the columns, row a multiple of 16, with one scale
    // for all of them. False where panel, from floats, does better by the type.
    bool (*panel_packed)(const pack *w, int row, int k, int unit, uint8_t *out);
    // c (m, n) = a * panel (k, n), n <= 32; += where add is set. Each row of c is calculated in the same way, whatever m is.
    // Up to BYTES_ROWS - 1 rows of a behind the last are read and count for nothing.
    void (*multiply)(int m, int n, int k, const uint8_t *a, const float *scale, const uint8_t *panel, bool add,
                     float *c, size_t ldc);
} bytes;

// Of each column: what its sums begin with, and its scale; then the numbers, four of k side by side.
enum { BYTES_PANEL = BYTES_COLUMNS * (4 + 4 + BYTES_BLOCK) };

static inline size_t bytes_blocks(int k) {
    return ((size_t)k + BYTES_BLOCK - 1) / BYTES_BLOCK;
}

// NULL where the processor or the chosen kernel tier has nothing that is faster than floats. Any thread.
const bytes *bytes_get(void);

#if defined(__x86_64__)
extern const bytes bytes_avx512;
#endif

#endif
