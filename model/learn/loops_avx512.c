// The loops with AVX-512.
#define LOOPS                 loops_avx512
#define LOOPS_NAME            "avx512"
#define LANES                 16
#define MULTIPLY_ADD(a, b, c) ((lanes)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define SMALLER(a, b)         ((lanes)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define LARGER(a, b)          ((lanes)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define RECIPROCAL(x)         ((lanes)reciprocal((__m512)(x)))
#define SQUARE_ROOT(x)        ((lanes)square_root((__m512)(x)))
#define TIMES_POWER(p, n)     ((lanes)_mm512_scalef_ps((__m512)(p), (__m512)(n)))
#define WIDE_ROWS             8
#define NARROW_ROWS           16
#if defined(__AVX512F__)
#include <immintrin.h>

// An estimate of 14 bits and a step of Newton's: right to the last bit or two, and sooner there than a division.
static inline __attribute__((always_inline)) __m512 reciprocal(__m512 x) {
    __m512 y = _mm512_rcp14_ps(x);
    return _mm512_mul_ps(y, _mm512_fnmadd_ps(x, y, _mm512_set1_ps(2)));
}

// Likewise, for no smaller x than float32's smallest normal number; of smaller ones zero.
static inline __attribute__((always_inline)) __m512 square_root(__m512 x) {
    __mmask16 some = _mm512_cmp_ps_mask(x, _mm512_set1_ps(0x1p-126f), _CMP_NLT_UQ);
    __m512 y = _mm512_maskz_rsqrt14_ps(some, x), half = _mm512_mul_ps(_mm512_mul_ps(x, _mm512_set1_ps(-0.5f)), y);
    y = _mm512_mul_ps(y, _mm512_fmadd_ps(half, y, _mm512_set1_ps(1.5f)));
    return _mm512_mul_ps(x, y);
}
#include "model/learn/loops_body.h"
#endif
