// Kernels for AVX2 with FMA and F16C: Intel from Haswell, AMD from Zen.
//
// The packed layout's vectors of 64 bytes are taken as two halves of eight rows. vpmaddubsw multiplies unsigned
// weights by signed activations and adds pairs into 16 bits; weights of up to 6 bits leave room to add several groups
// before widening. Eight-bit weights would overflow: they are taken as signed (u - 128, which makes the offset zero) and
// multiplied as |w| * (a with w's sign), whose pairs fit since |a| <= 127.
#include "model/math/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE float sum_ps(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

INLINE float max_ps(__m256 v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

INLINE int sum_epi32(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static void quantize_avx2(const float *x, int n, int8_t *q, float *d, float *sum) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    for (int s = 0; s < n / 32; s++, x += 32, q += 32) {
        __m256 v[4], max = _mm256_setzero_ps();
        for (int i = 0; i < 4; i++) {
            v[i] = _mm256_loadu_ps(x + 8 * i);
            max = _mm256_max_ps(max, _mm256_andnot_ps(sign, v[i]));
        }
        float top = max_ps(max);
        __m256 inverse = _mm256_set1_ps(top > 0 ? 127.0f / top : 0);
        __m256i w[4];
        for (int i = 0; i < 4; i++) w[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
        d[s] = top / 127.0f;
        sum[2 * s] = d[s] * (float)sum_epi32(_mm256_add_epi32(w[0], w[1]));
        sum[2 * s + 1] = d[s] * (float)sum_epi32(_mm256_add_epi32(w[2], w[3]));
        __m256i a = _mm256_packs_epi32(w[0], w[1]), b = _mm256_packs_epi32(w[2], w[3]);
        __m256i bytes = _mm256_packs_epi16(a, b); // dwords come out as 0 2 4 6 | 1 3 5 7 of eight
        bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)q, bytes);
    }
}

// The eight groups of a unit for eight rows (half = 0 or 1) as bytes.
INLINE void load_groups(const uint8_t *planes, int bits, int half, __m256i w[8]) {
    const __m256i nibble = _mm256_set1_epi8(15), pair = _mm256_set1_epi8(3), one = _mm256_set1_epi8(1);
    planes += 32 * half;
    if (bits == 8) {
        for (int g = 0; g < 8; g++) w[g] = _mm256_loadu_si256((const __m256i *)(planes + 64 * g));
        return;
    }
    if (bits >= 4) {
        for (int g = 0; g < 4; g++) {
            __m256i v = _mm256_loadu_si256((const __m256i *)(planes + 64 * g));
            w[g] = _mm256_and_si256(v, nibble);
            w[g + 4] = _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble);
        }
        planes += 256;
    } else {
        for (int v = 0; v < 2; v++) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(planes + 64 * v));
            for (int f = 0; f < 4; f++) w[4 * v + f] = _mm256_and_si256(_mm256_srli_epi16(x, 2 * f), pair);
        }
        planes += 128;
    }
    if (bits == 6)
        for (int v = 0; v < 2; v++) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(planes + 64 * v));
            for (int f = 0; f < 4; f++) {
                __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 2 * f), pair);
                w[4 * v + f] = _mm256_or_si256(w[4 * v + f], _mm256_slli_epi16(high, 4));
            }
        }
    if (bits == 5 || bits == 3) {
        __m256i x = _mm256_loadu_si256((const __m256i *)planes);
        for (int g = 0; g < 8; g++) {
            __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, g), one);
            w[g] = _mm256_or_si256(w[g], _mm256_slli_epi16(high, bits - 1));
        }
    }
}

