// The kernels in plain C: their definition, and the tier for processors without a faster one.
#include "model/math/half.h"
#include "model/math/kernels.h"

#include <math.h>
#include <string.h>

static void quantize_ref(const float *x, int n, int8_t *q, float *d, float *sum) {
    for (int s = 0; s < n / QUANT_UNIT; s++, x += QUANT_UNIT, q += QUANT_UNIT) {
        float max = 0;
        for (int i = 0; i < QUANT_UNIT; i++) max = fmaxf(max, fabsf(x[i]));
        float inverse = max > 0 ? 127.0f / max : 0;
        d[s] = max / 127.0f;
        for (int h = 0; h < 2; h++) {
            int total = 0;
            for (int i = 16 * h; i < 16 * h + 16; i++) {
                q[i] = (int8_t)lrintf(x[i] * inverse);
                total += q[i];
            }
            sum[2 * s + h] = d[s] * (float)total;
        }
    }
}

enum { MAX_STACK_UNITS = 64 };

// One unit of sixteen rows against one row of activations that stand `step` bytes apart from group to group.
static void unit_dot(const uint8_t *u, const int8_t *q, int step, int halves, const float *scale, const float *offset,
                     float d, const float *sum, int sum_step, float *acc) {
    for (int r = 0; r < PACK_ROWS; r++) {
        int dot[2] = {0, 0};
        for (int g = 0; g < 8; g++)
            for (int i = 0; i < 4; i++) dot[g / 4] += u[g * 64 + r * 4 + i] * q[g * step + i];
        if (halves == 1) {
            acc[r] += scale[r] * d * (float)(dot[0] + dot[1]) + offset[r] * (sum[0] + sum[sum_step]);
        } else {
            for (int h = 0; h < 2; h++)
                acc[r] += scale[h * PACK_ROWS + r] * d * (float)dot[h] + offset[h * PACK_ROWS + r] * sum[h * sum_step];
        }
    }
}

static void gemm_ref(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld) {
    size_t units = (size_t)w->n_units;
    const int8_t *q = x->q + (size_t)tile * units * QUANT_UNIT * KERNELS_TILE;
    const float *d = x->d + (size_t)tile * units * KERNELS_TILE;
    const float *sum = x->sum + (size_t)tile * units * 3 * KERNELS_TILE;
    for (int i = 0; i < n * w->n_blocks; i++) {
        int t = i / w->n_blocks;
        size_t block = (size_t)(i % w->n_blocks) * units, scales = (size_t)w->halves * PACK_ROWS;
        float *out = y + (size_t)t * ld + (size_t)(i % w->n_blocks) * PACK_ROWS, acc[PACK_ROWS] = {0};
        for (size_t s = 0; s < units; s++)
            unit_dot(w->u + (block + s) * PACK_UNIT_BYTES, q + s * QUANT_UNIT * KERNELS_TILE + t * 4, 4 * KERNELS_TILE,
                     w->halves, w->scale + (block + s) * scales, w->offset + (block + s) * scales,
                     d[s * KERNELS_TILE + (size_t)t], sum + s * 3 * KERNELS_TILE + t, KERNELS_TILE, acc);
        for (int r = 0; r < PACK_ROWS; r++) out[r] = add ? out[r] + acc[r] : acc[r];
    }
}

// Spreads a row block out a few units at a time (a pack whose first units are the wanted ones), so that no memory has
// to be asked for.
static void gemv_row_ref(const pack *w, int b0, int b1, const int8_t *q, const float *d, const float *sum, float *y) {
    static _Thread_local uint8_t u[MAX_STACK_UNITS * PACK_UNIT_BYTES];
    static _Thread_local float scale[MAX_STACK_UNITS * 2 * PACK_ROWS], offset[MAX_STACK_UNITS * 2 * PACK_ROWS];
    int halves = pack_halves(w);
    for (int b = b0; b < b1; b++) {
        float *out = y + (size_t)(b - b0) * PACK_ROWS;
        memset(out, 0, PACK_ROWS * sizeof *out);
        for (int s0 = 0; s0 < w->n_units; s0 += MAX_STACK_UNITS) {
            int n = w->n_units - s0 < MAX_STACK_UNITS ? w->n_units - s0 : MAX_STACK_UNITS;
            pack_unpack_ref(w, b, s0, n, u, scale, offset);
            for (int s = 0; s < n; s++)
                unit_dot(u + s * PACK_UNIT_BYTES, q + (size_t)(s0 + s) * QUANT_UNIT, 4, halves,
                         scale + s * halves * PACK_ROWS, offset + s * halves * PACK_ROWS, d[s0 + s], sum + 2 * (s0 + s),
                         1, out);
        }
    }
}

