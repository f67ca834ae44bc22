// Kernels for AArch64 with NEON: two tables, which differ in the integer products (neon_products.c).
#include "model/math/half.h"
#include "model/math/neon.h"

#if defined(__aarch64__)
#include <math.h>
#include <string.h>

// ---- packed weights ----

INLINE void spread_bits(const uint8_t *planes, int bits, uint8_t *u) {
    for (int j = 0; j < QUARTERS; j++) {
        int at = QUARTER_BYTES * j;
        for (int g = 0; g < 8; g++) vst1q_u8(u + 64 * g + at, load_group(planes + at, bits, g));
    }
}

// One unit as `unpacked` has it.
static void spread_unit(const pack *w, int b, int s, uint8_t *u, float *scale, float *offset) {
    const uint8_t *planes = pack_planes(w, b, s);
    switch (w->traits.bits) {
    case 2: spread_bits(planes, 2, u); break;
    case 3: spread_bits(planes, 3, u); break;
    case 4: spread_bits(planes, 4, u); break;
    case 5: spread_bits(planes, 5, u); break;
    case 6: spread_bits(planes, 6, u); break;
    default: spread_bits(planes, 8, u); break;
    }
    for (int h = 0; h < pack_halves(w); h++) {
        float32x4_t sv[QUARTERS], ov[QUARTERS];
        load_scales(pack_scales(w, b), w->traits, s, h, sv, ov);
        for (int j = 0; j < QUARTERS; j++) {
            vst1q_f32(scale + PACK_ROWS * h + QUARTER_ROWS * j, sv[j]);
            vst1q_f32(offset + PACK_ROWS * h + QUARTER_ROWS * j, ov[j]);
        }
    }
}

static void unpack_neon(const pack *w, int b, uint8_t *u, float *scale, float *offset) {
    int step = pack_halves(w) * PACK_ROWS;
    for (int s = 0; s < w->n_units; s++, u += PACK_UNIT_BYTES, scale += step, offset += step)
        spread_unit(w, b, s, u, scale, offset);
}

// Four columns of a row from four bytes.
INLINE float32x4_t four_columns(const uint8_t *u, float scale, float offset) {
    uint32_t word;
    memcpy(&word, u, sizeof word);
    uint16x4_t wide = vget_low_u16(vmovl_u8(vcreate_u8(word)));
    return vfmaq_n_f32(vdupq_n_f32(offset), vcvtq_f32_u32(vmovl_u16(wide)), scale);
}

static void dequantize_neon(const pack *w, int b, int s0, int n, float *out, size_t ld) {
    uint8_t u[PACK_UNIT_BYTES];
    float scale[2 * PACK_ROWS], offset[2 * PACK_ROWS];
    int second = pack_halves(w) == 2 ? PACK_ROWS : 0; // where the second half's scales are
    for (int s = s0; s < s0 + n; s++, out += QUANT_UNIT) {
        spread_unit(w, b, s, u, scale, offset);
        for (int r = 0; r < PACK_ROWS; r++)
            for (int g = 0; g < 8; g++) {
                int at = r + g / 4 * second;
                vst1q_f32(out + (size_t)r * ld + 4 * g, four_columns(u + 64 * g + 4 * r, scale[at], offset[at]));
            }
    }
}

// ---- floats ----

INLINE int left_of(size_t n, size_t i) {
    return n - i < 4 ? (int)(n - i) : 4;
}

// Four values from p on; beyond `left` they are zero.
INLINE float32x4_t load_some(const float *p, int left) {
    if (left >= 4) return vld1q_f32(p);
    float some[4] = {0};
    for (int i = 0; i < left; i++) some[i] = p[i];
    return vld1q_f32(some);
}

INLINE void store_some(float *y, float32x4_t v, int left) {
    float some[4];
    if (left >= 4) {
        vst1q_f32(y, v);
        return;
    }
    vst1q_f32(some, v);
    for (int i = 0; i < left; i++) y[i] = some[i];
}

INLINE uint16x4_t load_halves(const uint16_t *p, int left) {
    if (left >= 4) return vld1_u16(p);
    uint16_t some[4] = {0};
    for (int i = 0; i < left; i++) some[i] = p[i];
    return vld1_u16(some);
}

