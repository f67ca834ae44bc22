// The loops with AVX2 and FMA.
#define LOOPS                 loops_avx2
#define LOOPS_NAME            "avx2"
#define LANES                 8
#define MULTIPLY_ADD(a, b, c) ((lanes)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define SMALLER(a, b)         ((lanes)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define LARGER(a, b)          ((lanes)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define SQUARE_ROOT(x)        ((lanes)_mm256_sqrt_ps((__m256)(x)))
#define WIDE_ROWS             4
#define NARROW_ROWS           8
#if defined(__AVX2__)
#include <immintrin.h>
#include "model/learn/loops_body.h"
#endif