INLINE __m256 load_f16(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

// Scale and offset of unit s, column half h, for eight rows. 8-bit weights are used as signed: no offset.
INLINE void load_scale(const uint8_t *base, quant_traits t, int s, int h, int half, __m256 *scale, __m256 *offset) {
    int sets = t.has_min ? 2 : 1, halves = t.per_half ? 2 : 1;
    if (!t.k) {
        base += (size_t)s * (size_t)(sets * 32) + 16 * half;
        *scale = load_f16(base);
        *offset = t.has_min ? load_f16(base + 32) : _mm256_mul_ps(*scale, _mm256_set1_ps(-(float)t.zero));
        return;
    }
    base += (size_t)(s / 8) * (size_t)(sets * 32 + 8 * sets * halves * 16);
    const uint8_t *unit = base + sets * 32 + s % 8 * sets * halves * 16 + 8 * half;
    base += 16 * half;
    __m256i sc = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(unit + h * 16)));
    *scale = _mm256_mul_ps(load_f16(base), _mm256_cvtepi32_ps(sc));
    if (t.has_min) {
        __m256i mn = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(unit + halves * 16 + h * 16)));
        *offset = _mm256_mul_ps(load_f16(base + 32), _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_setzero_si256(), mn)));
    } else {
        *offset = _mm256_mul_ps(*scale, _mm256_set1_ps(-(float)t.zero));
    }
}

INLINE __m256i broadcast4(const int8_t *q) {
    int32_t v;
    memcpy(&v, q, sizeof v);
    return _mm256_set1_epi32(v);
}

// Pairs of products of one group in 16 bits.
INLINE __m256i multiply_group(__m256i w, __m256i x, int bits) {
    if (bits < 8) return _mm256_maddubs_epi16(w, x);
    w = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80));
    return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}

// Groups whose 16-bit sums fit: 8 of 4 bits (8 * 2 * 15 * 127), 4 of 5, 2 of 6, 1 of 8.
INLINE int groups_at_once(int bits) {
    return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
}

// Sum over groups [g0, g1) of a unit; x walks in steps of `step` bytes from group to group.
INLINE __m256i dot_groups(const __m256i *w, int g0, int g1, const int8_t *x, int step, int bits) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i total = _mm256_setzero_si256();
    int at_once = groups_at_once(bits);
    for (int g = g0; g < g1; g += at_once) {
        __m256i part = multiply_group(w[g], broadcast4(x + g * step), bits);
        for (int i = g + 1; i < g + at_once && i < g1; i++)
            part = _mm256_add_epi16(part, multiply_group(w[i], broadcast4(x + i * step), bits));
        total = _mm256_add_epi32(total, _mm256_madd_epi16(part, ones));
    }
    return total;
}

// The weights of eight rows of a unit are taken apart once for all rows of activations.
INLINE void gemv_format(const pack *w, quant_traits t, int b0, int b1, int n, const gemv_row *rows) {
    for (int b = b0; b < b1; b++) {
        const uint8_t *planes = pack_planes(w, b, 0), *scales = pack_scales(w, b);
        __m256 acc[KERNELS_FEW][2];
        for (int r = 0; r < n; r++) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
        for (int s = 0; s < w->n_units; s++, planes += 64 * t.bits) {
            for (int half = 0; half < 2; half++) {
                __m256i g[8];
                load_groups(planes, t.bits, half, g);
                for (int h = 0; h < (t.per_half ? 2 : 1); h++) {
                    __m256 scale, offset;
                    load_scale(scales, t, s, h, half, &scale, &offset);
                    int g0 = 4 * h, g1 = t.per_half ? g0 + 4 : 8;
                    for (int r = 0; r < n; r++) {
                        const float *sum = rows[r].sum + 2 * s;
                        __m256 dot = _mm256_cvtepi32_ps(dot_groups(g, g0, g1, rows[r].q + s * 32, 4, t.bits));
                        __m256 step = _mm256_mul_ps(scale, _mm256_set1_ps(rows[r].d[s]));
                        acc[r][half] = _mm256_fmadd_ps(step, dot, acc[r][half]);
                        if (t.bits == 8) continue;
                        float x = t.per_half ? sum[h] : sum[0] + sum[1];
                        acc[r][half] = _mm256_fmadd_ps(offset, _mm256_set1_ps(x), acc[r][half]);
                    }
                }
            }
        }
        for (int r = 0; r < n; r++) {
            _mm256_storeu_ps(rows[r].y + (size_t)(b - b0) * 16, acc[r][0]);
            _mm256_storeu_ps(rows[r].y + (size_t)(b - b0) * 16 + 8, acc[r][1]);
        }
    }
}

