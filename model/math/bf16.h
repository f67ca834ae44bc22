// Matrix products in bfloat16 with float32 sums, for training: vdpbf16ps does two multiplications where float32 does
// one. Only processors with AVX512_BF16 have it; everybody else multiplies in float32.
#ifndef DOPPEL_BF16_H
#define DOPPEL_BF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BF16_COLUMNS = 32, BF16_ROWS = 12 };

// The left factor (m, k), pairs of k side by side: element pair (i, j) is at data + i * row_step + j * pair_step
// (in pairs, that is 4 bytes). k is even.
typedef struct bf16_left {
    const uint16_t *data;
    size_t row_step, pair_step;
} bf16_left;

typedef struct bf16_ops {
    // out (rows, cols) = x, rounded; cols is even; rows of x are ld apart, rows of out cols.
    void (*round_rows)(const float *x, size_t ld, int rows, int cols, uint16_t *out);
    // out (rows / 2, cols, 2): two rows of x interleaved; an odd last row is paired with zeros.
    void (*pair_rows)(const float *x, size_t ld, int rows, int cols, uint16_t *out);
    // A panel of the right factor (k, 32): (k / 2, 32, 2). From x (k, n), rows ld apart, n <= 32; missing columns are zero.
    void (*panel)(const float *x, size_t ld, int k, int n, uint16_t *out);
    // The same from x transposed: x (n, k).
    void (*panel_transposed)(const float *x, size_t ld, int k, int n, uint16_t *out);
    // c (m, n) = a (m, k) * panel (k, n), n <= 32; += where add is set.
    void (*multiply)(int m, int n, int k, bf16_left a, const uint16_t *panel, bool add, float *c, size_t ldc);
} bf16_ops;

// NULL where the processor or the chosen kernel tier lacks it. Any thread.
const bf16_ops *bf16_get(void);

#if defined(__x86_64__)
extern const bf16_ops bf16_ops_avx512;
#endif

#endif
