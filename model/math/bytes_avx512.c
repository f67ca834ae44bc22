// Products in 8-bit integers with AVX-512 VNNI. The left factor's numbers stand 128 higher than they are, as bytes without
// a sign: the sums of a column begin with what takes that off again.
#include "model/math/bytes.h"
#include "model/math/avx512_packed.h"

#if defined(__AVX512F__)

enum { VECTORS = BYTES_BLOCK / 16, GROUPS = BYTES_BLOCK / 4 };

// 1.5 * 2^23, whose last mantissa bit counts ones: integers below 2^22 that are added to its bits are added to the number.
static const float BIAS = 12582912.0f;

// Magnitudes as integers, which are in the same order; what is no number is larger than all.
INLINE __m512i magnitude(__m512 x) {
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

// The largest magnitude of each of four blocks, in the lanes of a quarter.
INLINE __m128 largest_of_four(const __m512i m[4]) {
    __m512i a = _mm512_max_epu32(_mm512_shuffle_i32x4(m[0], m[1], 0x44), _mm512_shuffle_i32x4(m[0], m[1], 0xee));
    __m512i b = _mm512_max_epu32(_mm512_shuffle_i32x4(m[2], m[3], 0x44), _mm512_shuffle_i32x4(m[2], m[3], 0xee));
    __m512i x = _mm512_max_epu32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
    x = _mm512_max_epu32(x, _mm512_shuffle_epi32(x, 0x4e)); // block i is in quarter i by now
    x = _mm512_max_epu32(x, _mm512_shuffle_epi32(x, 0xb1));
    const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm_castsi128_ps(_mm512_castsi512_si128(_mm512_permutexvar_epi32(firsts, x)));
}

// Sixteen numbers from i on of n; those that do not exist are zero.
INLINE __m512 some_of(const float *x, int i, int n) {
    return n - i >= 16 ? _mm512_loadu_ps(x + i) : _mm512_maskz_loadu_ps(tail_mask(n > i ? (size_t)(n - i) : 0), x + i);
}

// Up to four blocks of a row.
static void quantize_four(const float *x, int n, uint8_t *out, float *scale) {
    int blocks = (int)bytes_blocks(n);
    __m512i most[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    float steps[4], inverse[4];
    for (int b = 0; b < blocks; b++)
        for (int v = 0; v < VECTORS; v++)
            most[b] = _mm512_max_epu32(most[b], magnitude(some_of(x, b * BYTES_BLOCK + 16 * v, n)));
    __m128 max = largest_of_four(most);
    __mmask8 some = _mm_cmp_ps_mask(max, _mm_setzero_ps(), _CMP_NEQ_UQ);
    _mm_storeu_ps(inverse, _mm_maskz_div_ps(some, _mm_set1_ps(127), max));
    _mm_storeu_ps(steps, _mm_div_ps(max, _mm_set1_ps(127)));
    memcpy(scale, steps, (size_t)blocks * sizeof *scale);
    for (int i = 0; i < blocks * VECTORS; i++) {
        __m512 v = _mm512_mul_ps(some_of(x, 16 * i, n), _mm512_set1_ps(inverse[i / VECTORS]));
        __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(128));
        _mm_storeu_si128((__m128i *)(out + 16 * i), _mm512_cvtepi32_epi8(q));
    }
}

static void rows_avx512(const float *x, size_t ld, int rows, int cols, uint8_t *out, float *scale) {
    enum { FOUR = 4 * BYTES_BLOCK };
    size_t blocks = bytes_blocks(cols);
    for (int r = 0; r < rows; r++, x += ld, out += blocks * BYTES_BLOCK, scale += blocks)
        for (int i = 0; i < cols; i += FOUR)
            quantize_four(x + i, cols - i < FOUR ? cols - i : FOUR, out + i, scale + i / BYTES_BLOCK);
}

// Scales keep 22 bits, so that BIAS times one of them is exact.
static void panel_avx512(const float *x, int k, uint8_t *out) {
    for (int half = 0; half < 2; half++, x += 16) {
        __m512i most = _mm512_setzero_si512(), sum = most, *to = (__m512i *)(void *)out + half;
        for (int i = 0; i < k; i++) most = _mm512_max_epu32(most, magnitude(_mm512_loadu_ps(x + i * BYTES_COLUMNS)));
        __m512 max = _mm512_castsi512_ps(most);
        __mmask16 some = _mm512_cmp_ps_mask(max, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        __m512 inverse = _mm512_maskz_div_ps(some, _mm512_set1_ps(127), max);
        __m512i step = _mm512_castps_si512(_mm512_mul_ps(max, _mm512_set1_ps(1.0f / 127)));
        for (int g = 0; g < GROUPS; g++) {
            __m512i word = _mm512_setzero_si512();
            for (int i = 4 * g; i < 4 * g + 4 && i < k; i++) {
                __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i * BYTES_COLUMNS), inverse));
                q = _mm512_and_si512(q, _mm512_set1_epi32(255));
                word = _mm512_or_si512(word, _mm512_slli_epi32(q, 8 * (unsigned)(i % 4)));
            }
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), word);
            to[4 + 2 * g] = word;
        }
        to[0] = _mm512_sub_epi32(_mm512_castps_si512(_mm512_set1_ps(BIAS)), _mm512_slli_epi32(sum, 7));
        to[2] = _mm512_and_si512(step, _mm512_set1_epi32(-4));
    }
}

