// Kernels for AVX-512: floats, norms and activations, and the table.
#include "model/math/avx512.h"

#if defined(__AVX512F__)

INLINE void gemv_float(const void *w, float_kind kind, size_t ld, int rows, int cols, const float *x, float *y) {
    size_t size = kind == F32 ? 4 : 2;
    for (int r = 0; r < rows; r += 4) {
        int n = rows - r < 4 ? rows - r : 4;
        const char *row[4];
        for (int k = 0; k < 4; k++) row[k] = (const char *)w + (size_t)(r + (k < n ? k : 0)) * ld * size;
        __m512 acc[4];
        for (int k = 0; k < 4; k++) acc[k] = _mm512_setzero_ps();
        int i = 0;
        for (; i + 16 <= cols; i += 16) {
            __m512 v = _mm512_loadu_ps(x + i);
            for (int k = 0; k < 4; k++)
                acc[k] = _mm512_fmadd_ps(load_as_float(row[k], kind, (size_t)i, 0xffff), v, acc[k]);
        }
        if (i < cols) {
            __mmask16 mask = (__mmask16)((1u << (cols - i)) - 1);
            __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
            for (int k = 0; k < 4; k++)
                acc[k] = _mm512_fmadd_ps(load_as_float(row[k], kind, (size_t)i, mask), v, acc[k]);
        }
        for (int k = 0; k < n; k++) y[r + k] = _mm512_reduce_add_ps(acc[k]);
    }
}

static void gemv_f32_avx512(const float *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, F32, ld, rows, cols, x, y);
}

static void gemv_f16_avx512(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, F16, ld, rows, cols, x, y);
}

static void gemv_bf16_avx512(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, BF16, ld, rows, cols, x, y);
}

// Sixteen ranks at a time stay in registers while all rows pass; four sums hide the time that one takes.
INLINE void rank_add_part(const void *b, bool f32, int n_ranks, const float *t, size_t ldt, int n, float *y,
                          size_t ld) {
    __m512 w[16];
    for (int k = 0; k < n_ranks; k++) w[k] = load_as_float(b, f32 ? F32 : F16, (size_t)k * 16, 0xffff);
    for (int i = 0; i < n; i++, t += ldt, y += ld) {
        __m512 acc[4] = {_mm512_loadu_ps(y), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int k = 0; k < n_ranks; k++) acc[k % 4] = _mm512_fmadd_ps(_mm512_set1_ps(t[k]), w[k], acc[k % 4]);
        _mm512_storeu_ps(y, _mm512_add_ps(_mm512_add_ps(acc[0], acc[1]), _mm512_add_ps(acc[2], acc[3])));
    }
}

static void rank_add_avx512(const void *b, bool f32, int rank, int blocks, const float *t, size_t ldt, int n, float *y,
                            size_t ld) {
    for (int j = 0; j < blocks; j++, y += 16)
        for (int k = 0; k < rank; k += 16) {
            const void *part = (const char *)b + ((size_t)j * (size_t)rank + (size_t)k) * 16 * (f32 ? 4 : 2);
            if (rank - k >= 16)
                rank_add_part(part, f32, 16, t + k, ldt, n, y, ld);
            else
                rank_add_part(part, f32, rank - k, t + k, ldt, n, y, ld);
        }
}

static void f16_to_f32_avx512(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask, load_as_float(x, F16, i, mask));
    }
}

static void bf16_to_f32_avx512(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask, load_as_float(x, BF16, i, mask));
    }
}

static void f32_to_f16_avx512(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i);
        _mm256_mask_storeu_epi16(y + i, mask,
                                 _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, x + i), _MM_FROUND_TO_NEAREST_INT));
    }
}

static void rms_norm_avx512(const float *x, const float *w, int n, float eps, float *y) {
    __m512 sum = _mm512_setzero_ps();
    for (int i = 0; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(tail_mask((size_t)(n - i)), x + i);
        sum = _mm512_fmadd_ps(v, v, sum);
    }
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(sum) / (float)n + eps));
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), scale);
        _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, w + i)));
    }
}

static void layer_norm_avx512(const float *x, const float *w, const float *b, int n, float eps, float *y) {
    __m512 sum = _mm512_setzero_ps(), squares = sum;
    for (int i = 0; i < n; i += 16) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(tail_mask((size_t)(n - i)), x + i));
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)n);
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 v = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), mean);
        squares = _mm512_fmadd_ps(v, v, squares);
    }
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)n + eps));
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), mean), scale);
        __m512 shift = b ? _mm512_maskz_loadu_ps(mask, b + i) : _mm512_setzero_ps();
        _mm512_mask_storeu_ps(y + i, mask, _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(mask, w + i), shift));
    }
}