static void gemv_ref(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
    for (int i = 0; i < n; i++) gemv_row_ref(w, b0, b1, rows[i].q, rows[i].d, rows[i].sum, rows[i].y);
}

static void unpack_ref(const pack *w, int b, uint8_t *u, float *scale, float *offset) {
    pack_unpack_ref(w, b, 0, w->n_units, u, scale, offset);
}

static void dequantize_ref(const pack *w, int b, int s0, int n, float *out, size_t ld) {
    uint8_t u[PACK_UNIT_BYTES];
    float scale[2 * PACK_ROWS], offset[2 * PACK_ROWS];
    int halves = pack_halves(w);
    for (int s = 0; s < n; s++, out += QUANT_UNIT) {
        pack_unpack_ref(w, b, s0 + s, 1, u, scale, offset);
        for (int r = 0; r < PACK_ROWS; r++)
            for (int i = 0; i < QUANT_UNIT; i++) {
                int h = halves == 2 ? i / 16 * PACK_ROWS : 0;
                out[(size_t)r * ld + (size_t)i] = scale[h + r] * u[i / 4 * 64 + r * 4 + i % 4] + offset[h + r];
            }
    }
}

static void gemv_f32_ref(const float *w, size_t ld, int rows, int cols, const float *x, float *y) {
    for (int r = 0; r < rows; r++, w += ld) {
        float a = 0;
        for (int i = 0; i < cols; i++) a += w[i] * x[i];
        y[r] = a;
    }
}

static void gemv_f16_ref(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    for (int r = 0; r < rows; r++, w += ld) {
        float a = 0;
        for (int i = 0; i < cols; i++) a += f16_to_f32(w[i]) * x[i];
        y[r] = a;
    }
}

static void gemv_bf16_ref(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    for (int r = 0; r < rows; r++, w += ld) {
        float a = 0;
        for (int i = 0; i < cols; i++) a += bf16_to_f32(w[i]) * x[i];
        y[r] = a;
    }
}

static void rank_add_ref(const void *b, bool f32, int rank, int blocks, const float *t, size_t ldt, int n, float *y,
                         size_t ld) {
    size_t wide = (size_t)rank * PACK_ROWS;
    for (int i = 0; i < n; i++, t += ldt, y += ld)
        for (size_t at = 0; at < wide * (size_t)blocks; at++) {
            float w = f32 ? ((const float *)b)[at] : f16_to_f32(((const uint16_t *)b)[at]);
            y[at / wide * PACK_ROWS + at % PACK_ROWS] += t[at % wide / PACK_ROWS] * w;
        }
}

static void f16_to_f32_ref(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = f16_to_f32(x[i]);
}

static void bf16_to_f32_ref(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = bf16_to_f32(x[i]);
}

static void f32_to_f16_ref(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i++) y[i] = f32_to_f16(x[i]);
}

static float cache_at(const attend_job *job, const void *base, size_t i) {
    switch (job->cache) {
    case CACHE_F32: return ((const float *)base)[i];
    case CACHE_F16: return f16_to_f32(((const uint16_t *)base)[i]);
    case CACHE_Q8_0: return ((const int8_t *)base)[i];
    }
    return 0;
}

// Component i of position p's key and value.
static float key_at(const attend_job *job, int p, int i) {
    size_t tile = (size_t)(p / 16), lane = (size_t)(p % 16), n = (size_t)job->head_dim;
    float key = cache_at(job, job->k, (tile * n + (size_t)i) * 16 + lane);
    return job->cache == CACHE_Q8_0 ? key * f16_to_f32(job->k_scale[(tile * (n / 32) + (size_t)(i / 32)) * 16 + lane])
                                    : key;
}

