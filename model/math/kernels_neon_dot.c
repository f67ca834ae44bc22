// The NEON kernels for processors with the dot-product instruction: kernels_neon.c, compiled for ARMv8.2 with dotprod.
#define KERNELS_NEON_DOT
#include "model/math/kernels_neon.c"
