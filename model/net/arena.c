#include "model/net/arena.h"

void *arena_cut(arena *a, size_t count, size_t size) {
    void *p = a->base ? a->base + a->used : NULL;
    a->used += (count * size + 63) / 64 * 64;
    return p;
}

// A width that is no multiple of a unit belongs to a float layer; one unit more covers it.
static size_t units_of(int cols) {
    return (size_t)cols / QUANT_UNIT + 1;
}

void arena_cut_row(arena *a, activations *row, int cols) {
    size_t units = units_of(cols);
    row->q = arena_cut(a, units * QUANT_UNIT, 1);
    row->d = arena_cut(a, units, sizeof(float));
    row->sum = arena_cut(a, 2 * units, sizeof(float));
}

void arena_cut_tiles(arena *a, activations *rows, int n_rows, int cols) {
    size_t padded = (size_t)(n_rows + KERNELS_TILE - 1) / KERNELS_TILE * KERNELS_TILE, units = units_of(cols);
    rows->tiles.q = arena_cut(a, padded * units * QUANT_UNIT, 1);
    rows->tiles.d = arena_cut(a, padded * units, sizeof(float));
    rows->tiles.sum = arena_cut(a, padded * units * 3, sizeof(float));
}

void arena_cut_scratch(arena *a, linear_scratch *s, int n_rows, int cols) {
    size_t units = KERNELS_BLOCKS * units_of(cols);
    s->u = arena_cut(a, units * PACK_UNIT_BYTES, 1);
    s->scale = arena_cut(a, units * 2 * PACK_ROWS, sizeof(float));
    s->offset = arena_cut(a, units * 2 * PACK_ROWS, sizeof(float));
    s->panel = arena_cut(a, (size_t)LINEAR_PANEL_ROWS * (size_t)cols, sizeof(float));
    s->strip = arena_cut(a, (size_t)n_rows * LINEAR_PANEL_ROWS, sizeof(float));
}
