// Quantising. In the one-level formats a block of 32 weights has its scale from its extreme values. In Q4_K a block's
// scale and minimum are themselves small integers, so the fit is searched for: several scales are tried, and for each
// the numbers it rounds to are fitted again by least squares.
#include "model/math/quantize.h"
#include "model/math/half.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { BLOCK = 32, SUPER = 256, SUBS = SUPER / BLOCK };

static const tensor_type written[] = {TENSOR_F32,  TENSOR_F16,  TENSOR_BF16, TENSOR_Q4_0, TENSOR_Q4_1,
                                      TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0, TENSOR_Q4_K};
enum { N_WRITTEN = sizeof written / sizeof *written };

bool quantize_writes(tensor_type type) {
    for (int i = 0; i < N_WRITTEN; i++)
        if (written[i] == type) return true;
    return false;
}

bool quantize_type(const char *name, tensor_type *out) {
    for (int i = 0; i < N_WRITTEN; i++) {
        if (strcasecmp(name, tensor_type_name(written[i])) != 0) continue;
        *out = written[i];
        return true;
    }
    return false;
}

// ---- one-level formats ----

static void put_u16(uint8_t *to, uint16_t v) {
    memcpy(to, &v, sizeof v);
}

static int rounded(float x, int low, int high) {
    int q = (int)lrintf(x);
    return q < low ? low : q > high ? high : q;
}

// What the scale is after it was stored, and its inverse: the numbers are rounded to what will be read.
static float stored(float d, uint8_t *to) {
    uint16_t h = f32_to_f16(d);
    put_u16(to, h);
    float back = f16_to_f32(h);
    return back != 0 ? 1 / back : 0;
}

// The value farthest from zero, with its sign.
static float extreme(const float *x) {
    float most = 0;
    for (int i = 0; i < BLOCK; i++)
        if (fabsf(x[i]) > fabsf(most)) most = x[i];
    return most;
}

static void bounds(const float *x, int n, float *low, float *high) {
    *low = *high = x[0];
    for (int i = 1; i < n; i++) {
        *low = x[i] < *low ? x[i] : *low;
        *high = x[i] > *high ? x[i] : *high;
    }
}

// 32 numbers of 4 bits: columns 0..15 in the low halves, 16..31 in the high ones; fifth bits in a word of 32.
static void put_nibbles(const uint8_t *u, uint8_t *qs) {
    for (int i = 0; i < 16; i++) qs[i] = (uint8_t)((u[i] & 15) | (u[i + 16] & 15) << 4);
}

static void put_fifth_bits(const uint8_t *u, uint8_t *qh) {
    memset(qh, 0, 4);
    for (int i = 0; i < BLOCK; i++) qh[i / 8] |= (uint8_t)((u[i] >> 4 & 1) << (i % 8));
}

static void write_q8_0(const float *x, uint8_t *b) {
    float inverse = stored(fabsf(extreme(x)) / 127, b);
    for (int i = 0; i < BLOCK; i++) b[2 + i] = (uint8_t)(int8_t)rounded(x[i] * inverse, -127, 127);
}

// w = d * (u - zero): the extreme value becomes -zero * d exactly, since there is one number more below than above.
static void symmetric(const float *x, int zero, uint8_t *scale, uint8_t *u) {
    float inverse = stored(extreme(x) / (float)-zero, scale);
    for (int i = 0; i < BLOCK; i++) u[i] = (uint8_t)(rounded(x[i] * inverse, -zero, zero - 1) + zero);
}

// w = d * u + m from the smallest to the largest value.
static void ranged(const float *x, int top, uint8_t *scale, uint8_t *u) {
    float low, high;
    bounds(x, BLOCK, &low, &high);
    put_u16(scale + 2, f32_to_f16(low));
    low = f16_to_f32(f32_to_f16(low));
    float inverse = stored((high - low) / (float)top, scale);
    for (int i = 0; i < BLOCK; i++) u[i] = (uint8_t)rounded((x[i] - low) * inverse, 0, top);
}

static void write_q4_0(const float *x, uint8_t *b) {
    uint8_t u[BLOCK];
    symmetric(x, 8, b, u);
    put_nibbles(u, b + 2);
}

static void write_q4_1(const float *x, uint8_t *b) {
    uint8_t u[BLOCK];
    ranged(x, 15, b, u);
    put_nibbles(u, b + 4);
}

static void write_q5_0(const float *x, uint8_t *b) {
    uint8_t u[BLOCK];
    symmetric(x, 16, b, u);
    put_fifth_bits(u, b + 2);
    put_nibbles(u, b + 6);
}

static void write_q5_1(const float *x, uint8_t *b) {
    uint8_t u[BLOCK];
    ranged(x, 31, b, u);
    put_fifth_bits(u, b + 4);
    put_nibbles(u, b + 8);
}

// ---- Q4_K ----

// x is about scale * u - low, scale and low not negative.
typedef struct fit {
    float scale, low, loss;
} fit;

