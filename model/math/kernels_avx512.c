// Kernels for AVX-512 with VNNI (F, BW, VL, DQ, VNNI): Intel from Ice Lake and Cascade Lake, AMD from Zen 4.
//
// The integer product: a register holds four columns of sixteen rows (pack.h), one vpdpbusd multiplies it by the same
// four columns of an activation row, broadcast, and adds into sixteen 32-bit sums. Decode (gemv) unpacks in registers
// and streams each weight once; prefill (gemm) works on rows that `unpack` spread out in L1/L2.
#include "model/math/kernels.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// The largest magnitude of each of four units, in four lanes.
INLINE __m128 largest_of_four(const __m512 v[8]) {
    __m512 m[4];
    for (int i = 0; i < 4; i++) m[i] = _mm512_max_ps(_mm512_abs_ps(v[2 * i]), _mm512_abs_ps(v[2 * i + 1]));
    for (int i = 0; i < 4; i += 2) // two units' quarters side by side
        m[i] = _mm512_max_ps(_mm512_shuffle_f32x4(m[i], m[i + 1], 0x44), _mm512_shuffle_f32x4(m[i], m[i + 1], 0xee));
    __m512 x = _mm512_max_ps(_mm512_shuffle_f32x4(m[0], m[2], 0x88), _mm512_shuffle_f32x4(m[0], m[2], 0xdd));
    x = _mm512_max_ps(x, _mm512_permute_ps(x, 0x4e)); // unit i is in quarter i by now
    x = _mm512_max_ps(x, _mm512_permute_ps(x, 0xb1));
    return _mm512_castps512_ps128(
        _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), x));
}

// Two units (four vectors of integers) as bytes in their order.
INLINE __m512i narrow(const __m512i w[4]) {
    __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(w[0], w[1]), _mm512_packs_epi32(w[2], w[3]));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, bytes);
}

// Sums of the four bytes in each quarter's words, in every word of the quarter.
INLINE __m512i sum_quarters(__m512i bytes) {
    __m512i total = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), bytes);
    total = _mm512_add_epi32(total, _mm512_shuffle_epi32(total, 0x4e));
    return _mm512_add_epi32(total, _mm512_shuffle_epi32(total, 0xb1));
}

static void quantize_four(const float *x, int8_t *q, float *d, float *sum) {
    __m512 v[8];
    __m512i w[8], bytes[2];
    float inverse[4];
    for (int i = 0; i < 8; i++) v[i] = _mm512_loadu_ps(x + 16 * i);
    __m128 max = largest_of_four(v), step = _mm_div_ps(max, _mm_set1_ps(127.0f));
    __mmask8 some = _mm_cmp_ps_mask(max, _mm_setzero_ps(), _CMP_GT_OQ);
    _mm_storeu_ps(inverse, _mm_maskz_div_ps(some, _mm_set1_ps(127.0f), max));
    _mm_storeu_ps(d, step);
    for (int i = 0; i < 8; i++) w[i] = _mm512_cvtps_epi32(_mm512_mul_ps(v[i], _mm512_set1_ps(inverse[i / 2])));
    for (int i = 0; i < 2; i++) {
        bytes[i] = narrow(w + 4 * i);
        _mm512_storeu_si512(q + 64 * i, bytes[i]);
    }
    const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512i sums = _mm512_permutex2var_epi32(sum_quarters(bytes[0]), firsts, sum_quarters(bytes[1]));
    __m256 twice = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(step), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    _mm256_storeu_ps(sum, _mm256_mul_ps(twice, _mm256_cvtepi32_ps(_mm512_castsi512_si256(sums))));
}

static void quantize_avx512(const float *x, int n, int8_t *q, float *d, float *sum) {
    int s = 0;
    for (; s + 4 <= n / 32; s += 4) quantize_four(x + 32 * s, q + 32 * s, d + s, sum + 2 * s);
    if (s == n / 32) return;
    float rest[128] = {0}, rest_d[4], rest_sum[8]; // fewer than four units are left
    int8_t rest_q[128];
    size_t left = (size_t)(n / 32 - s);
    memcpy(rest, x + 32 * s, 32 * left * sizeof *rest);
    quantize_four(rest, rest_q, rest_d, rest_sum);
    memcpy(q + 32 * s, rest_q, 32 * left);
    memcpy(d + s, rest_d, left * sizeof *d);
    memcpy(sum + 2 * s, rest_sum, 2 * left * sizeof *sum);
}

