// bf16 products with AVX512_BF16. The inner tile is 12 rows by 32 columns: 24 sums, two panel vectors and a broadcast
// pair fill the registers; each broadcast serves two products.
#include "model/math/bf16.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE __mmask16 tail_mask(int left) {
    return left >= 16 ? 0xffff : left <= 0 ? 0 : (__mmask16)((1u << left) - 1);
}

// Sixteen floats as bf16 in the low halves of sixteen words.
INLINE __m512i round16(__m512 x) {
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(x));
}

static void round_rows_avx512(const float *x, size_t ld, int rows, int cols, uint16_t *out) {
    for (int r = 0; r < rows; r++, x += ld, out += cols)
        for (int i = 0; i < cols; i += 16) {
            __mmask16 mask = tail_mask(cols - i);
            _mm256_mask_storeu_epi16(out + i, mask, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i)));
        }
}

// Two rows interleaved: b may be NULL for zeros.
INLINE __m512i pair16(const float *a, const float *b, __mmask16 mask) {
    __m512i low = round16(_mm512_maskz_loadu_ps(mask, a));
    if (!b) return low;
    return _mm512_or_si512(low, _mm512_slli_epi32(round16(_mm512_maskz_loadu_ps(mask, b)), 16));
}

static void pair_rows_avx512(const float *x, size_t ld, int rows, int cols, uint16_t *out) {
    for (int r = 0; r < rows; r += 2, x += 2 * ld, out += 2 * (size_t)cols)
        for (int i = 0; i < cols; i += 16) {
            __mmask16 mask = tail_mask(cols - i);
            _mm512_mask_storeu_epi32(out + 2 * i, mask, pair16(x + i, r + 1 < rows ? x + ld + i : NULL, mask));
        }
}

static void panel_avx512(const float *x, size_t ld, int k, int n, uint16_t *out) {
    __mmask16 low = tail_mask(n), high = tail_mask(n - 16);
    for (int r = 0; r < k; r += 2, x += 2 * ld, out += 2 * BF16_COLUMNS) {
        const float *next = r + 1 < k ? x + ld : NULL;
        _mm512_storeu_si512(out, pair16(x, next, low));
        _mm512_storeu_si512(out + 32, pair16(x + 16, next ? next + 16 : NULL, high));
    }
}

// Transposes sixteen rows of sixteen words.
INLINE void transpose16(__m512i r[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int k = 0; k < 2; k++) {
            r[i + 2 * k] = _mm512_unpacklo_epi64(t[i + k], t[i + 2 + k]);
            r[i + 2 * k + 1] = _mm512_unpackhi_epi64(t[i + k], t[i + 2 + k]);
        }
    // r[4 a + c]: words of rows 4a .. 4a + 3 in column c of every 128-bit quarter.
    for (int c = 0; c < 4; c++) {
        __m512i p = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88), q = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd);
        __m512i u = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88),
                v = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
        t[c] = _mm512_shuffle_i32x4(p, u, 0x88);
        t[8 + c] = _mm512_shuffle_i32x4(p, u, 0xdd);
        t[4 + c] = _mm512_shuffle_i32x4(q, v, 0x88);
        t[12 + c] = _mm512_shuffle_i32x4(q, v, 0xdd);
    }
    for (int i = 0; i < 16; i++) r[i] = t[i];
}

static void panel_transposed_avx512(const float *x, size_t ld, int k, int n, uint16_t *out) {
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < k; i += 32) {
            __mmask16 low = tail_mask(k - i), high = tail_mask(k - i - 16);
            __m512i r[16];
            for (int j = 0; j < 16; j++) {
                int row = 16 * half + j;
                r[j] = _mm512_setzero_si512();
                if (row >= n) continue;
                const float *from = x + (size_t)row * ld + i;
                __m512 a = _mm512_maskz_loadu_ps(low, from), b = _mm512_setzero_ps();
                if (high) b = _mm512_maskz_loadu_ps(high, from + 16);
                r[j] = (__m512i)_mm512_cvtne2ps_pbh(b, a);
            }
            transpose16(r);
            for (int j = 0; j < 16 && i + 2 * j < k; j++)
                _mm512_storeu_si512(out + (size_t)(i / 2 + j) * 2 * BF16_COLUMNS + 32 * half, r[j]);
        }
}

INLINE __m512bh broadcast_pair(const uint16_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return (__m512bh)_mm512_set1_epi32(v);
}

INLINE void multiply_tile(int m, int n, int k, bf16_left a, const uint16_t *panel, bool add, float *c, size_t ldc) {
    __m512 sum[BF16_ROWS][2];
    for (int i = 0; i < m; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    // Rows are reached from every third one, so that addresses need few registers.
    const uint16_t *base[BF16_ROWS / 3 + 1];
    size_t row = 2 * a.row_step;
    for (int i = 0; i < m; i += 3) base[i / 3] = a.data + (size_t)i * row;
    for (int j = 0; j < k; j += 2, panel += 2 * BF16_COLUMNS) {
        __m512bh b0 = (__m512bh)_mm512_loadu_si512(panel), b1 = (__m512bh)_mm512_loadu_si512(panel + 32);
        for (int i = 0; i < m; i++) {
            __m512bh x = broadcast_pair(base[i / 3] + (size_t)(i % 3) * row);
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

static void multiply_avx512(int m, int n, int k, bf16_left a, const uint16_t *panel, bool add, float *c, size_t ldc) {
    for (; m >= BF16_ROWS; m -= BF16_ROWS, c += BF16_ROWS * ldc) {
        multiply_tile(BF16_ROWS, n, k, a, panel, add, c, ldc);
        a.data += 2 * BF16_ROWS * a.row_step;
    }
    for (; m >= 4; m -= 4, c += 4 * ldc) {
        multiply_tile(4, n, k, a, panel, add, c, ldc);
        a.data += 2 * 4 * a.row_step;
    }
    for (; m > 0; m--, c += ldc) {
        multiply_tile(1, n, k, a, panel, add, c, ldc);
        a.data += 2 * a.row_step;
    }
}

const bf16_ops bf16_ops_avx512 = {
    .round_rows = round_rows_avx512,
    .pair_rows = pair_rows_avx512,
    .panel = panel_avx512,
    .panel_transposed = panel_transposed_avx512,
    .multiply = multiply_avx512,
};
#endif
