// The loops with AVX-512.
#define LOOPS       loops_avx512
#define LOOPS_NAME  "avx512"
#define LANES       16
#define WIDE_ROWS   8
#define NARROW_ROWS 16
#if defined(__AVX512F__)
#include "model/learn/loops_body.h"
#endif
