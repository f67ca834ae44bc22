// The two 16-bit float formats as integers: IEEE binary16 (f16) and bfloat16 (bf16, the upper half of a float32).
#ifndef DOPPEL_HALF_H
#define DOPPEL_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_bits_to_float(uint32_t u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t half_float_to_bits(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float bf16_to_f32(uint16_t h) {
    return half_bits_to_float((uint32_t)h << 16);
}

// Round to nearest even; a NaN stays a NaN.
static inline uint16_t f32_to_bf16(float f) {
    uint32_t u = half_float_to_bits(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

// Exponent and mantissa are shifted into place and the exponent's bias is mended by a multiplication with 2^112, which
// also renormalises subnormal numbers; infinities and NaNs are set by hand.
static inline float f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = (uint32_t)(h & 0x7fffu) << 13;
    if ((h & 0x7c00u) == 0x7c00u) return half_bits_to_float(sign | 0x7f800000u | rest);
    float f = half_bits_to_float(rest) * 0x1p112f;
    return half_bits_to_float(sign | half_float_to_bits(f));
}

// Round to nearest even; too large becomes infinity.
static inline uint16_t f32_to_f16(float f) {
    uint32_t u = half_float_to_bits(f), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (a < 0x38800000u) { // subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the lowest mantissa bits
        float t = half_bits_to_float(a) + 0.5f;
        return (uint16_t)(sign | (half_float_to_bits(t) - 0x3f000000u));
    }
    return (uint16_t)(sign | (a - 0x38000000u + 0xfffu + (a >> 13 & 1)) >> 13);
}

#endif