static float value_at(const attend_job *job, int p, int i) {
    float value = cache_at(job, job->v, (size_t)p * (size_t)job->v_dim + (size_t)i);
    return job->cache == CACHE_Q8_0 ? value * f16_to_f32(job->v_scale[(p * job->v_dim + i) / 32]) : value;
}

static void attend_ref(const attend_job *job) {
    for (int r = 0; r < job->n_rows; r++) {
        int first = job->first[r] > job->p0 ? job->first[r] : job->p0;
        int last = job->last[r] < job->p1 - 1 ? job->last[r] : job->p1 - 1;
        float *acc = job->acc + (size_t)r * job->v_dim;
        for (int p = first; p <= last; p++) {
            float dot = 0;
            for (int i = 0; i < job->head_dim; i++) dot += job->q[r][i] * key_at(job, p, i);
            float score = dot * job->scale + job->slope[r] * (float)(p - job->last[r]);
            if (score > job->m[r]) { // a new maximum: what was added so far shrinks
                float shrink = expf(job->m[r] - score);
                job->l[r] *= shrink;
                for (int i = 0; i < job->v_dim; i++) acc[i] *= shrink;
                job->m[r] = score;
            }
            float weight = expf(score - job->m[r]);
            job->l[r] += weight;
            for (int i = 0; i < job->v_dim; i++) acc[i] += weight * value_at(job, p, i);
        }
    }
}

static void rms_norm_ref(const float *x, const float *w, int n, float eps, float *y) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    float scale = 1.0f / sqrtf(sum / (float)n + eps);
    for (int i = 0; i < n; i++) y[i] = x[i] * scale * w[i];
}

static void layer_norm_ref(const float *x, const float *w, const float *b, int n, float eps, float *y) {
    float sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    float mean = sum / (float)n;
    for (int i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / sqrtf(squares / (float)n + eps);
    for (int i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * w[i] + (b ? b[i] : 0);
}

static void turn_ref(float *head, const float *cosine, const float *sine, int n, bool apart) {
    for (int i = 0; i < n; i++) {
        float *a = head + (apart ? i : 2 * i), *b = a + (apart ? n : 1), x = *a, y = *b;
        *a = x * cosine[i] - y * sine[i];
        *b = y * cosine[i] + x * sine[i];
    }
}

static void silu_mul_ref(float *g, const float *u, int n) {
    for (int i = 0; i < n; i++) g[i] = g[i] / (1.0f + expf(-g[i])) * u[i];
}

static float exp_sub_ref(float *x, int n, float shift) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] = expf(x[i] - shift);
    return sum;
}

static void gelu_tanh_ref(float *x, int n) {
    for (int i = 0; i < n; i++) {
        float inner = 0.7978845608f * (x[i] + 0.044715f * x[i] * x[i] * x[i]);
        x[i] = 0.5f * x[i] * (1.0f + tanhf(inner));
    }
}

static void gelu_erf_ref(float *x, int n) {
    for (int i = 0; i < n; i++) x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678f));
}

const kernels kernels_ref = {
    .name = "portable",
    .quantize = quantize_ref,
    .gemv = gemv_ref,
    .unpack = unpack_ref,
    .dequantize = dequantize_ref,
    .gemm = gemm_ref,
    .gemv_f32 = gemv_f32_ref,
    .gemv_f16 = gemv_f16_ref,
    .gemv_bf16 = gemv_bf16_ref,
    .rank_add = rank_add_ref,
    .f16_to_f32 = f16_to_f32_ref,
    .bf16_to_f32 = bf16_to_f32_ref,
    .f32_to_f16 = f32_to_f16_ref,
    .attend = attend_ref,
    .rms_norm = rms_norm_ref,
    .layer_norm = layer_norm_ref,
    .turn = turn_ref,
    .silu_mul = silu_mul_ref,
    .exp_sub = exp_sub_ref,
    .gelu_tanh = gelu_tanh_ref,
    .gelu_erf = gelu_erf_ref,
};