static void turn_avx512(float *head, const float *cosine, const float *sine, int n, bool apart) {
    const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    for (int i = 0; apart && i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 c = _mm512_maskz_loadu_ps(mask, cosine + i), s = _mm512_maskz_loadu_ps(mask, sine + i);
        __m512 x = _mm512_maskz_loadu_ps(mask, head + i), y = _mm512_maskz_loadu_ps(mask, head + n + i);
        _mm512_mask_storeu_ps(head + i, mask, _mm512_fmsub_ps(x, c, _mm512_mul_ps(y, s)));
        _mm512_mask_storeu_ps(head + n + i, mask, _mm512_fmadd_ps(y, c, _mm512_mul_ps(x, s)));
    }
    for (int i = 0; !apart && i < n; i += 8) {
        __mmask16 pairs = tail_mask((size_t)(2 * (n - i))), some = tail_mask((size_t)(n - i)) & 0xff;
        __m512 c = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(some, cosine + i));
        __m512 s = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(some, sine + i));
        __m512 x = _mm512_maskz_loadu_ps(pairs, head + 2 * i), swapped = _mm512_permute_ps(x, 0xb1);
        _mm512_mask_storeu_ps(head + 2 * i, pairs, _mm512_fmaddsub_ps(x, c, _mm512_mul_ps(swapped, s)));
    }
}

// x * sigmoid(z)
INLINE __m512 times_sigmoid(__m512 x, __m512 z) {
    __m512 below = _mm512_add_ps(_mm512_set1_ps(1.0f), exp_ps(_mm512_sub_ps(_mm512_setzero_ps(), z)));
    __m512 inverse = _mm512_rcp14_ps(below); // and a step of Newton's method: quicker than a division
    inverse = _mm512_mul_ps(inverse, _mm512_fnmadd_ps(below, inverse, _mm512_set1_ps(2.0f)));
    return _mm512_mul_ps(x, inverse);
}

static void silu_mul_avx512(float *g, const float *u, int n) {
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 v = _mm512_maskz_loadu_ps(mask, g + i);
        v = _mm512_mul_ps(times_sigmoid(v, v), _mm512_maskz_loadu_ps(mask, u + i));
        _mm512_mask_storeu_ps(g + i, mask, v);
    }
}

static float exp_sub_avx512(float *x, int n, float shift) {
    __m512 sum = _mm512_setzero_ps(), by = _mm512_set1_ps(shift);
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 e = exp_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), by));
        sum = _mm512_mask_add_ps(sum, mask, sum, e);
        _mm512_mask_storeu_ps(x + i, mask, e);
    }
    return _mm512_reduce_add_ps(sum);
}

static void gelu_tanh_avx512(float *x, int n) {
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 v = _mm512_maskz_loadu_ps(mask, x + i), v2 = _mm512_mul_ps(v, v);
        __m512 z = _mm512_mul_ps(
            v, _mm512_fmadd_ps(v2, _mm512_set1_ps(2 * 0.7978845608f * 0.044715f), _mm512_set1_ps(2 * 0.7978845608f)));
        _mm512_mask_storeu_ps(x + i, mask, times_sigmoid(v, z));
    }
}

// The share of the normal distribution below -|x|, by Abramowitz and Stegun's 7.1.26 (error 7.5e-8): gelu is x times the
// share below x.
INLINE __m512 normal_tail(__m512 x) {
    __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678f));
    __m512 t = _mm512_div_ps(_mm512_set1_ps(1), _mm512_fmadd_ps(_mm512_set1_ps(0.3275911f), z, _mm512_set1_ps(1)));
    __m512 p = _mm512_set1_ps(0.5f * 1.061405429f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -1.453152027f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 1.421413741f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -0.284496736f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 0.254829592f));
    return _mm512_mul_ps(_mm512_mul_ps(p, t), exp_ps(_mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(-0.5f))));
}

static void gelu_erf_avx512(float *x, int n) {
    for (int i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask((size_t)(n - i));
        __m512 v = _mm512_maskz_loadu_ps(mask, x + i), below = normal_tail(v);
        __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
        below = _mm512_mask_sub_ps(below, positive, _mm512_set1_ps(1), below);
        _mm512_mask_storeu_ps(x + i, mask, _mm512_mul_ps(v, below));
    }
}

const kernels kernels_avx512 = {
    .name = "avx512",
    .quantize = avx512_quantize,
    .gemv = avx512_gemv,
    .unpack = avx512_unpack,
    .dequantize = avx512_dequantize,
    .gemm = avx512_gemm,
    .gemv_f32 = gemv_f32_avx512,
    .gemv_f16 = gemv_f16_avx512,
    .gemv_bf16 = gemv_bf16_avx512,
    .rank_add = rank_add_avx512,
    .f16_to_f32 = f16_to_f32_avx512,
    .bf16_to_f32 = bf16_to_f32_avx512,
    .f32_to_f16 = f32_to_f16_avx512,
    .attend = avx512_attend,
    .attend_many = avx512_attend_many,
    .rms_norm = rms_norm_avx512,
    .layer_norm = layer_norm_avx512,
    .turn = turn_avx512,
    .silu_mul = silu_mul_avx512,
    .exp_sub = exp_sub_avx512,
    .gelu_tanh = gelu_tanh_avx512,
    .gelu_erf = gelu_erf_avx512,
};
#endif