// What remains of v when only the first `left` lanes count.
INLINE float32x4_t keep_some(float32x4_t v, int left) {
    static const int32_t lanes[4] = {0, 1, 2, 3};
    uint32x4_t kept = vcgtq_s32(vdupq_n_s32(left), vld1q_s32(lanes));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), kept));
}

enum float_kind { F32, F16, BF16 };

INLINE float32x4_t load_as_float(const void *w, enum float_kind kind, size_t i, int left) {
    if (kind == F32) return load_some((const float *)w + i, left);
    uint16x4_t h = load_halves((const uint16_t *)w + i, left);
    if (kind == F16) return vcvt_f32_f16(vreinterpret_f16_u16(h));
    return vreinterpretq_f32_u32(vshll_n_u16(h, 16));
}

static void quantize_neon(const float *x, int n, int8_t *q, float *d, float *sum) {
    for (int s = 0; s < n / QUANT_UNIT; s++, x += QUANT_UNIT, q += QUANT_UNIT) {
        float32x4_t v[8], max = vdupq_n_f32(0);
        for (int i = 0; i < 8; i++) {
            v[i] = vld1q_f32(x + 4 * i);
            max = vmaxnmq_f32(max, vabsq_f32(v[i]));
        }
        float top = vmaxnmvq_f32(max), inverse = top > 0 ? 127.0f / top : 0;
        d[s] = top / 127.0f;
        int32x4_t w[8];
        for (int i = 0; i < 8; i++) w[i] = vcvtnq_s32_f32(vmulq_n_f32(v[i], inverse));
        for (int h = 0; h < 2; h++) {
            const int32x4_t *part = w + 4 * h;
            int32x4_t total = vaddq_s32(vaddq_s32(part[0], part[1]), vaddq_s32(part[2], part[3]));
            sum[2 * s + h] = d[s] * (float)vaddvq_s32(total);
            int16x8_t low = vcombine_s16(vqmovn_s32(part[0]), vqmovn_s32(part[1]));
            int16x8_t high = vcombine_s16(vqmovn_s32(part[2]), vqmovn_s32(part[3]));
            vst1q_s8(q + 16 * h, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
        }
    }
}

enum { FLOAT_ROWS = 8 }; // rows of weights per pass, which share the loads of x

INLINE void gemv_float(const void *w, enum float_kind kind, size_t ld, int rows, int cols, const float *x, float *y) {
    size_t size = kind == F32 ? sizeof(float) : sizeof(uint16_t);
    for (int r = 0; r < rows; r += FLOAT_ROWS) {
        int n = rows - r < FLOAT_ROWS ? rows - r : FLOAT_ROWS;
        const char *row[FLOAT_ROWS];
        float32x4_t acc[FLOAT_ROWS];
        for (int k = 0; k < FLOAT_ROWS; k++) {
            row[k] = (const char *)w + (size_t)(r + (k < n ? k : 0)) * ld * size;
            acc[k] = vdupq_n_f32(0);
        }
        for (int i = 0; i < cols; i += 4) {
            float32x4_t v = load_some(x + i, cols - i);
            for (int k = 0; k < FLOAT_ROWS; k++)
                acc[k] = vfmaq_f32(acc[k], load_as_float(row[k], kind, (size_t)i, cols - i), v);
        }
        for (int k = 0; k < FLOAT_ROWS; k++)
            if (k < n) y[r + k] = vaddvq_f32(acc[k]);
    }
}

static void gemv_f32_neon(const float *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, F32, ld, rows, cols, x, y);
}

static void gemv_f16_neon(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, F16, ld, rows, cols, x, y);
}

static void gemv_bf16_neon(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, BF16, ld, rows, cols, x, y);
}

INLINE void rank_add_block(const void *b, bool f32, int rank, const float *t, float *y) {
    float32x4_t acc[QUARTERS];
    for (int j = 0; j < QUARTERS; j++) acc[j] = vld1q_f32(y + 4 * j);
    for (int k = 0; k < rank; k++)
        for (int j = 0; j < QUARTERS; j++)
            acc[j] = vfmaq_n_f32(acc[j], load_as_float(b, f32 ? F32 : F16, (size_t)(k * PACK_ROWS + 4 * j), 4), t[k]);
    for (int j = 0; j < QUARTERS; j++) vst1q_f32(y + 4 * j, acc[j]);
}