// ---- a panel from packed weights ----

// What the largest becomes. Not 127: weights of a few bits at simple fractions of it would lie in the middle between two
// integers and all be rounded up.
static const float MOST = 126.6f;

typedef struct line {
    __m512 scale[2], offset[2]; // of sixteen rows, of a unit's halves
} line;

// Sixteen rows of bytes times a, plus b, both in 1/256: what is whole of it. |u a + b| < 2^15.
INLINE __m512i scaled_bytes(__m512i u, __m512i a, __m512i b) {
    __m512i even = _mm512_and_si512(u, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16(u, 8);
    even = _mm512_add_epi16(_mm512_mullo_epi16(even, a), b);
    odd = _mm512_add_epi16(_mm512_mullo_epi16(odd, a), b);
    return _mm512_or_si512(_mm512_srli_epi16(even, 8), _mm512_andnot_si512(_mm512_set1_epi16(255), odd));
}

// Sixteen words as 1/256, each twice, plus `more`.
INLINE __m512i in_256ths(__m512 x, __m512 by, int more) {
    __m512i v = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x, by)), _mm512_set1_epi32(more));
    return _mm512_or_si512(_mm512_and_si512(v, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32(v, 16));
}

// Sixteen columns of four words (groups) of sixteen rows become those of four groups of rows.
INLINE void turn_words(const __m512i w[4], __m512i out[4]) {
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i t[4];
    for (int i = 0; i < 4; i++) t[i] = _mm512_shuffle_epi8(w[i], order);
    __m512i a = _mm512_shuffle_i32x4(t[0], t[1], 0x44), b = _mm512_shuffle_i32x4(t[0], t[1], 0xee);
    __m512i c = _mm512_shuffle_i32x4(t[2], t[3], 0x44), d = _mm512_shuffle_i32x4(t[2], t[3], 0xee);
    out[0] = _mm512_shuffle_i32x4(a, c, 0x88);
    out[1] = _mm512_shuffle_i32x4(a, c, 0xdd);
    out[2] = _mm512_shuffle_i32x4(b, d, 0x88);
    out[3] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

// Scales and offsets of up to BYTES_BLOCK rows; returns the largest magnitude that they allow.
INLINE float read_lines(const pack *w, quant_traits t, int row, int n, int unit, line *out) {
    __m512i most = _mm512_setzero_si512();
    for (int i = 0; i < n; i++)
        for (int h = 0; h < (t.per_half ? 2 : 1); h++) {
            __m512 scale, offset, top = _mm512_set1_ps((float)((1 << t.bits) - 1));
            load_scale(pack_scales(w, row / PACK_ROWS + i), t, unit, h, &scale, &offset);
            most = _mm512_max_epu32(most, magnitude(offset));
            most = _mm512_max_epu32(most, magnitude(_mm512_fmadd_ps(scale, top, offset)));
            out[i].scale[h] = scale;
            out[i].offset[h] = offset;
        }
    uint32_t bits = _mm512_reduce_max_epu32(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

INLINE void requantize_format(const pack *w, quant_traits t, int row, int k, int unit, uint8_t *out) {
    line lines[BYTES_BLOCK / PACK_ROWS];
    int n = (k + PACK_ROWS - 1) / PACK_ROWS;
    float largest = read_lines(w, t, row, n, unit, lines);
    __m512 by = _mm512_set1_ps(largest != 0 ? MOST * 256 / largest : 0);
    __m512i sum[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()}, *to = (__m512i *)(void *)out;
    for (int i = 0; i < n; i++) {
        __m512i g[8], turned[4];
        load_groups(pack_planes(w, row / PACK_ROWS + i, unit), t.bits, g);
        for (int half = 0; half < 2; half++) {
            int h = t.per_half ? half : 0;
            __m512i a = in_256ths(lines[i].scale[h], by, 0), b = in_256ths(lines[i].offset[h], by, 128);
            for (int v = 0; v < 4; v++) g[4 * half + v] = scaled_bytes(g[4 * half + v], a, b);
            turn_words(g + 4 * half, turned);
            for (int v = 0; v < 4; v++) {
                to[4 + 2 * (4 * i + v) + half] = turned[v];
                sum[half] = _mm512_dpbusd_epi32(sum[half], _mm512_set1_epi8(1), turned[v]);
            }
        }
    }
    __m512i step = _mm512_castps_si512(_mm512_set1_ps(largest / MOST));
    for (int half = 0; half < 2; half++) {
        to[half] = _mm512_sub_epi32(_mm512_castps_si512(_mm512_set1_ps(BIAS)), _mm512_slli_epi32(sum[half], 7));
        to[2 + half] = _mm512_and_si512(step, _mm512_set1_epi32(-4));
    }
}

// Weights of more bits would lose some to 1/256ths of a step.
static bool panel_packed_avx512(const pack *w, int row, int k, int unit, uint8_t *out) {
    if (w->traits.bits > 5) return false;
#define REQUANTIZE(traits) requantize_format(w, traits, row, k, unit, out)
    QUANT_FOR_TYPE(w->type, REQUANTIZE)
#undef REQUANTIZE
    return true;
}

// ---- products ----

INLINE __m512i four_at(const uint8_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}

// A block's part of a product as it is read: what the sums of the columns begin with, their scales, and the numbers.
typedef struct part {
    const uint8_t *a; // (12, row)
    size_t row;
    const float *scale; // (12), `step` apart
    size_t step;
    const uint8_t *panel;
    int groups; // of four numbers
} part;

// c (12, 32) = the part's sums; += where add is set. Rows are reached from every third one, so that addresses need few
// registers. A function of its own, so that all sums stay in registers.
static __attribute__((noinline)) void multiply_part(const part *p, bool add, float *c, size_t ldc) {
    const uint8_t *a = p->a, *panel = p->panel;
    const size_t row = p->row;
    __m512i sum[BYTES_ROWS][2];
#pragma GCC unroll 12
    for (int i = 0; i < BYTES_ROWS; i++) {
        sum[i][0] = _mm512_load_si512(panel);
        sum[i][1] = _mm512_load_si512(panel + 64);
    }
    __m512 column0 = _mm512_load_ps(panel + 128), column1 = _mm512_load_ps(panel + 192);
    panel += 8 * BYTES_COLUMNS;
    for (int g = 0; g < p->groups; g++, a += 4, panel += 4 * BYTES_COLUMNS) {
        const uint8_t *base[4] = {a, a + 3 * row, a + 6 * row, a + 9 * row};
        __m512i b0 = _mm512_load_si512(panel), b1 = _mm512_load_si512(panel + 64);
#pragma GCC unroll 12
        for (int i = 0; i < BYTES_ROWS; i++) {
            __m512i x = four_at(base[i / 3] + (size_t)(i % 3) * row);
            sum[i][0] = _mm512_dpbusd_epi32(sum[i][0], x, b0);
            sum[i][1] = _mm512_dpbusd_epi32(sum[i][1], x, b1);
        }
    }
    __m512 taken0 = _mm512_mul_ps(column0, _mm512_set1_ps(BIAS)), taken1 = _mm512_mul_ps(column1, _mm512_set1_ps(BIAS));
    const float *scale = p->scale;
#pragma GCC unroll 12
    for (int i = 0; i < BYTES_ROWS; i++, c += ldc, scale += p->step) {
        __m512 times = _mm512_set1_ps(*scale);
        __m512 y0 = _mm512_fmsub_ps(column0, _mm512_castsi512_ps(sum[i][0]), taken0);
        __m512 y1 = _mm512_fmsub_ps(column1, _mm512_castsi512_ps(sum[i][1]), taken1);
        _mm512_storeu_ps(c, add ? _mm512_fmadd_ps(y0, times, _mm512_loadu_ps(c)) : _mm512_mul_ps(y0, times));
        _mm512_storeu_ps(c + 16, add ? _mm512_fmadd_ps(y1, times, _mm512_loadu_ps(c + 16)) : _mm512_mul_ps(y1, times));
    }
}

// The same for m rows and n columns at an edge: whole tiles go through memory of their own.
static void multiply_edge(part p, int m, int n, bool add, float *c, size_t ldc) {
    float whole[BYTES_ROWS][BYTES_COLUMNS] = {{0}}, scale[BYTES_ROWS] = {0};
    for (int i = 0; i < m; i++) {
        scale[i] = p.scale[(size_t)i * p.step];
        if (add) memcpy(whole[i], c + (size_t)i * ldc, (size_t)n * sizeof *c);
    }
    p.scale = scale;
    p.step = 1;
    multiply_part(&p, add, *whole, BYTES_COLUMNS);
    for (int i = 0; i < m; i++) memcpy(c + (size_t)i * ldc, whole[i], (size_t)n * sizeof *c);
}

static void multiply_avx512(int m, int n, int k, const uint8_t *a, const float *scale, const uint8_t *panel, bool add,
                            float *c, size_t ldc) {
    size_t blocks = bytes_blocks(k), row = blocks * BYTES_BLOCK;
    for (int t = 0; t < m; t += BYTES_ROWS, a += BYTES_ROWS * row, scale += BYTES_ROWS * blocks, c += BYTES_ROWS * ldc)
        for (size_t b = 0; b < blocks; b++) {
            int left = k - (int)b * BYTES_BLOCK, groups = ((left < BYTES_BLOCK ? left : BYTES_BLOCK) + 3) / 4;
            part p = {a + b * BYTES_BLOCK, row, scale + b, blocks, panel + b * BYTES_PANEL, groups};
            if (m - t >= BYTES_ROWS && n == BYTES_COLUMNS)
                multiply_part(&p, add || b > 0, c, ldc);
            else
                multiply_edge(p, m - t < BYTES_ROWS ? m - t : BYTES_ROWS, n, add || b > 0, c, ldc);
        }
}

const bytes bytes_avx512 = {"avx512", rows_avx512, panel_avx512, panel_packed_avx512, multiply_avx512};
#endif
