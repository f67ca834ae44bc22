// What the NEON kernels share: reading the packed layout. A 64-byte vector of the layout is four registers, quarters, of
// four rows by four columns.
#ifndef DOPPEL_NEON_H
#define DOPPEL_NEON_H

#include "model/math/kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

enum { QUARTERS = 4, QUARTER_ROWS = 4, QUARTER_BYTES = 16 };

// The integer products (see kernels.h) without and with the dot-product instruction.
void neon_gemv(const pack *w, int b0, int b1, int n, const gemv_row *rows);
void neon_gemm(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld);
void neon_gemv_dot(const pack *w, int b0, int b1, int n, const gemv_row *rows);
void neon_gemm_dot(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld);

INLINE uint8x16_t bits_at(uint8x16_t v, int shift, int mask) {
    return v >> shift & (uint8_t)mask;
}

// Group g of a unit for one quarter's rows; planes points at the quarter's bytes of the unit's first vector.
INLINE uint8x16_t load_group(const uint8_t *planes, int bits, int g) {
    if (bits == 8) return vld1q_u8(planes + 64 * g);
    uint8x16_t w;
    if (bits >= 4) {
        w = bits_at(vld1q_u8(planes + g % 4 * 64), g / 4 * 4, 15);
        planes += 256;
    } else {
        w = bits_at(vld1q_u8(planes + g / 4 * 64), g % 4 * 2, 3);
        planes += 128;
    }
    if (bits == 6) return w | bits_at(vld1q_u8(planes + g / 4 * 64), g % 4 * 2, 3) << 4;
    if (bits == 5 || bits == 3) return w | bits_at(vld1q_u8(planes), g, 1) << (bits - 1);
    return w;
}

INLINE float32x4_t load_f16(const void *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

// Sixteen signed bytes as floats.
INLINE void load_bytes(const uint8_t *p, float32x4_t out[QUARTERS]) {
    int8x16_t v = vreinterpretq_s8_u8(vld1q_u8(p));
    int16x8_t low = vmovl_s8(vget_low_s8(v)), high = vmovl_high_s8(v);
    out[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
    out[1] = vcvtq_f32_s32(vmovl_high_s16(low));
    out[2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
    out[3] = vcvtq_f32_s32(vmovl_high_s16(high));
}

// Scales and offsets of column half h of unit s. base: the scales of the row block.
INLINE void load_scales(const uint8_t *base, quant_traits t, int s, int h, float32x4_t scale[QUARTERS],
                        float32x4_t offset[QUARTERS]) {
    int sets = t.has_min ? 2 : 1, halves = t.per_half ? 2 : 1;
    base += t.k ? (size_t)(s / 8) * (size_t)(sets * 32 + 8 * sets * halves * 16) : (size_t)s * (size_t)(sets * 32);
    for (int j = 0; j < QUARTERS; j++) scale[j] = load_f16(base + 8 * j);
    if (t.has_min)
        for (int j = 0; j < QUARTERS; j++) offset[j] = load_f16(base + 32 + 8 * j);
    if (t.k) {
        const uint8_t *unit = base + sets * 32 + s % 8 * sets * halves * 16 + h * 16;
        float32x4_t sc[QUARTERS], mn[QUARTERS];
        load_bytes(unit, sc);
        for (int j = 0; j < QUARTERS; j++) scale[j] = vmulq_f32(scale[j], sc[j]);
        if (t.has_min) {
            load_bytes(unit + halves * 16, mn); // at most 63
            for (int j = 0; j < QUARTERS; j++) offset[j] = vmulq_f32(offset[j], vnegq_f32(mn[j]));
        }
    }
    if (!t.has_min)
        for (int j = 0; j < QUARTERS; j++) offset[j] = vmulq_n_f32(scale[j], -(float)t.zero);
}

#endif
#endif