// The eight groups of a unit as bytes, from its planes.
INLINE void load_groups(const uint8_t *planes, int bits, __m512i w[8]) {
    const __m512i nibble = _mm512_set1_epi8(15), pair = _mm512_set1_epi8(3), one = _mm512_set1_epi8(1);
    if (bits == 8) {
        for (int g = 0; g < 8; g++) w[g] = _mm512_loadu_si512(planes + 64 * g);
        return;
    }
    if (bits >= 4) {
        for (int g = 0; g < 4; g++) {
            __m512i v = _mm512_loadu_si512(planes + 64 * g);
            w[g] = _mm512_and_si512(v, nibble);
            w[g + 4] = _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble);
        }
        planes += 256;
    } else {
        for (int v = 0; v < 2; v++) {
            __m512i x = _mm512_loadu_si512(planes + 64 * v);
            for (int f = 0; f < 4; f++) w[4 * v + f] = _mm512_and_si512(_mm512_srli_epi16(x, 2 * f), pair);
        }
        planes += 128;
    }
    if (bits == 6)
        for (int v = 0; v < 2; v++) {
            __m512i x = _mm512_loadu_si512(planes + 64 * v);
            for (int f = 0; f < 4; f++) {
                __m512i high = _mm512_and_si512(_mm512_srli_epi16(x, 2 * f), pair);
                w[4 * v + f] = _mm512_or_si512(w[4 * v + f], _mm512_slli_epi16(high, 4));
            }
        }
    if (bits == 5 || bits == 3) {
        __m512i x = _mm512_loadu_si512(planes);
        for (int g = 0; g < 8; g++) {
            __m512i high = _mm512_and_si512(_mm512_srli_epi16(x, g), one);
            w[g] = _mm512_or_si512(w[g], _mm512_slli_epi16(high, bits - 1));
        }
    }
}

INLINE __m512 load_f16(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

// Scale and offset of unit s, half h. Everything but base and s is known when this is compiled.
INLINE void load_scale(const uint8_t *base, quant_traits t, int s, int h, __m512 *scale, __m512 *offset) {
    int sets = t.has_min ? 2 : 1, halves = t.per_half ? 2 : 1;
    if (!t.k) {
        base += (size_t)s * (size_t)(sets * 32);
        *scale = load_f16(base);
        *offset = t.has_min ? load_f16(base + 32) : _mm512_mul_ps(*scale, _mm512_set1_ps(-(float)t.zero));
        return;
    }
    base += (size_t)(s / 8) * (size_t)(sets * 32 + 8 * sets * halves * 16);
    const uint8_t *unit = base + sets * 32 + s % 8 * sets * halves * 16;
    __m512i sc = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(unit + h * 16)));
    *scale = _mm512_mul_ps(load_f16(base), _mm512_cvtepi32_ps(sc));
    if (t.has_min) {
        __m512i mn = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(unit + halves * 16 + h * 16)));
        *offset = _mm512_mul_ps(load_f16(base + 32), _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_setzero_si512(), mn)));
    } else {
        *offset = _mm512_mul_ps(*scale, _mm512_set1_ps(-(float)t.zero));
    }
}

INLINE __m512i broadcast4(const int8_t *q) {
    int32_t v;
    memcpy(&v, q, sizeof v);
    return _mm512_set1_epi32(v);
}