static void rank_add_neon(const void *b, bool f32, int rank, int blocks, const float *t, size_t ldt, int n, float *y,
                          size_t ld) {
    size_t bytes = (size_t)rank * PACK_ROWS * (f32 ? 4 : 2);
    for (int j = 0; j < blocks; j++)
        for (int i = 0; i < n; i++)
            rank_add_block((const char *)b + (size_t)j * bytes, f32, rank, t + (size_t)i * ldt,
                           y + (size_t)i * ld + (size_t)j * PACK_ROWS);
}

static void f16_to_f32_neon(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 4) store_some(y + i, load_as_float(x, F16, i, left_of(n, i)), left_of(n, i));
}

static void bf16_to_f32_neon(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 4) store_some(y + i, load_as_float(x, BF16, i, left_of(n, i)), left_of(n, i));
}

static void f32_to_f16_neon(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i += 4) {
        int left = left_of(n, i);
        uint16x4_t h = vreinterpret_u16_f16(vcvt_f16_f32(load_some(x + i, left)));
        memcpy(y + i, &h, (size_t)left * sizeof *y);
    }
}

// exp by 2^n * e^r, |r| <= ln(2) / 2, a polynomial of degree 6 for e^r; 0 below -87.3, relative error about 1e-7.
INLINE float32x4_t exp_f32(float32x4_t x) {
    uint32x4_t gone = vcltq_f32(x, vdupq_n_f32(-87.3f));
    x = vmaxq_f32(vminq_f32(x, vdupq_n_f32(88.0f)), vdupq_n_f32(-87.3f));
    float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t r = vfmsq_n_f32(x, n, 0.693359375f);
    r = vfmsq_n_f32(r, n, -2.12194440e-4f);
    float32x4_t p = vdupq_n_f32(1.0f / 720);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 120), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 24), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 6), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.5f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
    int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    p = vmulq_f32(p, vreinterpretq_f32_s32(power));
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(p), gone));
}

// ---- attention ----

enum {
    CHUNK = 256,     // positions whose scores are held at once
    STRIP = 8,       // positions of keys or components of values that are taken at once
    ATTEND_PIECE = 4 // queries that share the loads of the cache
};

// Eight numbers of a cache; those of CACHE_Q8_0 are still to be scaled.
INLINE float32x4x2_t load_cache(const void *base, cache_type cache, size_t i) {
    if (cache == CACHE_Q8_0) {
        int16x8_t v = vmovl_s8(vld1_s8((const int8_t *)base + i));
        return (float32x4x2_t){{vcvtq_f32_s32(vmovl_s16(vget_low_s16(v))), vcvtq_f32_s32(vmovl_high_s16(v))}};
    }
    if (cache == CACHE_F16) {
        const uint16_t *half = (const uint16_t *)base + i;
        return (float32x4x2_t){{load_f16(half), load_f16(half + 4)}};
    }
    return (float32x4x2_t){{vld1q_f32((const float *)base + i), vld1q_f32((const float *)base + i + 4)}};
}