INLINE void unpack_format(const pack *w, quant_traits t, int b, uint8_t *u, float *scale, float *offset) {
    const uint8_t *planes = pack_planes(w, b, 0), *scales = pack_scales(w, b);
    int halves = t.per_half ? 2 : 1;
    for (int s = 0; s < w->n_units; s++, planes += 64 * t.bits, u += PACK_UNIT_BYTES)
        for (int half = 0; half < 2; half++) {
            __m256i g[8];
            load_groups(planes, t.bits, half, g);
            for (int i = 0; i < 8; i++) _mm256_storeu_si256((__m256i *)(u + 64 * i + 32 * half), g[i]);
            for (int h = 0; h < halves; h++) {
                __m256 sv, ov;
                load_scale(scales, t, s, h, half, &sv, &ov);
                _mm256_storeu_ps(scale + (s * halves + h) * 16 + 8 * half, sv);
                _mm256_storeu_ps(offset + (s * halves + h) * 16 + 8 * half, ov);
            }
        }
}

INLINE void gemv_rows(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
#define GEMV(traits) gemv_format(w, traits, b0, b1, n, rows)
    QUANT_FOR_TYPE(w->type, GEMV)
#undef GEMV
}

static void gemv_avx2(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
    if (n == 1)
        gemv_rows(w, b0, b1, 1, rows);
    else
        gemv_rows(w, b0, b1, n, rows);
}

static void unpack_avx2(const pack *w, int b, uint8_t *u, float *scale, float *offset) {
#define UNPACK(traits) unpack_format(w, traits, b, u, scale, offset)
    QUANT_FOR_TYPE(w->type, UNPACK)
#undef UNPACK
}

// Only training converts whole matrices, and its products take far longer here: the plain version does.
static void dequantize_avx2(const pack *w, int b, int s0, int n, float *out, size_t ld) {
    kernels_ref.dequantize(w, b, s0, n, out, ld);
}

enum { AT_ONCE = 4 }; // activation rows per pass: four sums of eight rows fit the sixteen registers

// Rows t0 .. t0 + n - 1 of a tile against eight weight rows.
INLINE void gemm_part(const unpacked *w, const qtiles *x, int tile, int t0, int n, int block, int half, int bits,
                      int halves, bool add, float *y, size_t ld) {
    size_t units = (size_t)w->n_units;
    const int8_t *q = x->q + (size_t)tile * units * 32 * KERNELS_TILE + 4 * t0;
    const float *d = x->d + (size_t)tile * units * KERNELS_TILE + t0;
    const float *sum = x->sum + (size_t)tile * units * 3 * KERNELS_TILE + t0 + (halves == 1 ? 2 * KERNELS_TILE : 0);
    const uint8_t *u = w->u + (size_t)block * units * PACK_UNIT_BYTES;
    size_t at = (size_t)block * units * (size_t)halves * 16 + 8 * (size_t)half;
    __m256 acc[AT_ONCE];
    for (int t = 0; t < n; t++) acc[t] = _mm256_setzero_ps();
    for (size_t s = 0; s < units; s++, u += PACK_UNIT_BYTES) {
        __m256i g[8];
        load_groups(u, 8, half, g);
        for (int h = 0; h < halves; h++, at += 16) {
            __m256 scale = _mm256_loadu_ps(w->scale + at), offset = _mm256_loadu_ps(w->offset + at);
            for (int t = 0; t < n; t++) {
                __m256i dot = dot_groups(g, 4 * h, halves == 1 ? 8 : 4 * h + 4, q + 4 * t, 4 * KERNELS_TILE, bits);
                __m256 step = _mm256_mul_ps(scale, _mm256_set1_ps(d[t]));
                acc[t] = _mm256_fmadd_ps(step, _mm256_cvtepi32_ps(dot), acc[t]);
                if (bits < 8) acc[t] = _mm256_fmadd_ps(offset, _mm256_set1_ps(sum[t + h * KERNELS_TILE]), acc[t]);
            }
        }
        q += 32 * KERNELS_TILE;
        d += KERNELS_TILE;
        sum += 3 * KERNELS_TILE;
    }
    for (int t = 0; t < n; t++) {
        float *out = y + (size_t)(t0 + t) * ld + 16 * block + 8 * half;
        if (add) acc[t] = _mm256_add_ps(acc[t], _mm256_loadu_ps(out));
        _mm256_storeu_ps(out, acc[t]);
    }
}

