// Decoding GGUF's quantised blocks. One function a format turns 32 columns into a quant_unit; dequantising and
// repacking (pack.c) both start from there, so that each block layout is written down once.
#include "model/math/quant.h"
#include "model/math/half.h"

#include <string.h>

enum { SUPER = 256 }; // columns of a K-format's block

bool quant_traits_of(tensor_type type, quant_traits *out) {
    bool known = false;
#define TAKE(traits) *out = traits, known = true
    QUANT_FOR_TYPE(type, TAKE)
#undef TAKE
    return known;
}

static uint16_t read_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

// ---- one-level formats: blocks of 32 columns ----

// 16 bytes: low nibbles are columns 0..15, high nibbles 16..31.
static void read_nibbles(const uint8_t *qs, uint8_t *u) {
    for (int i = 0; i < 16; i++) {
        u[i] = qs[i] & 15;
        u[i + 16] = qs[i] >> 4;
    }
}

// Bit i of the 32-bit word is the fifth bit of column i.
static void add_fifth_bits(const uint8_t *qh, uint8_t *u) {
    for (int i = 0; i < 32; i++) u[i] |= (uint8_t)((qh[i / 8] >> (i % 8) & 1) << 4);
}

static void read_q4_0(const uint8_t *b, quant_unit *out) { // d, 16 bytes of nibbles
    out->d = read_u16(b);
    read_nibbles(b + 2, out->u);
}

static void read_q4_1(const uint8_t *b, quant_unit *out) { // d, m, nibbles
    out->d = read_u16(b);
    out->m = read_u16(b + 2);
    read_nibbles(b + 4, out->u);
}

static void read_q5_0(const uint8_t *b, quant_unit *out) { // d, 4 bytes of fifth bits, nibbles
    out->d = read_u16(b);
    read_nibbles(b + 6, out->u);
    add_fifth_bits(b + 2, out->u);
}

static void read_q5_1(const uint8_t *b, quant_unit *out) { // d, m, fifth bits, nibbles
    out->d = read_u16(b);
    out->m = read_u16(b + 2);
    read_nibbles(b + 8, out->u);
    add_fifth_bits(b + 4, out->u);
}

static void read_q8_0(const uint8_t *b, quant_unit *out) { // d, 32 signed bytes
    out->d = read_u16(b);
    for (int i = 0; i < 32; i++) out->u[i] = b[2 + i] ^ 0x80;
}

// ---- K-formats: blocks of 256 columns, unit j of 8 within ----