// Scores of eight positions (p is a multiple of 8) for n rows from r0 on; what a row may not see becomes -inf.
INLINE void score_strip(const attend_job *job, cache_type cache, int r0, int n, int p, float (*scores)[CHUNK], int at) {
    float32x4_t acc[ATTEND_PIECE][2];
    for (int r = 0; r < n; r++) acc[r][0] = acc[r][1] = vdupq_n_f32(0);
    size_t base = (size_t)(p / 16) * (size_t)job->head_dim * 16 + (size_t)(p % 16);
    size_t scale_at = (size_t)(p / 16) * (size_t)(job->head_dim / 2) + (size_t)(p % 16);
    float32x4x2_t scale = {0};
    for (int i = 0; i < job->head_dim; i++, base += 16) {
        float32x4x2_t k = load_cache(job->k, cache, base);
        if (cache == CACHE_Q8_0) {
            if (i % 32 == 0) scale = load_cache(job->k_scale, CACHE_F16, scale_at + (size_t)(i / 2));
            for (int half = 0; half < 2; half++) k.val[half] = vmulq_f32(k.val[half], scale.val[half]);
        }
        for (int r = 0; r < n; r++)
            for (int half = 0; half < 2; half++)
                acc[r][half] = vfmaq_n_f32(acc[r][half], k.val[half], job->q[r0 + r][i]);
    }
    static const int32_t lanes[4] = {0, 1, 2, 3};
    for (int r = 0; r < n; r++)
        for (int half = 0; half < 2; half++) {
            int row = r0 + r, start = p + 4 * half;
            int first = job->first[row] > job->p0 ? job->first[row] : job->p0;
            int last = job->last[row] < job->p1 - 1 ? job->last[row] : job->p1 - 1;
            int32x4_t index = vaddq_s32(vdupq_n_s32(start), vld1q_s32(lanes));
            float32x4_t distance = vcvtq_f32_s32(vsubq_s32(index, vdupq_n_s32(job->last[row])));
            float32x4_t v = vfmaq_n_f32(vmulq_n_f32(acc[r][half], job->scale), distance, job->slope[row]);
            uint32x4_t seen = vandq_u32(vcgeq_s32(index, vdupq_n_s32(first)), vcleq_s32(index, vdupq_n_s32(last)));
            vst1q_f32(scores[r] + at + 4 * half, vbslq_f32(seen, v, vdupq_n_f32(-INFINITY)));
        }
}

// Turns a row's scores into weights relative to the new maximum and shrinks what was gathered under the old one.
INLINE void soften(const attend_job *job, int row, float *scores, int n) {
    float32x4_t max = vdupq_n_f32(-INFINITY);
    for (int i = 0; i < n; i += 4) max = vmaxq_f32(max, vld1q_f32(scores + i));
    float top = vmaxvq_f32(max);
    if (top == -INFINITY) {
        for (int i = 0; i < n; i += 4) vst1q_f32(scores + i, vdupq_n_f32(0));
        return;
    }
    if (top > job->m[row]) {
        float shrink = expf(job->m[row] - top), *acc = job->acc + (size_t)row * (size_t)job->v_dim;
        job->m[row] = top;
        job->l[row] *= shrink;
        for (int i = 0; i < job->v_dim; i += 4) vst1q_f32(acc + i, vmulq_n_f32(vld1q_f32(acc + i), shrink));
    }
    float32x4_t m = vdupq_n_f32(job->m[row]), sum = vdupq_n_f32(0);
    for (int i = 0; i < n; i += 4) {
        float32x4_t e = exp_f32(vsubq_f32(vld1q_f32(scores + i), m));
        sum = vaddq_f32(sum, e);
        vst1q_f32(scores + i, e);
    }
    job->l[row] += vaddvq_f32(sum);
}

INLINE void gather_values(const attend_job *job, cache_type cache, int r0, int n, int p, int count,
                          float (*scores)[CHUNK]) {
    size_t v_dim = (size_t)job->v_dim;
    for (size_t c = 0; c < v_dim; c += STRIP) {
        float *sums_at = job->acc + (size_t)r0 * v_dim + c;
        float32x4_t acc[ATTEND_PIECE][2];
        for (int r = 0; r < n; r++)
            for (int half = 0; half < 2; half++) acc[r][half] = vld1q_f32(sums_at + (size_t)r * v_dim + 4 * half);
        for (int i = 0; i < count; i++) {
            size_t at = (size_t)(p + i) * v_dim + c;
            float32x4x2_t v = load_cache(job->v, cache, at);
            if (cache == CACHE_Q8_0)
                for (int half = 0; half < 2; half++)
                    v.val[half] = vmulq_n_f32(v.val[half], f16_to_f32(job->v_scale[at / 32]));
            for (int r = 0; r < n; r++)
                for (int half = 0; half < 2; half++)
                    acc[r][half] = vfmaq_n_f32(acc[r][half], v.val[half], scores[r][i]);
        }
        for (int r = 0; r < n; r++)
            for (int half = 0; half < 2; half++) vst1q_f32(sums_at + (size_t)r * v_dim + 4 * half, acc[r][half]);
    }
}

