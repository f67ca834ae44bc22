// The loops with AVX2 and FMA.
#define LOOPS       loops_avx2
#define LOOPS_NAME  "avx2"
#define LANES       8
#define WIDE_ROWS   4
#define NARROW_ROWS 8
#if defined(__AVX2__)
#include "model/learn/loops_body.h"
#endif