// The 6-bit scale and minimum of sub-block j, packed in 12 bytes (Q4_K, Q5_K).
static void read_k4_scale(const uint8_t *s, int j, quant_unit *out) {
    int sc, mn;
    if (j < 4) {
        sc = s[j] & 63;
        mn = s[j + 4] & 63;
    } else {
        sc = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        mn = (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    }
    out->sc[0] = out->sc[1] = (int8_t)sc;
    out->mn[0] = out->mn[1] = (uint8_t)mn;
}

// 128 bytes: of every 32, the low nibbles are one unit and the high ones the next.
static void read_k4_nibbles(const uint8_t *qs, int j, uint8_t *u) {
    int shift = j % 2 * 4;
    for (int i = 0; i < 32; i++) u[i] = qs[j / 2 * 32 + i] >> shift & 15;
}

static void read_q4_k(const uint8_t *b, int j, quant_unit *out) { // d, dmin, 12 scales, 128 bytes
    out->d = read_u16(b);
    out->m = read_u16(b + 2);
    read_k4_scale(b + 4, j, out);
    read_k4_nibbles(b + 16, j, out->u);
}

static void read_q5_k(const uint8_t *b, int j, quant_unit *out) { // d, dmin, 12 scales, 32 fifth bits, 128 bytes
    out->d = read_u16(b);
    out->m = read_u16(b + 2);
    read_k4_scale(b + 4, j, out);
    read_k4_nibbles(b + 48, j, out->u);
    for (int i = 0; i < 32; i++) out->u[i] |= (uint8_t)((b[16 + i] >> j & 1) << 4);
}

// Q2_K and Q3_K keep two bits of unit j in 64 bytes: of every 32, bits 0-1 are one unit, bits 2-3 the next ...
static void read_two_bits(const uint8_t *qs, int j, uint8_t *u) {
    for (int i = 0; i < 32; i++) u[i] = qs[j / 4 * 32 + i] >> (j % 4 * 2) & 3;
}

static void read_q2_k(const uint8_t *b, int j, quant_unit *out) { // 16 scales (4 bits | 4 bits of minimum), 64, d, dmin
    out->d = read_u16(b + 80);
    out->m = read_u16(b + 82);
    for (int h = 0; h < 2; h++) {
        out->sc[h] = (int8_t)(b[2 * j + h] & 15);
        out->mn[h] = b[2 * j + h] >> 4;
    }
    read_two_bits(b + 16, j, out->u);
}

static void read_q3_k(const uint8_t *b, int j, quant_unit *out) { // 32 third bits, 64, 12 scales, d
    out->d = read_u16(b + 108);
    const uint8_t *s = b + 96;
    for (int h = 0; h < 2; h++) {
        int k = 2 * j + h; // 16 scales of 6 bits: four lower bits in bytes 0..7, two upper ones in bytes 8..11
        int low = k < 8 ? s[k] & 15 : s[k - 8] >> 4;
        int high = s[8 + k % 4] >> (k / 4 * 2) & 3;
        out->sc[h] = (int8_t)((low | high << 4) - 32);
    }
    read_two_bits(b + 32, j, out->u);
    for (int i = 0; i < 32; i++) out->u[i] |= (uint8_t)((b[i] >> j & 1) << 2);
}

static void read_q6_k(const uint8_t *b, int j, quant_unit *out) { // 128 lower nibbles, 64 upper pairs, 16 scales, d
    out->d = read_u16(b + 208);
    const uint8_t *ql = b + j / 4 * 64 + j % 2 * 32, *qh = b + 128 + j / 4 * 32;
    int low_shift = j % 4 / 2 * 4, high_shift = j % 4 * 2;
    for (int i = 0; i < 32; i++) out->u[i] = (uint8_t)((ql[i] >> low_shift & 15) | (qh[i] >> high_shift & 3) << 4);
    out->sc[0] = (int8_t)b[192 + 2 * j];
    out->sc[1] = (int8_t)b[192 + 2 * j + 1];
}

void quant_read_unit(tensor_type type, const void *row, int64_t index, quant_unit *out) {
    size_t bytes = tensor_block_bytes(type);
    const uint8_t *b = row;
    int j = 0;
    if (tensor_block_elements(type) == SUPER) {
        b += (size_t)(index / 8) * bytes;
        j = (int)(index % 8);
    } else {
        b += (size_t)index * bytes;
    }
    switch (type) {
    case TENSOR_Q4_0: read_q4_0(b, out); break;
    case TENSOR_Q4_1: read_q4_1(b, out); break;
    case TENSOR_Q5_0: read_q5_0(b, out); break;
    case TENSOR_Q5_1: read_q5_1(b, out); break;
    case TENSOR_Q8_0: read_q8_0(b, out); break;
    case TENSOR_Q2_K: read_q2_k(b, j, out); break;
    case TENSOR_Q3_K: read_q3_k(b, j, out); break;
    case TENSOR_Q4_K: read_q4_k(b, j, out); break;
    case TENSOR_Q5_K: read_q5_k(b, j, out); break;
    case TENSOR_Q6_K: read_q6_k(b, j, out); break;
    default: break;
    }
}

void quant_dequantize(tensor_type type, const void *row, int64_t first, int64_t n, float *out) {
    if (type == TENSOR_F32) {
        memcpy(out, (const float *)row + first, (size_t)n * sizeof *out);
        return;
    }
    if (type == TENSOR_F16 || type == TENSOR_BF16) {
        const uint16_t *h = (const uint16_t *)row + first;
        if (type == TENSOR_F16)
            for (int64_t i = 0; i < n; i++) out[i] = f16_to_f32(h[i]);
        else
            for (int64_t i = 0; i < n; i++) out[i] = bf16_to_f32(h[i]);
        return;
    }
    quant_traits t;
    if (!quant_traits_of(type, &t)) return;
    for (int64_t i = 0; i < n; i += QUANT_UNIT) {
        quant_unit unit;
        quant_read_unit(type, row, (first + i) / QUANT_UNIT, &unit);
        float d = f16_to_f32(unit.d), m = t.has_min ? f16_to_f32(unit.m) : 0;
        for (int h = 0; h < 2; h++) {
            float scale = t.k ? d * unit.sc[h] : d;
            float offset = !t.has_min ? -(float)t.zero * scale : t.k ? -m * unit.mn[h] : m;
            for (int k = 16 * h; k < 16 * h + 16; k++) out[i + k] = scale * unit.u[k] + offset;
        }
    }
}