INLINE void gemm_bits(const unpacked *w, const qtiles *x, int tile, int n, int bits, int halves, bool add, float *y,
                      size_t ld) {
    for (int half = 0; half < 2 * w->n_blocks; half++) {
        int t = 0;
        for (; t + AT_ONCE <= n; t += AT_ONCE)
            gemm_part(w, x, tile, t, AT_ONCE, half / 2, half % 2, bits, halves, add, y, ld);
        for (; t < n; t++) gemm_part(w, x, tile, t, 1, half / 2, half % 2, bits, halves, add, y, ld);
    }
}

static void gemm_avx2(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld) {
    switch (w->bits) {
    case 8: gemm_bits(w, x, tile, n, 8, 1, add, y, ld); break;
    case 6: gemm_bits(w, x, tile, n, 6, 2, add, y, ld); break;
    case 5: gemm_bits(w, x, tile, n, 5, 1, add, y, ld); break;
    case 4: gemm_bits(w, x, tile, n, 4, 1, add, y, ld); break;
    default: gemm_bits(w, x, tile, n, 4, 2, add, y, ld); break; // Q2_K and Q3_K
    }
}

// ---- floats ----

// Eight values of x from i on; beyond `left` they are zero.
INLINE __m256i lanes_below(int left) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE __m128i load_halves(const uint16_t *p, int left) {
    if (left >= 8) return _mm_loadu_si128((const __m128i *)p);
    uint16_t some[8] = {0};
    memcpy(some, p, (size_t)left * sizeof *p);
    return _mm_loadu_si128((const __m128i *)some);
}

INLINE __m256 load_as_float(const void *w, int kind, size_t i, int left) {
    if (kind == 0)
        return left >= 8 ? _mm256_loadu_ps((const float *)w + i)
                         : _mm256_maskload_ps((const float *)w + i, lanes_below(left));
    __m128i h = load_halves((const uint16_t *)w + i, left);
    if (kind == 1) return _mm256_cvtph_ps(h);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

INLINE void gemv_float(const void *w, int kind, size_t ld, int rows, int cols, const float *x, float *y) {
    size_t size = kind == 0 ? 4 : 2;
    for (int r = 0; r < rows; r += 4) {
        int n = rows - r < 4 ? rows - r : 4;
        const char *row[4];
        __m256 acc[4];
        for (int k = 0; k < 4; k++) {
            row[k] = (const char *)w + (size_t)(r + (k < n ? k : 0)) * ld * size;
            acc[k] = _mm256_setzero_ps();
        }
        for (int i = 0; i < cols; i += 8) {
            __m256 v = load_as_float(x, 0, (size_t)i, cols - i);
            for (int k = 0; k < 4; k++)
                acc[k] = _mm256_fmadd_ps(load_as_float(row[k], kind, (size_t)i, cols - i), v, acc[k]);
        }
        for (int k = 0; k < n; k++) y[r + k] = sum_ps(acc[k]);
    }
}

static void gemv_f32_avx2(const float *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, 0, ld, rows, cols, x, y);
}

static void gemv_f16_avx2(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, 1, ld, rows, cols, x, y);
}

static void gemv_bf16_avx2(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, 2, ld, rows, cols, x, y);
}

INLINE int left_of(size_t n, size_t i) {
    return n - i < 8 ? (int)(n - i) : 8;
}

INLINE void store_some(float *y, __m256 v, int left) {
    if (left >= 8)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, lanes_below(left), v);
}

