// fp16 products with AVX512_FP16: a multiplication adds to 32 sums of 16 bits, those of even k and those of odd k of
// sixteen columns. A left row's largest number lies in [64, 128), a right column's in [0.5, 1): 128 products of each kind
// stay below 2^14, their sum below 2^15.
#include "model/math/pairs.h"

#if defined(__AVX512FP16__)
#include <immintrin.h>
#include <string.h>

#define SCALED     true
#define LEFT_MOST  6
#define RIGHT_MOST (-1)

static inline __m256i halves(__m512 x) {
    return (__m256i)_mm512_cvtxps_ph(x);
}

// Such that largest / 2^exponent lies in [2^most, 2^(most + 1)); of zeros and of what is lost in their neighbourhood:
// something harmless.
static inline __m512 exponent_of(__m512 largest, float most) {
    return _mm512_sub_ps(_mm512_getexp_ps(_mm512_max_ps(largest, _mm512_set1_ps(0x1p-100f))), _mm512_set1_ps(most));
}

#include "model/math/pairs_body.h"

// Sums of even and odd k, added and scaled.
INLINE __m512 gathered(__m512h sum, __m512 scale) {
    __m512h both = _mm512_add_ph(sum, (__m512h)_mm512_srli_epi32((__m512i)sum, 16));
    return _mm512_mul_ps(_mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)both)), scale);
}

// Both factors come from the second cache, which the processor does not ask soon enough by itself: so many pairs of k are
// fetched ahead. Behind a panel lies the next one.
enum { PANEL_AHEAD = 24, LEFT_AHEAD = 12 };

INLINE void fetch(const uint16_t *from, size_t numbers) {
    _mm_prefetch((const char *)((uintptr_t)from + numbers * sizeof *from), _MM_HINT_T0);
}

// PAIRS_CHAIN of k at a time.
INLINE void multiply_chain(int m, int k, const uint16_t *base[], size_t row, size_t step, const uint16_t *panel,
                           __m512h sum[][2]) {
    for (int i = 0; i < m; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ph();
    for (int j = 0; j < k; j += 2, panel += 2 * PAIRS_COLUMNS) {
        fetch(panel, PANEL_AHEAD * 2 * PAIRS_COLUMNS);
        fetch(panel, PANEL_AHEAD * 2 * PAIRS_COLUMNS + 32);
        fetch(base[0], LEFT_AHEAD * step);
        __m512h b0 = (__m512h)_mm512_loadu_si512(panel), b1 = (__m512h)_mm512_loadu_si512(panel + 32);
        for (int i = 0; i < m; i++) {
            __m512h x = (__m512h)_mm512_set1_epi32(pair_at(base[i / 3] + (size_t)(i % 3) * row));
            sum[i][0] = _mm512_fmadd_ph(x, b0, sum[i][0]);
            sum[i][1] = _mm512_fmadd_ph(x, b1, sum[i][1]);
        }
        for (int i = 0; i < m; i += 3) base[i / 3] += step;
    }
}

// Scales are powers of two: what is added is the same whether or not it is rounded before.
INLINE void put(float *out, __mmask16 mask, __m512 y, __m512 scale, bool add) {
    y = add ? _mm512_fmadd_ps(y, scale, _mm512_maskz_loadu_ps(mask, out)) : _mm512_mul_ps(y, scale);
    _mm512_mask_storeu_ps(out, mask, y);
}

INLINE void multiply_tile(int m, int n, int k, pairs_left a, const float *scales, const uint16_t *panel, bool add,
                          float *c, size_t ldc) {
    __m512 column[2] = {_mm512_loadu_ps(scales), _mm512_loadu_ps(scales + 16)};
    __mmask16 masks[2] = {tail_mask(n), tail_mask(n - 16)};
    // Rows are reached from every third one, so that addresses need few registers.
    const uint16_t *base[PAIRS_ROWS / 3 + 1];
    size_t row = 2 * a.row_step;
    for (int i = 0; i < m; i += 3) base[i / 3] = a.data + (size_t)i * row;
    for (int j = 0; j < k; j += PAIRS_CHAIN, panel += PAIRS_CHAIN * PAIRS_COLUMNS, add = true) {
        __m512h sum[PAIRS_ROWS][2];
        multiply_chain(m, k - j < PAIRS_CHAIN ? k - j : PAIRS_CHAIN, base, row, 2 * a.pair_step, panel, sum);
#pragma GCC unroll 12
        for (int i = 0; i < m; i++) {
            float *out = c + (size_t)i * ldc;
            __m512 row = _mm512_set1_ps(a.scale[i]);
            put(out, masks[0], gathered(sum[i][0], column[0]), row, add);
            put(out + 16, masks[1], gathered(sum[i][1], column[1]), row, add);
        }
    }
}

const pairs pairs_fp16_avx512 = {
    .name = "fp16",
    .rows = rows_avx512,
    .columns = columns_avx512,
    .panels = panels_avx512,
    .panel_transposed = panel_transposed_avx512,
    .multiply = multiply_avx512,
};
#endif
