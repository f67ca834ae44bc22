// Products of packed weights and 8-bit activations for AVX2 with FMA and F16C: Intel from Haswell, AMD from Zen.
//
// The packed layout's vectors of 64 bytes are taken as two halves of eight rows. vpmaddubsw multiplies unsigned
// weights by signed activations and adds pairs into 16 bits; weights of up to 6 bits leave room to add several groups
// before widening. Eight-bit weights would overflow: they are taken as signed (u - 128, which makes the offset zero) and
// multiplied as |w| * (a with w's sign), whose pairs fit since |a| <= 127.
#include "model/math/avx2.h"

#if defined(__AVX2__)

INLINE int sum_epi32(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

void avx2_quantize(const float *x, int n, int8_t *q, float *d, float *sum) {
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

void avx2_gemv(const pack *w, int b0, int b1, int n, const gemv_row *rows) {
    if (n == 1)
        gemv_rows(w, b0, b1, 1, rows);
    else
        gemv_rows(w, b0, b1, n, rows);
}

void avx2_unpack(const pack *w, int b, uint8_t *u, float *scale, float *offset) {
#define UNPACK(traits) unpack_format(w, traits, b, u, scale, offset)
    QUANT_FOR_TYPE(w->type, UNPACK)
#undef UNPACK
}

// Only training converts whole matrices, and its products take far longer here: the plain version does.
void avx2_dequantize(const pack *w, int b, int s0, int n, float *out, size_t ld) {
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

void avx2_gemm(const unpacked *w, const qtiles *x, int tile, int n, bool add, float *y, size_t ld) {
    switch (w->bits) {
    case 8: gemm_bits(w, x, tile, n, 8, 1, add, y, ld); break;
    case 6: gemm_bits(w, x, tile, n, 6, 2, add, y, ld); break;
    case 5: gemm_bits(w, x, tile, n, 5, 1, add, y, ld); break;
    case 4: gemm_bits(w, x, tile, n, 4, 1, add, y, ld); break;
    default: gemm_bits(w, x, tile, n, 4, 2, add, y, ld); break; // Q2_K and Q3_K
    }
}
#endif