INLINE void rank_add_row(const void *b, bool f32, int rank, const float *t, float *y) {
    __m256 acc[2][2] = {{_mm256_loadu_ps(y), _mm256_loadu_ps(y + 8)}, {_mm256_setzero_ps(), _mm256_setzero_ps()}};
    for (int k = 0; k < rank; k++)
        for (int half = 0; half < 2; half++) {
            __m256 w = load_as_float(b, f32 ? 0 : 1, (size_t)(k * 16 + 8 * half), 8);
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

static void spread_floats_avx2(const float *x, size_t ld, int k, int n, uint8_t *u, float *scale, float *offset) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    for (int s = 0; s < k; s += 32, u += PACK_UNIT_BYTES, scale += 16, offset += 16, x += 32 * ld) {
        int rows = k - s < 32 ? k - s : 32;
        for (int half = 0; half < 2; half++) {
            int left = n - 8 * half > 0 ? n - 8 * half : 0;
            __m256 max = _mm256_setzero_ps();
            for (int i = 0; i < rows && left > 0; i++)
                max = _mm256_max_ps(max,
                                    _mm256_andnot_ps(sign, load_as_float(x + (size_t)i * ld + 8 * half, 0, 0, left)));
            __m256 some = _mm256_cmp_ps(max, _mm256_setzero_ps(), _CMP_GT_OQ);
            __m256 inverse = _mm256_and_ps(some, _mm256_div_ps(_mm256_set1_ps(127), max));
            for (int g = 0; g < 8; g++) {
                __m256i word = _mm256_setzero_si256();
                for (int i = 3; i >= 0; i--) {
                    __m256i v = _mm256_setzero_si256();
                    if (4 * g + i < rows && left > 0) {
                        __m256 w = load_as_float(x + (size_t)(4 * g + i) * ld + 8 * half, 0, 0, left);
                        v = _mm256_cvtps_epi32(_mm256_mul_ps(w, inverse));
                    }
                    word = _mm256_or_si256(_mm256_slli_epi32(word, 8), _mm256_add_epi32(v, _mm256_set1_epi32(128)));
                }
                _mm256_storeu_si256((__m256i *)(u + 64 * g + 32 * half), word);
            }
            __m256 step = _mm256_div_ps(max, _mm256_set1_ps(127));
            _mm256_storeu_ps(scale + 8 * half, step);
            _mm256_storeu_ps(offset + 8 * half, _mm256_mul_ps(step, _mm256_set1_ps(-128)));
        }
    }
}

static void f16_to_f32_avx2(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 8) store_some(y + i, load_as_float(x, 1, i, left_of(n, i)), left_of(n, i));
}

static void bf16_to_f32_avx2(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 8) store_some(y + i, load_as_float(x, 2, i, left_of(n, i)), left_of(n, i));
}

static void f32_to_f16_avx2(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i += 8) {
        uint16_t some[8];
        int left = left_of(n, i);
        _mm_storeu_si128((__m128i *)some, _mm256_cvtps_ph(load_as_float(x, 0, i, left), _MM_FROUND_TO_NEAREST_INT));
        memcpy(y + i, some, (size_t)left * sizeof *y);
    }
}

// exp by 2^n * e^r, |r| <= ln(2) / 2, a polynomial of degree 6 for e^r; 0 below -87.3, relative error about 1e-7.
INLINE __m256 exp_ps(__m256 x) {
    x = _mm256_min_ps(x, _mm256_set1_ps(88.0f));
    __m256 alive = _mm256_cmp_ps(x, _mm256_set1_ps(-87.3f), _CMP_GE_OQ);
    x = _mm256_max_ps(x, _mm256_set1_ps(-87.3f));
    __m256 n =
        _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_and_ps(alive, _mm256_mul_ps(p, _mm256_castsi256_ps(power)));
}

enum { CHUNK = 256 }; // positions whose scores are held at once