// The weights of a unit are taken apart once for all rows.
INLINE void gemv_format(const pack *w, quant_traits t, int b0, int b1, int n, const gemv_row *rows) {
    for (int b = b0; b < b1; b++) {
        const uint8_t *planes = pack_planes(w, b, 0), *scales = pack_scales(w, b);
        __m512 acc0[KERNELS_FEW], acc1[KERNELS_FEW];
        for (int r = 0; r < n; r++) acc0[r] = acc1[r] = _mm512_setzero_ps();
        for (int s = 0; s < w->n_units; s++, planes += 64 * t.bits) {
            __m512i g[8];
            __m512 scale[2], offset[2];
            load_groups(planes, t.bits, g);
            for (int h = 0; h < (t.per_half ? 2 : 1); h++) load_scale(scales, t, s, h, &scale[h], &offset[h]);
            for (int r = 0; r < n; r++) {
                const int8_t *x = rows[r].q + s * 32;
                const float *sum = rows[r].sum + 2 * s;
                __m512i low = _mm512_setzero_si512(), high = low;
                for (int i = 0; i < 4; i++) {
                    low = _mm512_dpbusd_epi32(low, g[i], broadcast4(x + 4 * i));
                    high = _mm512_dpbusd_epi32(high, g[i + 4], broadcast4(x + 16 + 4 * i));
                }
                __m512 dx = _mm512_set1_ps(rows[r].d[s]);
                if (!t.per_half) {
                    __m512 dot = _mm512_cvtepi32_ps(_mm512_add_epi32(low, high));
                    acc0[r] = _mm512_fmadd_ps(_mm512_mul_ps(scale[0], dx), dot, acc0[r]);
                    acc1[r] = _mm512_fmadd_ps(offset[0], _mm512_set1_ps(sum[0] + sum[1]), acc1[r]);
                } else {
                    acc0[r] = _mm512_fmadd_ps(_mm512_mul_ps(scale[0], dx), _mm512_cvtepi32_ps(low), acc0[r]);
                    acc1[r] = _mm512_fmadd_ps(offset[0], _mm512_set1_ps(sum[0]), acc1[r]);
                    acc0[r] = _mm512_fmadd_ps(_mm512_mul_ps(scale[1], dx), _mm512_cvtepi32_ps(high), acc0[r]);
                    acc1[r] = _mm512_fmadd_ps(offset[1], _mm512_set1_ps(sum[1]), acc1[r]);
                }
            }
        }
        for (int r = 0; r < n; r++)
            _mm512_storeu_ps(rows[r].y + (size_t)(b - b0) * 16, _mm512_add_ps(acc0[r], acc1[r]));
    }
}

INLINE void unpack_format(const pack *w, quant_traits t, int b, uint8_t *u, float *scale, float *offset) {
    const uint8_t *planes = pack_planes(w, b, 0), *scales = pack_scales(w, b);
    for (int s = 0; s < w->n_units; s++, planes += 64 * t.bits, u += PACK_UNIT_BYTES) {
        __m512i g[8];
        load_groups(planes, t.bits, g);
        for (int i = 0; i < 8; i++) _mm512_storeu_si512(u + 64 * i, g[i]);
        for (int h = 0; h < (t.per_half ? 2 : 1); h++, scale += 16, offset += 16) {
            __m512 sv, ov;
            load_scale(scales, t, s, h, &sv, &ov);
            _mm512_storeu_ps(scale, sv);
            _mm512_storeu_ps(offset, ov);
        }
    }
}

