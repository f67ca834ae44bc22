// What the kernels for AVX2 share: loads of every kind of number, the edges of arrays, exp. The integer products are in
// products_avx2.c, attention in attend_avx2.c, the rest and the table in kernels_avx2.c.
#ifndef DOPPEL_AVX2_H
#define DOPPEL_AVX2_H

#include "model/math/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// Entries of the table of kernels.h.
void avx2_quantize(const float *x, int n, int8_t *q, float *d, float *sum);
void avx2_gemv(const pack *w, int b0, int b1, int n, const gemv_row *rows);
void avx2_unpack(const pack *w, int b, uint8_t *u, float *scale, float *offset);
void avx2_dequantize(const pack *w, int b, int s0, int n, float *out, size_t ld);
void avx2_gemm(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld);
void avx2_attend(const attend_job *job);

INLINE float sum_ps(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

INLINE float max_ps(__m256 v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

INLINE __m256 load_f16(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

// Eight values of x from i on; beyond `left` they are zero.
INLINE __m256i lanes_below(int left) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE __m128i load_halves(const uint16_t *p, int left) {
    if (left >= 8) return _mm_loadu_si128((const __m128i *)p);
    uint16_t some[8] = {0};
    memcpy(some, p, (size_t)left * sizeof *p);
    return _mm_loadu_si128((const __m128i *)some);
}

typedef enum float_kind { F32, F16, BF16 } float_kind;

// Numbers of w from i on; those that do not exist are zero.
INLINE __m256 load_as_float(const void *w, float_kind kind, size_t i, int left) {
    if (kind == F32)
        return left >= 8 ? _mm256_loadu_ps((const float *)w + i)
                         : _mm256_maskload_ps((const float *)w + i, lanes_below(left));
    __m128i h = load_halves((const uint16_t *)w + i, left);
    if (kind == F16) return _mm256_cvtph_ps(h);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

INLINE int left_of(size_t n, size_t i) {
    return n - i < 8 ? (int)(n - i) : 8;
}

INLINE void store_some(float *y, __m256 v, int left) {
    if (left >= 8)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, lanes_below(left), v);
}

// exp by 2^n * e^r, |r| <= ln(2) / 2, a polynomial of degree 6 for e^r; 0 below -87.3, relative error about 1e-7.
INLINE __m256 exp_ps(__m256 x) {
    x = _mm256_min_ps(x, _mm256_set1_ps(88.0f));
    __m256 alive = _mm256_cmp_ps(x, _mm256_set1_ps(-87.3f), _CMP_GE_OQ);
    x = _mm256_max_ps(x, _mm256_set1_ps(-87.3f));
    __m256 n =
        _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_and_ps(alive, _mm256_mul_ps(p, _mm256_castsi256_ps(power)));
}

#endif
#endif