static float fit_numbers(const float *x, float scale, float low, uint8_t *u) {
    float inverse = scale > 0 ? 1 / scale : 0, loss = 0;
    for (int i = 0; i < BLOCK; i++) {
        u[i] = (uint8_t)rounded((x[i] + low) * inverse, 0, 15);
        float e = scale * (float)u[i] - low - x[i];
        loss += e * e;
    }
    return loss;
}

// The line through the numbers that misses the weights least.
static fit least_squares(const float *x, const uint8_t *u, fit f) {
    float n = BLOCK, su = 0, suu = 0, sx = 0, sux = 0;
    for (int i = 0; i < BLOCK; i++) {
        float v = (float)u[i];
        su += v;
        suu += v * v;
        sx += x[i];
        sux += v * x[i];
    }
    float determinant = n * suu - su * su;
    if (determinant <= 0) return f;
    f.scale = (n * sux - su * sx) / determinant;
    f.low = (f.scale * su - sx) / n;
    if (f.low < 0) { // the format has no positive offsets
        f.low = 0;
        f.scale = suu > 0 ? sux / suu : 0;
    }
    if (f.scale < 0) f.scale = 0;
    return f;
}

static fit fit_block(const float *x) {
    float low, high;
    bounds(x, BLOCK, &low, &high);
    low = low < 0 ? -low : 0;
    if (high + low <= 0) return (fit){0, low, 0};
    uint8_t u[BLOCK];
    fit best = {(high + low) / 15, low, 0};
    best.loss = fit_numbers(x, best.scale, best.low, u);
    for (int step = -4; step <= 8; step++) {
        fit_numbers(x, (high + low) / (15 + 0.25f * (float)step), low, u);
        fit f = least_squares(x, u, best);
        f.loss = fit_numbers(x, f.scale, f.low, u);
        if (f.loss < best.loss) best = f;
    }
    return best;
}

// The eight scales and minimums of six bits each in 12 bytes; quant.c has the reverse.
static void put_k4_scales(const uint8_t *sc, const uint8_t *mn, uint8_t *s) {
    for (int j = 0; j < 4; j++) {
        s[j] = (uint8_t)(sc[j] | (sc[j + 4] >> 4) << 6);
        s[j + 4] = (uint8_t)(mn[j] | (mn[j + 4] >> 4) << 6);
        s[j + 8] = (uint8_t)((sc[j + 4] & 15) | (mn[j + 4] & 15) << 4);
    }
}

static void write_q4_k(const float *x, uint8_t *b) {
    fit f[SUBS];
    float most_scale = 0, most_low = 0;
    uint8_t sc[SUBS], mn[SUBS];
    for (int j = 0; j < SUBS; j++) {
        f[j] = fit_block(x + j * BLOCK);
        most_scale = f[j].scale > most_scale ? f[j].scale : most_scale;
        most_low = f[j].low > most_low ? f[j].low : most_low;
    }
    float per_scale = stored(most_scale / 63, b), per_low = stored(most_low / 63, b + 2);
    float d = per_scale > 0 ? 1 / per_scale : 0, dmin = per_low > 0 ? 1 / per_low : 0;
    for (int j = 0; j < SUBS; j++) {
        uint8_t u[BLOCK];
        sc[j] = (uint8_t)rounded(f[j].scale * per_scale, 0, 63);
        mn[j] = (uint8_t)rounded(f[j].low * per_low, 0, 63);
        fit_numbers(x + j * BLOCK, d * sc[j], dmin * mn[j], u);
        uint8_t *qs = b + 16 + j / 2 * BLOCK;
        for (int i = 0; i < BLOCK; i++) qs[i] = (uint8_t)(j % 2 ? qs[i] | u[i] << 4 : u[i]);
    }
    put_k4_scales(sc, mn, b + 4);
}

// ----

static void write_block(tensor_type type, const float *x, uint8_t *b) {
    switch (type) {
    case TENSOR_Q4_0: write_q4_0(x, b); break;
    case TENSOR_Q4_1: write_q4_1(x, b); break;
    case TENSOR_Q5_0: write_q5_0(x, b); break;
    case TENSOR_Q5_1: write_q5_1(x, b); break;
    case TENSOR_Q8_0: write_q8_0(x, b); break;
    case TENSOR_Q4_K: write_q4_k(x, b); break;
    default: break;
    }
}

void quantize_row(tensor_type type, const float *x, int64_t n, void *out) {
    uint16_t *half = out;
    if (type == TENSOR_F32) {
        memcpy(out, x, (size_t)n * sizeof *x);
    } else if (type == TENSOR_F16) {
        for (int64_t i = 0; i < n; i++) half[i] = f32_to_f16(x[i]);
    } else if (type == TENSOR_BF16) {
        for (int64_t i = 0; i < n; i++) half[i] = f32_to_bf16(x[i]);
    } else {
        int each = tensor_block_elements(type);
        for (int64_t i = 0; i < n; i += each) write_block(type, x + i, (uint8_t *)out + tensor_row_bytes(type, i));
    }
}