// Rows as they are read: four rows of a group's bytes lie in each 128 bits.
INLINE void dequantize_format(const pack *w, quant_traits t, int b, int s0, int n, float *out, size_t ld) {
    const uint8_t *planes = pack_planes(w, b, s0), *scales = pack_scales(w, b);
    for (int s = s0; s < s0 + n; s++, planes += 64 * t.bits, out += 32) {
        __m512i g[8];
        float scale[2][16], offset[2][16];
        uint8_t bytes[16][32];
        load_groups(planes, t.bits, g);
        for (int h = 0; h < (t.per_half ? 2 : 1); h++) {
            __m512 sv, ov;
            load_scale(scales, t, s, h, &sv, &ov);
            _mm512_storeu_ps(scale[h], sv);
            _mm512_storeu_ps(offset[h], ov);
        }
        // Four groups of sixteen rows' words become four words of each row.
        for (int half = 0; half < 2; half++) {
            const __m512i *v = g + 4 * half;
            __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), c = _mm512_unpackhi_epi32(v[0], v[1]);
            __m512i e = _mm512_unpacklo_epi32(v[2], v[3]), f = _mm512_unpackhi_epi32(v[2], v[3]);
            __m512i row[4] = {_mm512_unpacklo_epi64(a, e), _mm512_unpackhi_epi64(a, e), _mm512_unpacklo_epi64(c, f),
                              _mm512_unpackhi_epi64(c, f)};
            for (int k = 0; k < 4; k++) { // quarter q of row[k] is row 4q + k
                _mm_storeu_si128((__m128i *)(bytes[k] + 16 * half), _mm512_extracti32x4_epi32(row[k], 0));
                _mm_storeu_si128((__m128i *)(bytes[4 + k] + 16 * half), _mm512_extracti32x4_epi32(row[k], 1));
                _mm_storeu_si128((__m128i *)(bytes[8 + k] + 16 * half), _mm512_extracti32x4_epi32(row[k], 2));
                _mm_storeu_si128((__m128i *)(bytes[12 + k] + 16 * half), _mm512_extracti32x4_epi32(row[k], 3));
            }
        }
        for (int r = 0; r < 16; r++)
            for (int half = 0; half < 2; half++) {
                int h = t.per_half ? half : 0;
                __m512i u = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(bytes[r] + 16 * half)));
                __m512 x =
                    _mm512_fmadd_ps(_mm512_cvtepi32_ps(u), _mm512_set1_ps(scale[h][r]), _mm512_set1_ps(offset[h][r]));
                _mm512_storeu_ps(out + (size_t)r * ld + 16 * half, x);
            }
    }
}

INLINE void gemv_rows(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
#define GEMV(traits) gemv_format(w, traits, b0, b1, n, rows)
    QUANT_FOR_TYPE(w->type, GEMV)
#undef GEMV
}

static void gemv_avx512(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
    switch (n) {
    case 1: gemv_rows(w, b0, b1, 1, rows); break;
    case 2: gemv_rows(w, b0, b1, 2, rows); break;
    case 3: gemv_rows(w, b0, b1, 3, rows); break;
    case 4: gemv_rows(w, b0, b1, 4, rows); break;
    case 5: gemv_rows(w, b0, b1, 5, rows); break;
    case KERNELS_FEW: gemv_rows(w, b0, b1, KERNELS_FEW, rows); break;
    default: break;
    }
}

static void unpack_avx512(const pack *w, int b, uint8_t *u, float *scale, float *offset) {
#define UNPACK(traits) unpack_format(w, traits, b, u, scale, offset)
    QUANT_FOR_TYPE(w->type, UNPACK)
#undef UNPACK
}

static void dequantize_avx512(const pack *w, int b, int s0, int n, float *out, size_t ld) {
#define DEQUANTIZE(traits) dequantize_format(w, traits, b, s0, n, out, ld)
    QUANT_FOR_TYPE(w->type, DEQUANTIZE)
#undef DEQUANTIZE
}

// 1.5 * 2^23, whose last mantissa bit counts ones: adding an integer below 2^22 to its bits adds it to the number.
static const float BIAS = 12582912.0f;

