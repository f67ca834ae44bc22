// bf16 products with AVX512_BF16. Sums are float32, and bf16 has its range: nothing is scaled.
#include "model/math/pairs.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#include <string.h>

#define SCALED     false
#define LEFT_MOST  0
#define RIGHT_MOST 0

static inline __m256i halves(__m512 x) {
    return (__m256i)_mm512_cvtneps_pbh(x);
}

static inline __m512 exponent_of(__m512 largest, float most) {
    (void)largest, (void)most;
    return _mm512_setzero_ps();
}

#include "model/math/pairs_body.h"

INLINE void multiply_tile(int m, int n, int k, pairs_left a, const float *scales, const uint16_t *panel, bool add,
                          float *c, size_t ldc) {
    __m512 sum[PAIRS_ROWS][2];
    for (int i = 0; i < m; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    (void)scales;
    // Rows are reached from every third one, so that addresses need few registers.
    const uint16_t *base[PAIRS_ROWS / 3 + 1];
    size_t row = 2 * a.row_step;
    for (int i = 0; i < m; i += 3) base[i / 3] = a.data + (size_t)i * row;
    for (int j = 0; j < k; j += 2, panel += 2 * PAIRS_COLUMNS) {
        __m512bh b0 = (__m512bh)_mm512_loadu_si512(panel), b1 = (__m512bh)_mm512_loadu_si512(panel + 32);
        for (int i = 0; i < m; i++) {
            __m512bh x = (__m512bh)_mm512_set1_epi32(pair_at(base[i / 3] + (size_t)(i % 3) * row));
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
        }
        for (int i = 0; i < m; i += 3) base[i / 3] += 2 * a.pair_step;
    }
    __mmask16 low = tail_mask(n), high = tail_mask(n - 16);
    for (int i = 0; i < m; i++, c += ldc) {
        if (add) {
            sum[i][0] = _mm512_add_ps(sum[i][0], _mm512_maskz_loadu_ps(low, c));
            if (high) sum[i][1] = _mm512_add_ps(sum[i][1], _mm512_maskz_loadu_ps(high, c + 16));
        }
        _mm512_mask_storeu_ps(c, low, sum[i][0]);
        if (high) _mm512_mask_storeu_ps(c + 16, high, sum[i][1]);
    }
}

const pairs pairs_bf16_avx512 = {
    .name = "bf16",
    .rows = rows_avx512,
    .columns = columns_avx512,
    .panels = panels_avx512,
    .panel_transposed = panel_transposed_avx512,
    .multiply = multiply_avx512,
};
#endif