// Eight numbers of a cache; those of CACHE_Q8_0 are still to be scaled.
INLINE __m256 load_cache(const void *base, cache_type cache, size_t i) {
    if (cache == CACHE_F32) return _mm256_loadu_ps((const float *)base + i);
    if (cache == CACHE_F16) return load_f16((const uint8_t *)base + 2 * i);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)((const int8_t *)base + i))));
}

// Queries lie so many floats apart: no power of two, which would crowd them into a few sets of the first cache.
enum { QUERY_STEP = ATTEND_MAX_HEAD_DIM + 16 };

// The score of row r at positions p .. p + 7: what the row may not see becomes -inf.
INLINE __m256 hide(const attend_job *job, int r, int p, __m256 v) {
    int first = job->first[r] > job->p0 ? job->first[r] : job->p0;
    int last = job->last[r] < job->p1 - 1 ? job->last[r] : job->p1 - 1;
    if (first <= p && p + 7 <= last && job->slope[r] == 0) return v;
    __m256i index = _mm256_add_epi32(_mm256_set1_epi32(p), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256 distance = _mm256_cvtepi32_ps(_mm256_sub_epi32(index, _mm256_set1_epi32(job->last[r])));
    v = _mm256_fmadd_ps(distance, _mm256_set1_ps(job->slope[r]), v);
    __m256i hidden = _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(first), index),
                                     _mm256_cmpgt_epi32(index, _mm256_set1_epi32(last)));
    return _mm256_blendv_ps(v, _mm256_set1_ps(-INFINITY), _mm256_castsi256_ps(hidden));
}

// Scores of eight positions (p is a multiple of 8) for every row.
INLINE void score_strip(const attend_job *job, const float *q, int rows, cache_type cache, int p,
                        float (*scores)[CHUNK], int at) {
    __m256 acc[ATTEND_ROWS], scale = _mm256_setzero_ps();
    for (int r = 0; r < rows; r++) acc[r] = _mm256_setzero_ps();
    size_t base = (size_t)(p / 16) * (size_t)job->head_dim * 16 + (size_t)(p % 16);
    const uint16_t *scales = job->k_scale;
    if (cache == CACHE_Q8_0) scales += (size_t)(p / 16) * (size_t)(job->head_dim / 2) + (size_t)(p % 16);
    for (int i = 0; i < job->head_dim; i++) {
        __m256 k = load_cache(job->k, cache, base + (size_t)i * 16);
        if (cache == CACHE_Q8_0 && i % 32 == 0) scale = load_f16((const uint8_t *)(scales + i / 2));
        if (cache == CACHE_Q8_0) k = _mm256_mul_ps(k, scale);
        for (int r = 0; r < rows; r++) acc[r] = _mm256_fmadd_ps(_mm256_set1_ps(q[r * QUERY_STEP + i]), k, acc[r]);
    }
    for (int r = 0; r < rows; r++) _mm256_storeu_ps(scores[r] + at, hide(job, r, p, acc[r]));
}

// Turns a row's scores into weights relative to the new maximum and shrinks what was gathered under the old one.
INLINE void soften(const attend_job *job, int r, float *scores, int n) {
    __m256 max = _mm256_set1_ps(-INFINITY);
    for (int i = 0; i < n; i += 8) max = _mm256_max_ps(max, _mm256_loadu_ps(scores + i));
    float top = max_ps(max);
    if (top == -INFINITY) {
        for (int i = 0; i < n; i += 8) _mm256_storeu_ps(scores + i, _mm256_setzero_ps());
        return;
    }
    if (top > job->m[r]) {
        float shrink = expf(job->m[r] - top), *acc = job->acc + (size_t)r * (size_t)job->v_dim;
        job->m[r] = top;
        job->l[r] *= shrink;
        for (int i = 0; i < job->v_dim; i += 8)
            _mm256_storeu_ps(acc + i, _mm256_mul_ps(_mm256_loadu_ps(acc + i), _mm256_set1_ps(shrink)));
    }
    __m256 m = _mm256_set1_ps(job->m[r]), sum = _mm256_setzero_ps();
    for (int i = 0; i < n; i += 8) {
        __m256 e = exp_ps(_mm256_sub_ps(_mm256_loadu_ps(scores + i), m));
        sum = _mm256_add_ps(sum, e);
        _mm256_storeu_ps(scores + i, e);
    }
    job->l[r] += sum_ps(sum);
}