// n rows of activations from row t0 of a tile on, against `blocks` row blocks: 6 x 2 sums fill the registers, and a
// broadcast activation serves two products.
//
// The integer sums of a unit begin at the bits of BIAS, so that they end as floats without a conversion. A fused
// multiply-add takes scale * BIAS off again; nothing is lost by that where a scale has at most 22 bits, as files have.
INLINE void gemm_part(const unpacked *w, const qtiles *x, int tile, int t0, int n, int blocks, int halves, bool add,
                      float *y, size_t ld) {
    const size_t units = (size_t)w->n_units, u_block = units * PACK_UNIT_BYTES, s_block = units * 16 * (size_t)halves;
    const int8_t *q = x->q + (size_t)tile * units * 32 * KERNELS_TILE + 4 * t0;
    const float *d = x->d + (size_t)tile * units * KERNELS_TILE + t0;
    const float *sum = x->sum + (size_t)tile * units * 3 * KERNELS_TILE + t0 + (halves == 1 ? 2 * KERNELS_TILE : 0);
    const uint8_t *u = w->u;
    const float *scales = w->scale, *offsets = w->offset;
    const __m512 bias = _mm512_set1_ps(BIAS);
    __m512 acc[6][2];
    for (int t = 0; t < n; t++)
        for (int k = 0; k < blocks; k++) acc[t][k] = _mm512_setzero_ps();
    for (size_t s = 0; s < units; s++) {
        for (int h = 0; h < halves; h++) {
            __m512i dot[6][2];
            for (int t = 0; t < n; t++)
                for (int k = 0; k < blocks; k++) dot[t][k] = _mm512_castps_si512(bias);
            for (int g = 0; g < 8 / halves; g++, u += 64, q += 4 * KERNELS_TILE) {
                __m512i v[2];
                for (int k = 0; k < blocks; k++) v[k] = _mm512_load_si512(u + (size_t)k * u_block);
                for (int t = 0; t < n; t++) {
                    __m512i a = broadcast4(q + 4 * t);
                    for (int k = 0; k < blocks; k++) dot[t][k] = _mm512_dpbusd_epi32(dot[t][k], v[k], a);
                }
            }
            for (int k = 0; k < blocks; k++) {
                __m512 scale = _mm512_load_ps(scales + (size_t)k * s_block);
                __m512 offset = _mm512_load_ps(offsets + (size_t)k * s_block);
                __m512 taken = _mm512_mul_ps(scale, bias);
                for (int t = 0; t < n; t++) {
                    __m512 part = _mm512_fmsub_ps(scale, _mm512_castsi512_ps(dot[t][k]), taken);
                    acc[t][k] = _mm512_fmadd_ps(_mm512_set1_ps(d[t]), part, acc[t][k]);
                    acc[t][k] = _mm512_fmadd_ps(offset, _mm512_set1_ps(sum[t + h * KERNELS_TILE]), acc[t][k]);
                }
            }
            scales += 16;
            offsets += 16;
        }
        d += KERNELS_TILE;
        sum += 3 * KERNELS_TILE;
    }
    for (int t = 0; t < n; t++)
        for (int k = 0; k < blocks; k++) {
            float *out = y + (size_t)(t0 + t) * ld + 16 * k;
            if (add) acc[t][k] = _mm512_add_ps(acc[t][k], _mm512_loadu_ps(out));
            _mm512_storeu_ps(out, acc[t][k]);
        }
}

INLINE void gemm_rows(const unpacked *w, const qtiles *x, int tile, int n, int blocks, int halves, bool add, float *y,
                      size_t ld) {
    int t = 0;
    for (; t + 6 <= n; t += 6) gemm_part(w, x, tile, t, 6, blocks, halves, add, y, ld);
    switch (n - t) {
    case 5: gemm_part(w, x, tile, t, 5, blocks, halves, add, y, ld); break;
    case 4: gemm_part(w, x, tile, t, 4, blocks, halves, add, y, ld); break;
    case 3: gemm_part(w, x, tile, t, 3, blocks, halves, add, y, ld); break;
    case 2: gemm_part(w, x, tile, t, 2, blocks, halves, add, y, ld); break;
    case 1: gemm_part(w, x, tile, t, 1, blocks, halves, add, y, ld); break;
    default: break;
    }
}

static void gemm_avx512(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld) {
    if (w->n_blocks == 2 && w->halves == 1)
        gemm_rows(w, x, tile, n, 2, 1, add, y, ld);
    else if (w->n_blocks == 2)
        gemm_rows(w, x, tile, n, 2, 2, add, y, ld);
    else if (w->halves == 1)
        gemm_rows(w, x, tile, n, 1, 1, add, y, ld);
    else
        gemm_rows(w, x, tile, n, 1, 2, add, y, ld);
}

// ---- floats ----

INLINE __m512 load_as_float(const void *w, int kind, size_t i, __mmask16 mask) {
    if (kind == 0) return _mm512_maskz_loadu_ps(mask, (const float *)w + i);
    __m256i h = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)w + i);
    if (kind == 1) return _mm512_cvtph_ps(h);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

