// Products of packed weights and 8-bit activations with NEON, which every 64-bit ARM processor has;
// neon_products_dot.c compiles this file once more for those with the dot-product instruction (ARMv8.2: Cortex-A55 and
// A76 on, every Apple M).
//
// sdot multiplies a quarter (neon.h) by four columns of one activation row and adds into four 32-bit sums. Without it,
// smlal multiplies into 16 bits, and neighbours are added and widened before they can overflow. Weights of up to 6 bits
// are non-negative as signed bytes; 8-bit weights are taken as u - 128, which makes the offset zero.
#include "model/math/neon.h"

#if defined(__aarch64__)

#if defined(NEON_DOT)

#define PRODUCT(name) name##_dot
enum { ROWS_AT_ONCE = 12 }; // activation rows per pass of gemm: their sums, integer and float, fill 24 registers

typedef struct sums {
    int32x4_t total;
} sums;

// Adds the products of a quarter and four activations, which are word `lane` of x.
INLINE void multiply(sums *a, int8x16_t w, int8x16_t x, int lane) {
    switch (lane) { // the instruction holds the lane
    case 0: a->total = vdotq_laneq_s32(a->total, w, x, 0); break;
    case 1: a->total = vdotq_laneq_s32(a->total, w, x, 1); break;
    case 2: a->total = vdotq_laneq_s32(a->total, w, x, 2); break;
    default: a->total = vdotq_laneq_s32(a->total, w, x, 3); break;
    }
}

INLINE void widen(sums *a) {
    (void)a;
}

#else

#define PRODUCT(name) name
enum { ROWS_AT_ONCE = 4 };

typedef struct sums {
    int16x8_t low, high; // not yet in total: products of rows 0 and 1, of rows 2 and 3
    int32x4_t total;
} sums;

INLINE void multiply(sums *a, int8x16_t w, int8x16_t x, int lane) {
    int8x16_t word = vreinterpretq_s8_s32(vdupq_n_s32(vreinterpretq_s32_s8(x)[lane]));
    a->low = vmlal_s8(a->low, vget_low_s8(w), vget_low_s8(word));
    a->high = vmlal_high_s8(a->high, w, word);
}

INLINE void widen(sums *a) {
    a->total = vaddq_s32(a->total, vpaddq_s32(vpaddlq_s16(a->low), vpaddlq_s16(a->high)));
    a->low = a->high = vdupq_n_s16(0);
}

#endif

// True when group g of [g0, g1) is one after which the 16-bit sums are to be widened. They take 8 groups of 5 bits
// (8 * 31 * 127), 4 of 6 bits, which come in halves of a unit, and 2 of 8 bits (2 * 128 * 127).
INLINE bool widen_after(int g, int g1, int bits) {
    return g + 1 == g1 || (bits == 8 && g % 2 == 1);
}

// Weights as the products take them.
INLINE int8x16_t as_signed(uint8x16_t w, int bits) {
    return vreinterpretq_s8_u8(bits == 8 ? veorq_u8(w, vdupq_n_u8(0x80)) : w);
}

// Groups [g0, g1) of a unit for one quarter's rows times one activation row.
INLINE float32x4_t dot_groups(const uint8_t *planes, int bits, int g0, int g1, const int8x16_t *x) {
    sums a = {0};
    for (int g = g0; g < g1; g++) {
        multiply(&a, as_signed(load_group(planes, bits, g), bits), x[g / 4], g % 4);
        if (widen_after(g, g1, bits)) widen(&a);
    }
    return vcvtq_f32_s32(a.total);
}

INLINE void gemv_format(const pack *w, quant_traits t, int b0, int b1, const int8_t *q, const float *d,
                        const float *sum, float *y) {
    int halves = t.per_half ? 2 : 1;
    for (int b = b0; b < b1; b++, y += PACK_ROWS) {
        const uint8_t *planes = pack_planes(w, b, 0), *scales = pack_scales(w, b);
        float32x4_t acc[QUARTERS] = {0};
        for (int s = 0; s < w->n_units; s++, planes += 64 * t.bits) {
            int8x16_t x[2] = {vld1q_s8(q + 32 * s), vld1q_s8(q + 32 * s + 16)};
            for (int h = 0; h < halves; h++) {
                float32x4_t scale[QUARTERS], offset[QUARTERS];
                load_scales(scales, t, s, h, scale, offset);
                float total = t.per_half ? sum[2 * s + h] : sum[2 * s] + sum[2 * s + 1];
                for (int j = 0; j < QUARTERS; j++) {
                    int g0 = 4 * h, g1 = t.per_half ? g0 + 4 : 8;
                    float32x4_t dot = dot_groups(planes + QUARTER_BYTES * j, t.bits, g0, g1, x);
                    acc[j] = vfmaq_f32(acc[j], vmulq_n_f32(scale[j], d[s]), dot);
                    if (t.bits < 8) acc[j] = vfmaq_n_f32(acc[j], offset[j], total);
                }
            }
        }
        for (int j = 0; j < QUARTERS; j++) vst1q_f32(y + QUARTER_ROWS * j, acc[j]);
    }
}