INLINE void gather_values(const attend_job *job, int rows, cache_type cache, int p, int n, float (*scores)[CHUNK]) {
    for (int c = 0; c < job->v_dim; c += 8) {
        __m256 acc[ATTEND_ROWS];
        for (int r = 0; r < rows; r++) acc[r] = _mm256_loadu_ps(job->acc + (size_t)r * (size_t)job->v_dim + c);
        for (int i = 0; i < n; i++) {
            size_t at = (size_t)(p + i) * (size_t)job->v_dim + (size_t)c;
            __m256 v = load_cache(job->v, cache, at);
            if (cache == CACHE_Q8_0) v = _mm256_mul_ps(v, _mm256_set1_ps(_cvtsh_ss(job->v_scale[at / 32])));
            for (int r = 0; r < rows; r++) acc[r] = _mm256_fmadd_ps(_mm256_set1_ps(scores[r][i]), v, acc[r]);
        }
        for (int r = 0; r < rows; r++) _mm256_storeu_ps(job->acc + (size_t)r * (size_t)job->v_dim + c, acc[r]);
    }
}

INLINE void attend_rows(const attend_job *job, int rows, cache_type cache) {
    float scores[ATTEND_ROWS][CHUNK], q[ATTEND_ROWS * QUERY_STEP];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < job->head_dim; i += 8) {
            __m256 v = load_as_float(job->q[r], 0, (size_t)i, job->head_dim - i);
            _mm256_storeu_ps(q + r * QUERY_STEP + i, _mm256_mul_ps(v, _mm256_set1_ps(job->scale)));
        }
    for (int p = job->p0 / 16 * 16; p < job->p1; p += CHUNK) {
        int end = p + CHUNK < job->p1 ? p + CHUNK : job->p1, n = (end - p + 15) / 16 * 16;
        for (int i = 0; i < n; i += 8) score_strip(job, q, rows, cache, p + i, scores, i);
        for (int r = 0; r < rows; r++) soften(job, r, scores[r], n);
        gather_values(job, rows, cache, p, end - p, scores);
    }
}

// The numbers of rows that are frequent get code of their own: whole pieces, and the heads that share a kv head.
INLINE void attend_cache(const attend_job *job, cache_type cache) {
    switch (job->n_rows) {
    case 1: attend_rows(job, 1, cache); break;
    case 2: attend_rows(job, 2, cache); break;
    case 3: attend_rows(job, 3, cache); break;
    case 4: attend_rows(job, 4, cache); break;
    case 7: attend_rows(job, 7, cache); break;
    case 8: attend_rows(job, 8, cache); break;
    case ATTEND_ROWS: attend_rows(job, ATTEND_ROWS, cache); break;
    default: attend_rows(job, job->n_rows, cache);
    }
}

static void attend_avx2(const attend_job *job) {
    switch (job->cache) {
    case CACHE_F32: attend_rows(job, job->n_rows, CACHE_F32); break;
    case CACHE_F16: attend_cache(job, CACHE_F16); break;
    case CACHE_Q8_0: attend_cache(job, CACHE_Q8_0); break;
    }
}

static void rms_norm_avx2(const float *x, const float *w, int n, float eps, float *y) {
    __m256 sum = _mm256_setzero_ps();
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(x, 0, (size_t)i, n - i);
        sum = _mm256_fmadd_ps(v, v, sum);
    }
    __m256 scale = _mm256_set1_ps(1.0f / sqrtf(sum_ps(sum) / (float)n + eps));
    for (int i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(load_as_float(x, 0, (size_t)i, n - i), scale);
        store_some(y + i, _mm256_mul_ps(v, load_as_float(w, 0, (size_t)i, n - i)), n - i);
    }
}