INLINE void gemv_float(const void *w, int kind, size_t ld, int rows, int cols, const float *x, float *y) {
    size_t size = kind == 0 ? 4 : 2;
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
    gemv_float(w, 0, ld, rows, cols, x, y);
}

static void gemv_f16_avx512(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, 1, ld, rows, cols, x, y);
}

static void gemv_bf16_avx512(const uint16_t *w, size_t ld, int rows, int cols, const float *x, float *y) {
    gemv_float(w, 2, ld, rows, cols, x, y);
}

INLINE __mmask16 tail_mask(size_t left) {
    return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
}

// Sixteen ranks at a time stay in registers while all rows pass; four sums hide the time that one takes.
INLINE void rank_add_part(const void *b, bool f32, int n_ranks, const float *t, size_t ldt, int n, float *y,
                          size_t ld) {
    __m512 w[16];
    for (int k = 0; k < n_ranks; k++) w[k] = load_as_float(b, f32 ? 0 : 1, (size_t)k * 16, 0xffff);
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

static void spread_floats_avx512(const float *x, size_t ld, int k, int n, uint8_t *u, float *scale, float *offset) {
    __mmask16 mask = tail_mask((size_t)n);
    for (int s = 0; s < k; s += 32, u += PACK_UNIT_BYTES, scale += 16, offset += 16, x += 32 * ld) {
        int rows = k - s < 32 ? k - s : 32;
        __m512 max = _mm512_setzero_ps();
        for (int i = 0; i < rows; i++)
            max = _mm512_max_ps(max, _mm512_abs_ps(_mm512_maskz_loadu_ps(mask, x + (size_t)i * ld)));
        __mmask16 some = _mm512_cmp_ps_mask(max, _mm512_setzero_ps(), _CMP_GT_OQ);
        __m512 inverse = _mm512_maskz_div_ps(some, _mm512_set1_ps(127), max);
        for (int g = 0; g < 8; g++) {
            __m512i word = _mm512_setzero_si512();
            for (int i = 3; i >= 0; i--) {
                __m512i v = _mm512_setzero_si512();
                if (4 * g + i < rows) {
                    __m512 w = _mm512_maskz_loadu_ps(mask, x + (size_t)(4 * g + i) * ld);
                    v = _mm512_cvtps_epi32(_mm512_mul_ps(w, inverse));
                }
                word = _mm512_or_si512(_mm512_slli_epi32(word, 8), _mm512_add_epi32(v, _mm512_set1_epi32(128)));
            }
            _mm512_storeu_si512(u + 64 * g, word);
        }
        __m512 step = _mm512_div_ps(max, _mm512_set1_ps(127));
        _mm512_storeu_ps(scale, step);
        _mm512_storeu_ps(offset, _mm512_mul_ps(step, _mm512_set1_ps(-128)));
    }
}

static void f16_to_f32_avx512(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask, load_as_float(x, 1, i, mask));
    }
}

static void bf16_to_f32_avx512(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i);
        _mm512_mask_storeu_ps(y + i, mask, load_as_float(x, 2, i, mask));
    }
}

static void f32_to_f16_avx512(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i);
        _mm256_mask_storeu_epi16(y + i, mask,
                                 _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, x + i), _MM_FROUND_TO_NEAREST_INT));
    }
}

// exp by 2^n * e^r, |r| <= ln(2) / 2, a polynomial of degree 6 for e^r; 0 below -87.3, relative error about 1e-7.
INLINE __m512 exp_ps(__m512 x) {
    x = _mm512_min_ps(x, _mm512_set1_ps(88.7f));
    __mmask16 alive = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.3f), _CMP_GE_OQ);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(alive, p, n);
}

enum { CHUNK = 256 }; // positions whose scores are held at once

// Sixteen numbers of a cache; those of CACHE_Q8_0 are still to be scaled.
INLINE __m512 load_cache(const void *base, cache_type cache, size_t i) {
    if (cache == CACHE_F32) return _mm512_loadu_ps((const float *)base + i);
    if (cache == CACHE_F16) return load_f16((const uint8_t *)base + 2 * i);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)((const int8_t *)base + i))));
}

