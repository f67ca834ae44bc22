// Reading the packed layout (pack.h) with AVX-512.
#ifndef DOPPEL_AVX512_PACKED_H
#define DOPPEL_AVX512_PACKED_H

#include "model/math/avx512.h"

#if defined(__AVX512F__)

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

#endif
#endif