static void layer_norm_avx2(const float *x, const float *w, const float *b, int n, float eps, float *y) {
    __m256 sum = _mm256_setzero_ps(), squares = sum;
    for (int i = 0; i < n; i += 8) sum = _mm256_add_ps(sum, load_as_float(x, 0, (size_t)i, n - i));
    __m256 mean = _mm256_set1_ps(sum_ps(sum) / (float)n);
    for (int i = 0; i < n; i += 8) {
        __m256 v = _mm256_sub_ps(load_as_float(x, 0, (size_t)i, n - i), mean);
        if (n - i < 8) v = _mm256_and_ps(v, _mm256_castsi256_ps(lanes_below(n - i)));
        squares = _mm256_fmadd_ps(v, v, squares);
    }
    __m256 scale = _mm256_set1_ps(1.0f / sqrtf(sum_ps(squares) / (float)n + eps));
    for (int i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(load_as_float(x, 0, (size_t)i, n - i), mean), scale);
        __m256 shift = b ? load_as_float(b, 0, (size_t)i, n - i) : _mm256_setzero_ps();
        store_some(y + i, _mm256_fmadd_ps(v, load_as_float(w, 0, (size_t)i, n - i), shift), n - i);
    }
}

// x * sigmoid(z)
INLINE __m256 times_sigmoid(__m256 x, __m256 z) {
    __m256 e = exp_ps(_mm256_sub_ps(_mm256_setzero_ps(), z));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

static void silu_mul_avx2(float *g, const float *u, int n) {
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(g, 0, (size_t)i, n - i);
        store_some(g + i, _mm256_mul_ps(times_sigmoid(v, v), load_as_float(u, 0, (size_t)i, n - i)), n - i);
    }
}

static float exp_sub_avx2(float *x, int n, float shift) {
    __m256 sum = _mm256_setzero_ps(), by = _mm256_set1_ps(shift);
    for (int i = 0; i < n; i += 8) {
        __m256 e = exp_ps(_mm256_sub_ps(load_as_float(x, 0, (size_t)i, n - i), by));
        if (n - i < 8) e = _mm256_and_ps(e, _mm256_castsi256_ps(lanes_below(n - i)));
        sum = _mm256_add_ps(sum, e);
        store_some(x + i, e, n - i);
    }
    return sum_ps(sum);
}

static void gelu_tanh_avx2(float *x, int n) {
    const __m256 a = _mm256_set1_ps(2 * 0.7978845608f * 0.044715f), b = _mm256_set1_ps(2 * 0.7978845608f);
    for (int i = 0; i < n; i += 8) {
        __m256 v = load_as_float(x, 0, (size_t)i, n - i);
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
        __m256 v = load_as_float(x, 0, (size_t)i, n - i), below = normal_tail(v);
        __m256 positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
        below = _mm256_blendv_ps(below, _mm256_sub_ps(_mm256_set1_ps(1), below), positive);
        store_some(x + i, _mm256_mul_ps(v, below), n - i);
    }
}

const kernels kernels_avx2 = {
    .name = "avx2",
    .quantize = quantize_avx2,
    .gemv = gemv_avx2,
    .unpack = unpack_avx2,
    .dequantize = dequantize_avx2,
    .spread_floats = spread_floats_avx2,
    .gemm = gemm_avx2,
    .gemv_f32 = gemv_f32_avx2,
    .gemv_f16 = gemv_f16_avx2,
    .gemv_bf16 = gemv_bf16_avx2,
    .rank_add = rank_add_avx2,
    .f16_to_f32 = f16_to_f32_avx2,
    .bf16_to_f32 = bf16_to_f32_avx2,
    .f32_to_f16 = f32_to_f16_avx2,
    .attend = attend_avx2,
    .rms_norm = rms_norm_avx2,
    .layer_norm = layer_norm_avx2,
    .silu_mul = silu_mul_avx2,
    .exp_sub = exp_sub_avx2,
    .gelu_tanh = gelu_tanh_avx2,
    .gelu_erf = gelu_erf_avx2,
};
#endif