// Queries lie so many floats apart: no power of two, which would crowd them into a few sets of the first cache.
enum { QUERY_STEP = ATTEND_MAX_HEAD_DIM + 16 };

// The score of row r at positions p .. p + 15: what the row may not see becomes -inf.
INLINE __m512 hide(const attend_job *job, int r, int p, __m512 v) {
    int first = job->first[r] > job->p0 ? job->first[r] : job->p0;
    int last = job->last[r] < job->p1 - 1 ? job->last[r] : job->p1 - 1;
    if (first <= p && p + 15 <= last && job->slope[r] == 0) return v;
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i index = _mm512_add_epi32(_mm512_set1_epi32(p), lane);
    __m512 distance = _mm512_cvtepi32_ps(_mm512_sub_epi32(index, _mm512_set1_epi32(job->last[r])));
    v = _mm512_fmadd_ps(distance, _mm512_set1_ps(job->slope[r]), v);
    __mmask16 seen = _mm512_cmp_epi32_mask(index, _mm512_set1_epi32(first), _MM_CMPINT_NLT) &
                     _mm512_cmp_epi32_mask(index, _mm512_set1_epi32(last), _MM_CMPINT_LE);
    return _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), seen, v);
}

// Scores of `tiles` (1 or 2) times sixteen positions for every row.
INLINE void score_tiles(const attend_job *job, const float *q, int rows, int tiles, cache_type cache, int p,
                        float (*scores)[CHUNK], int at) {
    __m512 acc[ATTEND_ROWS][2];
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < tiles; k++) acc[r][k] = _mm512_setzero_ps();
    size_t tile = (size_t)job->head_dim * 16, base = (size_t)(p / 16) * tile;
    __m512 scale[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int i = 0; i < job->head_dim; i++, base += 16) {
        __m512 key[2];
        for (int k = 0; k < tiles; k++) {
            size_t here = base + (size_t)k * tile;
            key[k] = load_cache(job->k, cache, here);
            if (cache != CACHE_Q8_0) continue;
            if (i % 32 == 0) scale[k] = load_f16((const uint8_t *)(job->k_scale + here / 32));
            key[k] = _mm512_mul_ps(key[k], scale[k]);
        }
        for (int r = 0; r < rows; r++) {
            __m512 component = _mm512_set1_ps(q[r * QUERY_STEP + i]);
            for (int k = 0; k < tiles; k++) acc[r][k] = _mm512_fmadd_ps(component, key[k], acc[r][k]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < tiles; k++) _mm512_storeu_ps(scores[r] + at + 16 * k, hide(job, r, p + 16 * k, acc[r][k]));
}

// Turns a row's scores into weights relative to the new maximum and shrinks what was gathered under the old one.
INLINE void soften(const attend_job *job, int r, float *scores, int n) {
    __m512 max = _mm512_set1_ps(-INFINITY);
    for (int i = 0; i < n; i += 16) max = _mm512_max_ps(max, _mm512_loadu_ps(scores + i));
    float top = _mm512_reduce_max_ps(max);
    if (top == -INFINITY) {
        for (int i = 0; i < n; i += 16) _mm512_storeu_ps(scores + i, _mm512_setzero_ps());
        return;
    }
    if (top > job->m[r]) {
        float shrink = expf(job->m[r] - top);
        job->m[r] = top;
        job->l[r] *= shrink;
        float *acc = job->acc + (size_t)r * job->v_dim;
        for (int i = 0; i < job->v_dim; i += 16)
            _mm512_storeu_ps(acc + i, _mm512_mul_ps(_mm512_loadu_ps(acc + i), _mm512_set1_ps(shrink)));
    }
    __m512 m = _mm512_set1_ps(job->m[r]), sum = _mm512_setzero_ps();
    for (int i = 0; i < n; i += 16) {
        __m512 e = exp_ps(_mm512_sub_ps(_mm512_loadu_ps(scores + i), m));
        sum = _mm512_add_ps(sum, e);
        _mm512_storeu_ps(scores + i, e);
    }
    job->l[r] += _mm512_reduce_add_ps(sum);
}

// Adds the weighted values of n positions: `width` (1 or 2) times sixteen components from c on.
INLINE void gather_strip(const attend_job *job, int rows, int width, cache_type cache, int p, int n,
                         float (*scores)[CHUNK], int c) {
    __m512 acc[ATTEND_ROWS][2];
    size_t v_dim = (size_t)job->v_dim, at = (size_t)p * v_dim + (size_t)c;
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < width; k++) acc[r][k] = _mm512_loadu_ps(job->acc + (size_t)r * v_dim + c + 16 * k);
    for (int i = 0; i < n; i++, at += v_dim) {
        __m512 v[2];
        for (int k = 0; k < width; k++) v[k] = load_cache(job->v, cache, at + 16 * (size_t)k);
        if (cache == CACHE_Q8_0) { // width is 2, and c a multiple of 32
            __m512 scale = _mm512_set1_ps(_cvtsh_ss(job->v_scale[at / 32]));
            for (int k = 0; k < width; k++) v[k] = _mm512_mul_ps(v[k], scale);
        }
        for (int r = 0; r < rows; r++) {
            __m512 weight = _mm512_set1_ps(scores[r][i]);
            for (int k = 0; k < width; k++) acc[r][k] = _mm512_fmadd_ps(weight, v[k], acc[r][k]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < width; k++) _mm512_storeu_ps(job->acc + (size_t)r * v_dim + c + 16 * k, acc[r][k]);
}

INLINE void attend_rows(const attend_job *job, int rows, cache_type cache) {
    float scores[ATTEND_ROWS][CHUNK], q[ATTEND_ROWS * QUERY_STEP];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < job->head_dim; i += 16) {
            __mmask16 mask = tail_mask((size_t)(job->head_dim - i));
            __m512 v = _mm512_maskz_loadu_ps(mask, job->q[r] + i);
            _mm512_storeu_ps(q + r * QUERY_STEP + i, _mm512_mul_ps(v, _mm512_set1_ps(job->scale)));
        }
    for (int p = job->p0 / 16 * 16; p < job->p1; p += CHUNK) {
        int end = p + CHUNK < job->p1 ? p + CHUNK : job->p1, n = (end - p + 15) / 16 * 16, i = 0, c = 0;
        for (; i + 32 <= n; i += 32) score_tiles(job, q, rows, 2, cache, p + i, scores, i);
        if (i < n) score_tiles(job, q, rows, 1, cache, p + i, scores, i);
        for (int r = 0; r < rows; r++) soften(job, r, scores[r], n);
        for (; c + 32 <= job->v_dim; c += 32) gather_strip(job, rows, 2, cache, p, end - p, scores, c);
        if (c < job->v_dim) gather_strip(job, rows, 1, cache, p, end - p, scores, c);
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

static void attend_avx512(const attend_job *job) {
    switch (job->cache) {
    case CACHE_F32: attend_rows(job, job->n_rows, CACHE_F32); break;
    case CACHE_F16: attend_cache(job, CACHE_F16); break;
    case CACHE_Q8_0: attend_cache(job, CACHE_Q8_0); break;
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
    .quantize = quantize_avx512,
    .gemv = gemv_avx512,
    .unpack = unpack_avx512,
    .dequantize = dequantize_avx512,
    .spread_floats = spread_floats_avx512,
    .gemm = gemm_avx512,
    .gemv_f32 = gemv_f32_avx512,
    .gemv_f16 = gemv_f16_avx512,
    .gemv_bf16 = gemv_bf16_avx512,
    .rank_add = rank_add_avx512,
    .f16_to_f32 = f16_to_f32_avx512,
    .bf16_to_f32 = bf16_to_f32_avx512,
    .f32_to_f16 = f32_to_f16_avx512,
    .attend = attend_avx512,
    .rms_norm = rms_norm_avx512,
    .layer_norm = layer_norm_avx512,
    .silu_mul = silu_mul_avx512,
    .exp_sub = exp_sub_avx512,
    .gelu_tanh = gelu_tanh_avx512,
    .gelu_erf = gelu_erf_avx512,
};
#endif
