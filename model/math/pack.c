// Packing and the plain unpacking. The layout is described in pack.h; the formats' bits come from quant.c.
#include "model/math/pack.h"
#include "model/math/half.h"

#include <string.h>

enum { GROUPS = 8, SUPER_UNITS = 8 };

// Which planes a width of bits uses, in the order they are stored, and which of u's bits each holds.
typedef struct plane_set {
    int n;
    struct {
        int bits, shift;
    } plane[2];
} plane_set;

static plane_set planes_of(int bits) {
    switch (bits) {
    case 2: return (plane_set){1, {{2, 0}}};
    case 3: return (plane_set){2, {{2, 0}, {1, 2}}};
    case 4: return (plane_set){1, {{4, 0}}};
    case 5: return (plane_set){2, {{4, 0}, {1, 4}}};
    case 6: return (plane_set){2, {{4, 0}, {2, 4}}};
    default: return (plane_set){1, {{8, 0}}};
    }
}

int pack_open(pack *p, tensor_type type, int rows, int cols, error *err) {
    *p = (pack){.type = type, .rows = rows, .cols = cols};
    if (!quant_traits_of(type, &p->traits) || rows <= 0 || cols <= 0 || cols % tensor_block_elements(type))
        return error_set(err, "a %d x %d matrix of %s cannot be packed", rows, cols, tensor_type_name(type));
    int halves = pack_halves(p), sets = p->traits.has_min ? 2 : 1;
    p->n_blocks = (rows + PACK_ROWS - 1) / PACK_ROWS;
    p->n_units = cols / QUANT_UNIT;
    p->plane_bytes = (size_t)(PACK_UNIT_BYTES * p->traits.bits / 8);
    p->scales_at = (size_t)p->n_units * p->plane_bytes;
    size_t scales;
    if (p->traits.k) {
        p->scale_bytes = (size_t)(sets * 2 * PACK_ROWS + SUPER_UNITS * sets * halves * PACK_ROWS);
        scales = (size_t)(p->n_units / SUPER_UNITS) * p->scale_bytes;
    } else {
        p->scale_bytes = (size_t)(sets * 2 * PACK_ROWS);
        scales = (size_t)p->n_units * p->scale_bytes;
    }
    p->block_bytes = (p->scales_at + scales + 63) / 64 * 64;
    p->bytes = (size_t)p->n_blocks * p->block_bytes;
    p->data = mem_alloc_big(p->bytes);
    if (!p->data) return error_set(err, "no memory for %zu MB of weights; use a smaller model", p->bytes >> 20);
    return 0;
}

void pack_close(pack *p) {
    mem_free_big(p->data, p->bytes);
    *p = (pack){0};
}

static void put_u16(uint8_t *at, int r, uint16_t v) {
    memcpy(at + 2 * r, &v, sizeof v);
}

// Spreads one row's unit over the planes: row r owns byte lanes 4r .. 4r + 3 of every vector.
static void put_planes(const plane_set *set, uint8_t *planes, int r, const uint8_t *u) {
    for (int i = 0; i < set->n; i++) {
        int bits = set->plane[i].bits, shift = set->plane[i].shift, per_byte = 8 / bits, mask = (1 << bits) - 1;
        for (int g = 0; g < GROUPS; g++) {
            // Group g's vector and its place within a byte: nibbles pair group g with g + 4, the others run on.
            int vector = bits == 4 ? g % 4 : g / per_byte, place = bits == 4 ? g / 4 : g % per_byte;
            uint8_t *lane = planes + vector * 64 + r * 4;
            for (int b = 0; b < 4; b++) lane[b] |= (uint8_t)((u[4 * g + b] >> shift & mask) << (place * bits));
        }
        planes += PACK_UNIT_BYTES * bits / 8;
    }
}

// Where the scales of unit s lie in a row block.
typedef struct scale_place {
    uint8_t *d, *m;   // f16 x 16; m only with a minimum
    uint8_t *sc, *mn; // K-formats: halves x 16 bytes each
} scale_place;

static scale_place place_of(const pack *p, int b, int s) {
    uint8_t *base = (uint8_t *)(uintptr_t)pack_scales(p, b);
    int sets = p->traits.has_min ? 2 : 1, halves = pack_halves(p);
    if (!p->traits.k) {
        base += (size_t)s * p->scale_bytes;
        return (scale_place){.d = base, .m = base + 2 * PACK_ROWS};
    }
    base += (size_t)(s / SUPER_UNITS) * p->scale_bytes;
    uint8_t *unit = base + sets * 2 * PACK_ROWS + s % SUPER_UNITS * sets * halves * PACK_ROWS;
    return (scale_place){.d = base, .m = base + 2 * PACK_ROWS, .sc = unit, .mn = unit + halves * PACK_ROWS};
}

static void put_scales(const pack *p, const scale_place *at, int r, const quant_unit *unit) {
    put_u16(at->d, r, unit->d);
    if (p->traits.has_min) put_u16(at->m, r, unit->m);
    if (!p->traits.k) return;
    for (int h = 0; h < pack_halves(p); h++) {
        at->sc[h * PACK_ROWS + r] = (uint8_t)unit->sc[h];
        if (p->traits.has_min) at->mn[h * PACK_ROWS + r] = unit->mn[h];
    }
}

