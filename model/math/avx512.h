// What the kernels for AVX-512 share: loads of every kind of number, the edges of arrays, exp. The integer products are in
// products_avx512.c, attention in attend_avx512.c, the rest and the table in kernels_avx512.c.
#ifndef DOPPEL_AVX512_H
#define DOPPEL_AVX512_H

#include "model/math/kernels.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// Entries of the table of kernels.h.
void avx512_quantize(const float *x, int n, int8_t *q, float *d, float *sum);
void avx512_gemv(const pack *w, int b0, int b1, int n, const gemv_row *rows);
void avx512_unpack(const pack *w, int b, uint8_t *u, float *scale, float *offset);
void avx512_dequantize(const pack *w, int b, int s0, int n, float *out, size_t ld);
void avx512_gemm(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld);
void avx512_attend(const attend_job *job);
void avx512_attend_many(const attend_job *at, const attend_queries *job, void *scratch);

INLINE __m512 load_f16(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

typedef enum float_kind { F32, F16, BF16 } float_kind;

// Numbers of w from i on; those that do not exist are zero.
INLINE __m512 load_as_float(const void *w, float_kind kind, size_t i, __mmask16 mask) {
    if (kind == F32) return _mm512_maskz_loadu_ps(mask, (const float *)w + i);
    __m256i h = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)w + i);
    if (kind == F16) return _mm512_cvtph_ps(h);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

INLINE __mmask16 tail_mask(size_t left) {
    return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
}

// Sixteen numbers of a cache; those of CACHE_Q8_0 are still to be scaled.
INLINE __m512 load_cache(const void *base, cache_type cache, size_t i) {
    if (cache == CACHE_F32) return _mm512_loadu_ps((const float *)base + i);
    if (cache == CACHE_F16) return load_f16((const uint8_t *)base + 2 * i);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)((const int8_t *)base + i))));
}

// exp by 2^n * e^r, |r| <= ln(2) / 2, a polynomial of degree 6 for e^r; 0 below -87.3, relative error about 1e-7.
INLINE __m512 exp_ps(__m512 x) {
    x = _mm512_min_ps(x, _mm512_set1_ps(88.7f));
    __mmask16 alive = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.3f), _CMP_GE_OQ);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(alive, p, n);
}

#endif
#endif
