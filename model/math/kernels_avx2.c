// Kernels for AVX2: floats, norms and activations, and the table.
#include "model/math/avx2.h"

#if defined(__AVX2__)

INLINE void gemv_float(const void *w, float_kind kind, size_t ld, int rows, int cols, const float *x, float *y) {
    size_t size = kind == F32 ? 4 : 2;
    for (int r = 0; r < rows; r += 4) {
        int n = rows - r < 4 ? rows - r : 4;
        const char *row[4];
        __m256 acc[4];
        for (int k = 0; k < 4; k++) {
            row[k] = (const char *)w + (size_t)(r + (k < n ? k : 0)) * ld * size;
            acc[k] = _mm256_setzero_ps();
        }
        for (int i = 0; i < cols; i += 8) {
            __m256 v = load_as_float(x, F32, (size_t)i, cols - i);
            for (int k = 0; k < 4; k++)
                acc[k] = _mm256_fmadd_ps(load_as_float(row[k], kind, (size_t)i, cols - i), v, acc[k]);
        }
        for (int k = 0; k < n; k++) y[r + k] = sum_ps(acc[k]);
    }
}

static void gemv_f32_avx2(const float *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, F32, ld, rows, cols, x, y);
}

static void gemv_f16_avx2(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, F16, ld, rows, cols, x, y);
}

static void gemv_bf16_avx2(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, BF16, ld, rows, cols, x, y);
}

INLINE void rank_add_row(const void *b, bool f32, int rank, const float *t, float *y) {
    __m256 acc[2][2] = {{_mm256_loadu_ps(y), _mm256_loadu_ps(y + 8)}, {_mm256_setzero_ps(), _mm256_setzero_ps()}};
    for (int k = 0; k < rank; k++)
        for (int half = 0; half < 2; half++) {
            __m256 w = load_as_float(b, f32 ? F32 : F16, (size_t)(k * 16 + 8 * half), 8);
            acc[k % 2][half] = _mm256_fmadd_ps(_mm256_set1_ps(t[k]), w, acc[k % 2][half]);
        }
    for (int half = 0; half < 2; half++) _mm256_storeu_ps(y + 8 * half, _mm256_add_ps(acc[0][half], acc[1][half]));
}

static void rank_add_avx2(const void *b, bool f32, int rank, int blocks, const float *t, size_t ldt, int n, float *y,
                          size_t ld) {
    size_t bytes = (size_t)rank * 16 * (f32 ? 4 : 2);
    for (int j = 0; j < blocks; j++)
        for (int i = 0; i < n; i++)
            rank_add_row((const char *)b + (size_t)j * bytes, f32, rank, t + (size_t)i * ldt,
                         y + (size_t)i * ld + (size_t)j * 16);
}

static void f16_to_f32_avx2(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 8) store_some(y + i, load_as_float(x, F16, i, left_of(n, i)), left_of(n, i));
}

static void bf16_to_f32_avx2(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 8) store_some(y + i, load_as_float(x, BF16, i, left_of(n, i)), left_of(n, i));
}

static void f32_to_f16_avx2(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i += 8) {
        uint16_t some[8];
        int left = left_of(n, i);
        _mm_storeu_si128((__m128i *)some, _mm256_cvtps_ph(load_as_float(x, F32, i, left), _MM_FROUND_TO_NEAREST_INT));
        memcpy(y + i, some, (size_t)left * sizeof *y);
    }
}

static void rms_norm_avx2(const float *x, const float *w, int n, float eps, float *y) {
    __m256 sum = _mm256_setzero_ps();
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(x, F32, (size_t)i, n - i);
        sum = _mm256_fmadd_ps(v, v, sum);
    }
    __m256 scale = _mm256_set1_ps(1.0f / sqrtf(sum_ps(sum) / (float)n + eps));
    for (int i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(load_as_float(x, F32, (size_t)i, n - i), scale);
        store_some(y + i, _mm256_mul_ps(v, load_as_float(w, F32, (size_t)i, n - i)), n - i);
    }
}

static void layer_norm_avx2(const float *x, const float *w, const float *b, int n, float eps, float *y) {
    __m256 sum = _mm256_setzero_ps(), squares = sum;
    for (int i = 0; i < n; i += 8) sum = _mm256_add_ps(sum, load_as_float(x, F32, (size_t)i, n - i));
    __m256 mean = _mm256_set1_ps(sum_ps(sum) / (float)n);
    for (int i = 0; i < n; i += 8) {
        __m256 v = _mm256_sub_ps(load_as_float(x, F32, (size_t)i, n - i), mean);
        if (n - i < 8) v = _mm256_and_ps(v, _mm256_castsi256_ps(lanes_below(n - i)));
        squares = _mm256_fmadd_ps(v, v, squares);
    }
    __m256 scale = _mm256_set1_ps(1.0f / sqrtf(sum_ps(squares) / (float)n + eps));
    for (int i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(load_as_float(x, F32, (size_t)i, n - i), mean), scale);
        __m256 shift = b ? load_as_float(b, F32, (size_t)i, n - i) : _mm256_setzero_ps();
        store_some(y + i, _mm256_fmadd_ps(v, load_as_float(w, F32, (size_t)i, n - i), shift), n - i);
    }
}