// Positions [p, end) for n rows from r0 on; p is a multiple of 16.
INLINE void attend_piece(const attend_job *job, cache_type cache, int r0, int n, int p, int end) {
    float scores[ATTEND_PIECE][CHUNK];
    int rounded = (end - p + 15) / 16 * 16;
    for (int i = 0; i < rounded; i += STRIP) score_strip(job, cache, r0, n, p + i, scores, i);
    for (int r = 0; r < n; r++) soften(job, r0 + r, scores[r], rounded);
    gather_values(job, cache, r0, n, p, end - p, scores);
}

// The number of rows is made a constant, so that their sums stay in registers.
INLINE void attend_rows(const attend_job *job, cache_type cache) {
    for (int p = job->p0 / 16 * 16; p < job->p1; p += CHUNK) {
        int end = p + CHUNK < job->p1 ? p + CHUNK : job->p1;
        for (int r0 = 0; r0 < job->n_rows; r0 += ATTEND_PIECE) switch (job->n_rows - r0) {
            case 1: attend_piece(job, cache, r0, 1, p, end); break;
            case 2: attend_piece(job, cache, r0, 2, p, end); break;
            case 3: attend_piece(job, cache, r0, 3, p, end); break;
            default: attend_piece(job, cache, r0, 4, p, end); break;
            }
    }
}

static void attend_neon(const attend_job *job) {
    switch (job->cache) {
    case CACHE_F32: attend_rows(job, CACHE_F32); break;
    case CACHE_F16: attend_rows(job, CACHE_F16); break;
    case CACHE_Q8_0: attend_rows(job, CACHE_Q8_0); break;
    }
}

// ---- norms and activations ----

static void turn_neon(float *head, const float *cosine, const float *sine, int n, bool apart) {
    if (n % 4 != 0) {
        kernels_ref.turn(head, cosine, sine, n, apart);
        return;
    }
    for (int i = 0; i < n; i += 4) {
        float32x4_t c = vld1q_f32(cosine + i), s = vld1q_f32(sine + i);
        float32x4x2_t x =
            apart ? (float32x4x2_t){{vld1q_f32(head + i), vld1q_f32(head + n + i)}} : vld2q_f32(head + 2 * i);
        float32x4x2_t y = {
            {vfmsq_f32(vmulq_f32(x.val[0], c), x.val[1], s), vfmaq_f32(vmulq_f32(x.val[1], c), x.val[0], s)}};
        if (apart) {
            vst1q_f32(head + i, y.val[0]);
            vst1q_f32(head + n + i, y.val[1]);
        } else {
            vst2q_f32(head + 2 * i, y);
        }
    }
}

static void rms_norm_neon(const float *x, const float *w, int n, float eps, float *y) {
    float32x4_t sum = vdupq_n_f32(0);
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = load_some(x + i, n - i);
        sum = vfmaq_f32(sum, v, v);
    }
    float scale = 1.0f / sqrtf(vaddvq_f32(sum) / (float)n + eps);
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = vmulq_n_f32(load_some(x + i, n - i), scale);
        store_some(y + i, vmulq_f32(v, load_some(w + i, n - i)), n - i);
    }
}

static void layer_norm_neon(const float *x, const float *w, const float *b, int n, float eps, float *y) {
    float32x4_t sum = vdupq_n_f32(0), squares = sum;
    for (int i = 0; i < n; i += 4) sum = vaddq_f32(sum, load_some(x + i, n - i));
    float32x4_t mean = vdupq_n_f32(vaddvq_f32(sum) / (float)n);
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = keep_some(vsubq_f32(load_some(x + i, n - i), mean), n - i);
        squares = vfmaq_f32(squares, v, v);
    }
    float scale = 1.0f / sqrtf(vaddvq_f32(squares) / (float)n + eps);
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = vmulq_n_f32(vsubq_f32(load_some(x + i, n - i), mean), scale);
        float32x4_t shift = b ? load_some(b + i, n - i) : vdupq_n_f32(0);
        store_some(y + i, vfmaq_f32(shift, v, load_some(w + i, n - i)), n - i);
    }
}

