// Matrix products in 16-bit floats, for training: twice as many multiplications an instruction as in float32.
//
// fp16 (AVX512_FP16) has 11 bits of mantissa and a narrow range: each row of the left factor and each column of the right
// one is scaled by a power of two, so that a sum of PAIRS_CHAIN products cannot overflow; such sums are kept in fp16 and
// added up in float32. bf16 (AVX512_BF16) has 8 bits and float32's range; its sums are float32.
//
// Both want neighbours of the summed dimension k side by side: a number of the left factor and its neighbour meet two
// rows of the right one that lie interleaved.
#ifndef DOPPEL_PAIRS_H
#define DOPPEL_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAIRS_COLUMNS = 32, PAIRS_ROWS = 12, PAIRS_CHAIN = 256 };

// The left factor (m, k): element pair (i, j) is at data + i * row_step + j * pair_step (in pairs, that is 4 bytes); row i
// stands for scale[i] times what is there. k is even.
typedef struct pairs_left {
    const uint16_t *data;
    size_t row_step, pair_step;
    const float *scale;
} pairs_left;

typedef struct pairs {
    const char *name; // "fp16", "bf16"

    // out (rows, cols rounded up to even) = x (rows, cols), rows ld apart; scale (rows). A left factor with row_step
    // cols / 2 and pair_step 1.
    void (*rows)(const float *x, size_t ld, int rows, int cols, uint16_t *out, float *scale);
    // The transposed of x (rows, cols) as a left factor with row_step 1 and pair_step `step`, rows of x ld apart:
    // out (rows / 2 rounded up, step, 2), of which cols are written; scale (cols).
    void (*columns)(const float *x, size_t ld, int rows, int cols, size_t step, uint16_t *out, float *scale);
    // Panels of the right factor (k, 32 each) of pairs_panel_size(k) numbers, one `size` numbers after the other. From x (k,
    // n), rows ld apart; columns that are missing in the last panel are zero.
    void (*panels)(const float *x, size_t ld, int k, int n, size_t size, uint16_t *out);
    // One panel from x transposed: x (n, k), n <= 32.
    void (*panel_transposed)(const float *x, size_t ld, int k, int n, uint16_t *out);
    // c (m, n) = a (m, k) * panel (k, n), n <= 32; += where add is set. Each row of c is calculated in the same way,
    // whatever m is.
    void (*multiply)(int m, int n, int k, pairs_left a, const uint16_t *panel, bool add, float *c, size_t ldc);
} pairs;

// The scales of 32 columns and (k / 2 rounded up, 32, 2) numbers.
static inline size_t pairs_panel_size(int k) {
    return PAIRS_COLUMNS * (2 + ((size_t)k + 1) / 2 * 2);
}

// NULL where the processor or the chosen kernel tier lacks it. Any thread.
const pairs *pairs_fp16(void);
const pairs *pairs_bf16(void);
// Whether bf16 is faster than float32 here. vdpbf16ps does twice the work of a float32 multiplication on AMD's
// processors and half of it on Intel's.
bool pairs_bf16_pays(void);

#if defined(__x86_64__)
extern const pairs pairs_fp16_avx512, pairs_bf16_avx512;
#endif

#endif
