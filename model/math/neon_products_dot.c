// The products of neon_products.c for processors with the dot-product instruction.
#define NEON_DOT
#include "model/math/neon_products.c"