// Q4_0 and Q4_1 keep their 16 bytes of nibbles in just the order of the 4-bit plane: whole words move.
static void pack_block_nibbles(pack *p, int b, const uint8_t *rows, size_t row_bytes, int n_rows) {
    size_t block = tensor_block_bytes(p->type), head = block - 16;
    for (int r = 0; r < n_rows; r++) {
        const uint8_t *src = rows + (size_t)r * row_bytes;
        uint8_t *lane = p->data + (size_t)b * p->block_bytes + r * 4;
        uint8_t *scales = p->data + (size_t)b * p->block_bytes + p->scales_at + r * 2;
        for (int s = 0; s < p->n_units; s++, src += block, lane += 256, scales += p->scale_bytes) {
            memcpy(scales, src, 2);
            if (head == 4) memcpy(scales + 2 * PACK_ROWS, src + 2, 2);
            for (int g = 0; g < 4; g++) memcpy(lane + 64 * g, src + head + 4 * g, 4);
        }
    }
}

void pack_block(pack *p, int b, const void *rows, size_t row_bytes, int n_rows) {
    if (p->type == TENSOR_Q4_0 || p->type == TENSOR_Q4_1) {
        pack_block_nibbles(p, b, rows, row_bytes, n_rows);
        return;
    }
    plane_set set = planes_of(p->traits.bits);
    for (int s = 0; s < p->n_units; s++) {
        uint8_t *planes = p->data + (size_t)b * p->block_bytes + (size_t)s * p->plane_bytes;
        scale_place at = place_of(p, b, s);
        memset(planes, 0, p->plane_bytes);
        for (int r = 0; r < n_rows; r++) {
            quant_unit unit;
            quant_read_unit(p->type, (const uint8_t *)rows + (size_t)r * row_bytes, s, &unit);
            if (p->traits.bits == 8)
                for (int g = 0; g < GROUPS; g++) memcpy(planes + 64 * g + 4 * r, unit.u + 4 * g, 4);
            else
                put_planes(&set, planes, r, unit.u);
            put_scales(p, &at, r, &unit);
        }
    }
}

// The integer at group g, byte i of row r's lane.
static int get_plane_value(const plane_set *set, const uint8_t *planes, int r, int g, int i) {
    int v = 0;
    for (int k = 0; k < set->n; k++) {
        int bits = set->plane[k].bits, per_byte = 8 / bits;
        int vector = bits == 4 ? g % 4 : g / per_byte, place = bits == 4 ? g / 4 : g % per_byte;
        v |= (planes[vector * 64 + r * 4 + i] >> (place * bits) & ((1 << bits) - 1)) << set->plane[k].shift;
        planes += PACK_UNIT_BYTES * bits / 8;
    }
    return v;
}

static float get_f16(const uint8_t *at, int r) {
    uint16_t v;
    memcpy(&v, at + 2 * r, sizeof v);
    return f16_to_f32(v);
}

static void get_scale(const pack *p, const scale_place *at, int r, int h, float *scale, float *offset) {
    *scale = get_f16(at->d, r);
    if (p->traits.k) *scale *= (int8_t)at->sc[h * PACK_ROWS + r];
    if (!p->traits.has_min)
        *offset = -(float)p->traits.zero * *scale;
    else if (p->traits.k)
        *offset = -get_f16(at->m, r) * at->mn[h * PACK_ROWS + r];
    else
        *offset = get_f16(at->m, r);
}

void pack_row(const pack *p, int row, float *out) {
    plane_set set = planes_of(p->traits.bits);
    int b = row / PACK_ROWS, r = row % PACK_ROWS;
    for (int s = 0; s < p->n_units; s++, out += QUANT_UNIT) {
        const uint8_t *planes = pack_planes(p, b, s);
        scale_place at = place_of(p, b, s);
        for (int h = 0; h < 2; h++) {
            float scale, offset;
            get_scale(p, &at, r, p->traits.per_half ? h : 0, &scale, &offset);
            for (int i = 16 * h; i < 16 * h + 16; i++)
                out[i] = scale * (float)get_plane_value(&set, planes, r, i / 4, i % 4) + offset;
        }
    }
}

void pack_unpack_ref(const pack *p, int b, int s0, int n, uint8_t *u, float *scale, float *offset) {
    plane_set set = planes_of(p->traits.bits);
    int halves = pack_halves(p);
    for (int s = s0; s < s0 + n; s++) {
        const uint8_t *planes = pack_planes(p, b, s);
        scale_place at = place_of(p, b, s);
        for (int g = 0; g < GROUPS; g++)
            for (int r = 0; r < PACK_ROWS; r++)
                for (int i = 0; i < 4; i++) *u++ = (uint8_t)get_plane_value(&set, planes, r, g, i);
        for (int h = 0; h < halves; h++)
            for (int r = 0; r < PACK_ROWS; r++) get_scale(p, &at, r, h, scale++, offset++);
    }
}