// x * sigmoid(z)
INLINE float32x4_t times_sigmoid(float32x4_t x, float32x4_t z) {
    return vdivq_f32(x, vaddq_f32(vdupq_n_f32(1.0f), exp_f32(vnegq_f32(z))));
}

static void silu_mul_neon(float *g, const float *u, int n) {
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = load_some(g + i, n - i);
        store_some(g + i, vmulq_f32(times_sigmoid(v, v), load_some(u + i, n - i)), n - i);
    }
}

static float exp_sub_neon(float *x, int n, float shift) {
    float32x4_t sum = vdupq_n_f32(0), by = vdupq_n_f32(shift);
    for (int i = 0; i < n; i += 4) {
        float32x4_t e = exp_f32(vsubq_f32(load_some(x + i, n - i), by));
        sum = vaddq_f32(sum, keep_some(e, n - i));
        store_some(x + i, e, n - i);
    }
    return vaddvq_f32(sum);
}

static void gelu_tanh_neon(float *x, int n) {
    const float a = 2 * 0.7978845608f * 0.044715f, b = 2 * 0.7978845608f;
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = load_some(x + i, n - i);
        float32x4_t z = vmulq_f32(v, vfmaq_n_f32(vdupq_n_f32(b), vmulq_f32(v, v), a));
        store_some(x + i, times_sigmoid(v, z), n - i);
    }
}

// The share of the normal distribution below -|x|, by Abramowitz and Stegun's 7.1.26 (error 7.5e-8): gelu is x times the
// share below x.
INLINE float32x4_t normal_tail(float32x4_t x) {
    float32x4_t one = vdupq_n_f32(1), t = vdivq_f32(one, vfmaq_n_f32(one, vabsq_f32(x), 0.3275911f * 0.70710678f));
    float32x4_t p = vdupq_n_f32(0.5f * 1.061405429f);
    p = vfmaq_f32(vdupq_n_f32(0.5f * -1.453152027f), p, t);
    p = vfmaq_f32(vdupq_n_f32(0.5f * 1.421413741f), p, t);
    p = vfmaq_f32(vdupq_n_f32(0.5f * -0.284496736f), p, t);
    p = vfmaq_f32(vdupq_n_f32(0.5f * 0.254829592f), p, t);
    return vmulq_f32(vmulq_f32(p, t), exp_f32(vmulq_n_f32(vmulq_f32(x, x), -0.5f)));
}

static void gelu_erf_neon(float *x, int n) {
    for (int i = 0; i < n; i += 4) {
        float32x4_t v = load_some(x + i, n - i), below = normal_tail(v);
        below = vbslq_f32(vcgtzq_f32(v), vsubq_f32(vdupq_n_f32(1), below), below);
        store_some(x + i, vmulq_f32(v, below), n - i);
    }
}

// A table with these two integer products.
#define NEON_TABLE(table_name, gemv_function, gemm_function)                                                           \
    {                                                                                                                  \
        .name = table_name, .quantize = quantize_neon, .gemv = gemv_function, .unpack = unpack_neon,                   \
        .dequantize = dequantize_neon, .gemm = gemm_function, .gemv_f32 = gemv_f32_neon, .gemv_f16 = gemv_f16_neon,    \
        .gemv_bf16 = gemv_bf16_neon, .rank_add = rank_add_neon, .f16_to_f32 = f16_to_f32_neon,                         \
        .bf16_to_f32 = bf16_to_f32_neon, .f32_to_f16 = f32_to_f16_neon, .attend = attend_neon,                         \
        .rms_norm = rms_norm_neon, .layer_norm = layer_norm_neon, .turn = turn_neon, .silu_mul = silu_mul_neon,        \
        .exp_sub = exp_sub_neon, .gelu_tanh = gelu_tanh_neon, .gelu_erf = gelu_erf_neon,                               \
    }

const kernels kernels_neon = NEON_TABLE("neon", neon_gemv, neon_gemm);
const kernels kernels_neon_dot = NEON_TABLE("neon-dot", neon_gemv_dot, neon_gemm_dot);
#endif