static void turn_apart(float *head, const float *cosine, const float *sine, int n) {
    for (int i = 0; i < n; i += 8) {
        __m256 c = _mm256_loadu_ps(cosine + i), s = _mm256_loadu_ps(sine + i);
        __m256 x = _mm256_loadu_ps(head + i), y = _mm256_loadu_ps(head + n + i);
        _mm256_storeu_ps(head + i, _mm256_fmsub_ps(x, c, _mm256_mul_ps(y, s)));
        _mm256_storeu_ps(head + n + i, _mm256_fmadd_ps(y, c, _mm256_mul_ps(x, s)));
    }
}

static void turn_pairs(float *head, const float *cosine, const float *sine, int n) {
    const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    for (int i = 0; i < n; i += 4) {
        __m256 c = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(cosine + i)), twice);
        __m256 s = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(sine + i)), twice);
        __m256 x = _mm256_loadu_ps(head + 2 * i), swapped = _mm256_permute_ps(x, 0xb1);
        _mm256_storeu_ps(head + 2 * i, _mm256_fmaddsub_ps(x, c, _mm256_mul_ps(swapped, s)));
    }
}

static void turn_avx2(float *head, const float *cosine, const float *sine, int n, bool apart) {
    if (n % 8 != 0)
        kernels_ref.turn(head, cosine, sine, n, apart);
    else if (apart)
        turn_apart(head, cosine, sine, n);
    else
        turn_pairs(head, cosine, sine, n);
}

// x * sigmoid(z)
INLINE __m256 times_sigmoid(__m256 x, __m256 z) {
    __m256 e = exp_ps(_mm256_sub_ps(_mm256_setzero_ps(), z));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

static void silu_mul_avx2(float *g, const float *u, int n) {
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(g, F32, (size_t)i, n - i);
        store_some(g + i, _mm256_mul_ps(times_sigmoid(v, v), load_as_float(u, F32, (size_t)i, n - i)), n - i);
    }
}

static float exp_sub_avx2(float *x, int n, float shift) {
    __m256 sum = _mm256_setzero_ps(), by = _mm256_set1_ps(shift);
    for (int i = 0; i < n; i += 8) {
        __m256 e = exp_ps(_mm256_sub_ps(load_as_float(x, F32, (size_t)i, n - i), by));
        if (n - i < 8) e = _mm256_and_ps(e, _mm256_castsi256_ps(lanes_below(n - i)));
        sum = _mm256_add_ps(sum, e);
        store_some(x + i, e, n - i);
    }
    return sum_ps(sum);
}

static void gelu_tanh_avx2(float *x, int n) {
    const __m256 a = _mm256_set1_ps(2 * 0.7978845608f * 0.044715f), b = _mm256_set1_ps(2 * 0.7978845608f);
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(x, F32, (size_t)i, n - i);
        __m256 z = _mm256_mul_ps(v, _mm256_fmadd_ps(_mm256_mul_ps(v, v), a, b));
        store_some(x + i, times_sigmoid(v, z), n - i);
    }
}

// The share of the normal distribution below -|x|, by Abramowitz and Stegun's 7.1.26 (error 7.5e-8): gelu is x times the
// share below x.
INLINE __m256 normal_tail(__m256 x) {
    __m256 z = _mm256_mul_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x), _mm256_set1_ps(0.70710678f));
    __m256 t = _mm256_div_ps(_mm256_set1_ps(1), _mm256_fmadd_ps(_mm256_set1_ps(0.3275911f), z, _mm256_set1_ps(1)));
    __m256 p = _mm256_set1_ps(0.5f * 1.061405429f);
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.5f * -1.453152027f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.5f * 1.421413741f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.5f * -0.284496736f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.5f * 0.254829592f));
    return _mm256_mul_ps(_mm256_mul_ps(p, t), exp_ps(_mm256_mul_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(-0.5f))));
}

static void gelu_erf_avx2(float *x, int n) {
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(x, F32, (size_t)i, n - i), below = normal_tail(v);
        __m256 positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
        below = _mm256_blendv_ps(below, _mm256_sub_ps(_mm256_set1_ps(1), below), positive);
        store_some(x + i, _mm256_mul_ps(v, below), n - i);
    }
}

const kernels kernels_avx2 = {
    .name = "avx2",
    .quantize = avx2_quantize,
    .gemv = avx2_gemv,
    .unpack = avx2_unpack,
    .dequantize = avx2_dequantize,
    .gemm = avx2_gemm,
    .gemv_f32 = gemv_f32_avx2,
    .gemv_f16 = gemv_f16_avx2,
    .gemv_bf16 = gemv_bf16_avx2,
    .rank_add = rank_add_avx2,
    .f16_to_f32 = f16_to_f32_avx2,
    .bf16_to_f32 = bf16_to_f32_avx2,
    .f32_to_f16 = f32_to_f16_avx2,
    .attend = avx2_attend,
    .rms_norm = rms_norm_avx2,
    .layer_norm = layer_norm_avx2,
    .turn = turn_avx2,
    .silu_mul = silu_mul_avx2,
    .exp_sub = exp_sub_avx2,
    .gelu_tanh = gelu_tanh_avx2,
    .gelu_erf = gelu_erf_avx2,
};
#endif
