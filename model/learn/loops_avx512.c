// The loops with AVX-512.
#define LOOPS                 loops_avx512
#define LOOPS_NAME            "avx512"
#define LANES                 16
#define MULTIPLY_ADD(a, b, c) ((lanes)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define WIDE_ROWS             8
#define NARROW_ROWS           16
#if defined(__AVX512F__)
#include <immintrin.h>
#include "model/learn/loops_body.h"
#endif
