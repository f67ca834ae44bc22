// Products of packed weights and 8-bit activations for AVX-512 with VNNI (F, BW, VL, DQ, VNNI): Intel from Ice Lake and
// Cascade Lake, AMD from Zen 4.
//
// A register holds four columns of sixteen rows (pack.h), one vpdpbusd multiplies it by the same four columns of an
// activation row, broadcast, and adds into sixteen 32-bit sums. Decode (gemv) unpacks in registers and streams each
// weight once; prefill (gemm) works on rows that `unpack` spread out in L1/L2.
#include "model/math/avx512_packed.h"

#if defined(__AVX512F__)

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

void avx512_quantize(const float *x, int n, int8_t *q, float *d, float *sum) {
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

void avx512_gemv(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
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

void avx512_unpack(const pack *w, int b, uint8_t *u, float *scale, float *offset) {
#define UNPACK(traits) unpack_format(w, traits, b, u, scale, offset)
    QUANT_FOR_TYPE(w->type, UNPACK)
#undef UNPACK
}

void avx512_dequantize(const pack *w, int b, int s0, int n, float *out, size_t ld) {
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

void avx512_gemm(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld) {
    if (w->n_blocks == 2 && w->halves == 1)
        gemm_rows(w, x, tile, n, 2, 1, add, y, ld);
    else if (w->n_blocks == 2)
        gemm_rows(w, x, tile, n, 2, 2, add, y, ld);
    else if (w->halves == 1)
        gemm_rows(w, x, tile, n, 1, 1, add, y, ld);
    else
        gemm_rows(w, x, tile, n, 1, 2, add, y, ld);
}
#endif
