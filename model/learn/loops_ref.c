// The loops for any processor: vectors of four, which SSE and NEON have and others get made of single numbers.
#define LOOPS                 loops_ref
#define LOOPS_NAME            "portable"
#define LANES                 4
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define WIDE_ROWS             4
#define NARROW_ROWS           8
#include "model/learn/loops_body.h"