// The traits come in constants, so that each format gets code of its own.
static void gemv_one(const pack *w, int b0, int b1, const gemv_row *row) {
#define GEMV(...) gemv_format(w, (quant_traits){__VA_ARGS__}, b0, b1, row->q, row->d, row->sum, row->y)
    switch (w->type) {
    case TENSOR_Q4_0: GEMV(.bits = 4, .zero = 8); break;
    case TENSOR_Q4_1: GEMV(.bits = 4, .has_min = true); break;
    case TENSOR_Q5_0: GEMV(.bits = 5, .zero = 16); break;
    case TENSOR_Q5_1: GEMV(.bits = 5, .has_min = true); break;
    case TENSOR_Q8_0: GEMV(.bits = 8, .zero = 128); break;
    case TENSOR_Q2_K: GEMV(.bits = 2, .k = true, .per_half = true, .has_min = true); break;
    case TENSOR_Q3_K: GEMV(.bits = 3, .k = true, .per_half = true, .zero = 4); break;
    case TENSOR_Q4_K: GEMV(.bits = 4, .k = true, .has_min = true); break;
    case TENSOR_Q5_K: GEMV(.bits = 5, .k = true, .has_min = true); break;
    case TENSOR_Q6_K: GEMV(.bits = 6, .k = true, .per_half = true, .zero = 32); break;
    default: break;
    }
#undef GEMV
}

void PRODUCT(neon_gemv)(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
    for (int i = 0; i < n; i++) gemv_one(w, b0, b1, &rows[i]);
}

// Activation rows t0 .. t0 + rows - 1 of a tile (a multiple of four: what stands beyond the tile's last row is
// multiplied too) against one quarter of a row block; the first n are written.
INLINE void gemm_part(const unpacked *w, const qtiles *x, int tile, int t0, int rows, int n, int block, int j, int bits,
                      int halves, bool add, float *y, size_t ld) {
    size_t units = (size_t)w->n_units;
    const int8_t *q = x->q + (size_t)tile * units * QUANT_UNIT * KERNELS_TILE + 4 * t0;
    const float *d = x->d + (size_t)tile * units * KERNELS_TILE + t0;
    const float *sum = x->sum + (size_t)tile * units * 3 * KERNELS_TILE + t0 + (halves == 1 ? 2 * KERNELS_TILE : 0);
    const uint8_t *u = w->u + (size_t)block * units * PACK_UNIT_BYTES + QUARTER_BYTES * j;
    size_t at = (size_t)block * units * (size_t)(halves * PACK_ROWS) + (size_t)(QUARTER_ROWS * j);
    float32x4_t acc[ROWS_AT_ONCE];
    for (int t = 0; t < rows; t++) acc[t] = vdupq_n_f32(0);
    for (size_t s = 0; s < units; s++) {
        for (int h = 0; h < halves; h++, at += PACK_ROWS) {
            int g0 = 4 * h, g1 = halves == 1 ? 8 : 4 * h + 4;
            sums a[ROWS_AT_ONCE];
            for (int t = 0; t < rows; t++) a[t] = (sums){0};
            for (int g = g0; g < g1; g++) {
                int8x16_t weights = as_signed(vld1q_u8(u + 64 * g), bits);
                for (int t = 0; t < rows; t++)
                    multiply(&a[t], weights, vld1q_s8(q + g * 4 * KERNELS_TILE + t / 4 * 16), t % 4);
                for (int t = 0; t < rows && widen_after(g, g1, bits); t++) widen(&a[t]);
            }
            float32x4_t scale = vld1q_f32(w->scale + at), offset = vld1q_f32(w->offset + at);
            for (int t = 0; t < rows; t++) {
                acc[t] = vfmaq_f32(acc[t], vmulq_n_f32(scale, d[t]), vcvtq_f32_s32(a[t].total));
                if (bits < 8) acc[t] = vfmaq_n_f32(acc[t], offset, sum[t + h * KERNELS_TILE]);
            }
        }
        u += PACK_UNIT_BYTES;
        q += QUANT_UNIT * KERNELS_TILE;
        d += KERNELS_TILE;
        sum += 3 * KERNELS_TILE;
    }
    float *out = y + (size_t)t0 * ld + PACK_ROWS * block + QUARTER_ROWS * j;
    for (int t = 0; t < rows; t++, out += ld)
        if (t < n) vst1q_f32(out, add ? vaddq_f32(acc[t], vld1q_f32(out)) : acc[t]);
}

INLINE void gemm_bits(const unpacked *w, const qtiles *x, int tile, int n, int bits, int halves, bool add, float *y,
                      size_t ld) {
    for (int j = 0; j < w->n_blocks * QUARTERS; j++)
        for (int t = 0; t < n; t += ROWS_AT_ONCE) {
            int left = n - t < ROWS_AT_ONCE ? n - t : ROWS_AT_ONCE;
            if (left > 8)
                gemm_part(w, x, tile, t, 12, left, j / QUARTERS, j % QUARTERS, bits, halves, add, y, ld);
            else if (left > 4)
                gemm_part(w, x, tile, t, 8, left, j / QUARTERS, j % QUARTERS, bits, halves, add, y, ld);
            else
                gemm_part(w, x, tile, t, 4, left, j / QUARTERS, j % QUARTERS, bits, halves, add, y, ld);
        }
}

void PRODUCT(neon_gemm)(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld) {
    switch (w->bits) {
    case 8: gemm_bits(w, x, tile, n, 8, 1, add, y, ld); break;
    case 6: gemm_bits(w, x, tile, n, 6, 2, add, y, ld); break;
    case 5:
    case 4: gemm_bits(w, x, tile, n, 5, 1, add, y, ld); break;
    default: gemm_bits(w, x, tile, n, 3, 2, add, y, ld); break; // Q2_K and Q3_K
    }
}
#endif
