// An adapter's products beside frozen ones in 8-bit integers: in integers themselves, as decoding has them. What the adapter
// reads is there already, as the frozen product's left factor. The gradients of its matrices are in float32.
#include "model/learn/product_impl.h"

#include <string.h>

void product_int8_low_cut(product_memory *m, size_t tokens, int members, arena *k) {
    size_t blocks = bytes_get() ? bytes_blocks(m->rank) : 0, left = (tokens + BYTES_ROWS) * blocks;
    m->low_bytes = arena_cut(k, left, BYTES_BLOCK);
    m->low_steps = arena_cut(k, left, sizeof(float));
    for (int i = 0; i < members; i++) m->own[i].low_panel = arena_cut(k, blocks, BYTES_PANEL);
}

// ---- what an adapter adds ----

void product_int8_low_left(const product *p, const float *low, int rank, int first, int last) {
    product_memory *m = p->memory;
    size_t blocks = bytes_blocks(rank);
    bytes_get()->rows(low + (size_t)first * (size_t)rank, (size_t)rank, last - first, rank,
                      m->low_bytes + (size_t)first * blocks * BYTES_BLOCK, m->low_steps + (size_t)first * blocks);
}

// The panel of x (k, n), rows ld apart and columns `step`, times scale.
static void make_panel(const float *x, int k, int n, size_t ld, size_t step, float scale, uint8_t *out) {
    float part[BYTES_BLOCK * BYTES_COLUMNS] = {0};
    for (int row = 0; row < k; row += BYTES_BLOCK, out += BYTES_PANEL) {
        int rows = k - row < BYTES_BLOCK ? k - row : BYTES_BLOCK;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < n; j++)
                part[i * BYTES_COLUMNS + j] = scale * x[(size_t)(row + i) * ld + (size_t)j * step];
        bytes_get()->panel(part, rows, out);
    }
}

void product_int8_low_panel(const product *p, const product_low *low, const product_weights *w, bool back, int first,
                            int n) {
    uint8_t *out = p->memory->own[p->rank].low_panel;
    size_t rank = (size_t)low->rank;
    if (back)
        make_panel(low->right + first, low->rank, n, (size_t)w->cols, 1, 1, out);
    else
        make_panel(low->right + (size_t)first * rank, low->rank, n, 1, rank, 1, out);
}

void product_int8_low_add(const product *p, const product_low *low, int columns, int token, int n, float *out, int ld) {
    const product_memory *m = p->memory;
    size_t at = (size_t)token * bytes_blocks(low->rank);
    bytes_get()->multiply(n, columns, low->rank, m->low_bytes + at * BYTES_BLOCK, m->low_steps + at,
                          m->own[p->rank].low_panel, true, out, (size_t)ld);
}

// ---- what it reads ----

// Up to sixteen rows of scale * A as a row block that is spread out.
static unpacked spread_rows(const product *p, const float *a, int rows, int cols, float scale) {
    own_memory *own = &p->memory->own[p->rank];
    const linear_scratch *s = &own->spread;
    activations *row = &own->row;
    int units = cols / QUANT_UNIT;
    memset(s->u, 128, (size_t)units * PACK_UNIT_BYTES);
    memset(s->scale, 0, (size_t)units * PACK_ROWS * sizeof *s->scale);
    memset(s->offset, 0, (size_t)units * PACK_ROWS * sizeof *s->offset);
    for (int r = 0; r < rows; r++, a += cols) {
        for (int i = 0; i < cols; i++) row->x[i] = scale * a[i];
        kernels_get()->quantize(row->x, cols, row->q, row->d, row->sum);
        for (int i = 0; i < cols; i += 4)
            for (int k = 0; k < 4; k++) s->u[i * PACK_ROWS + 4 * r + k] = (uint8_t)(row->q[i + k] + 128);
        for (int i = 0; i < units; i++) {
            s->scale[i * PACK_ROWS + r] = row->d[i];
            s->offset[i * PACK_ROWS + r] = -128 * row->d[i];
        }
    }
    return (unpacked){1, units, 1, 8, s->u, s->scale, s->offset};
}

void product_int8_narrow(const product *p, const float *a, int cols, int rank, float scale, float *low) {
    int n = p->rows * p->len, tiles = (n + KERNELS_TILE - 1) / KERNELS_TILE, first, last;
    team_share(tiles, p->rank, p->size, &first, &last);
    for (int r = 0; r < rank; r += PACK_ROWS) {
        int rows = rank - r < PACK_ROWS ? rank - r : PACK_ROWS;
        unpacked spread = spread_rows(p, a + (size_t)r * (size_t)cols, rows, cols, scale);
        for (int t = first; t < last; t++) {
            int token = t * KERNELS_TILE, here = n - token < KERNELS_TILE ? n - token : KERNELS_TILE;
            float out[KERNELS_TILE * PACK_ROWS];
            kernels_get()->gemm(&spread, &p->memory->tiles.tiles, t, here, false, out, PACK_ROWS);
            for (int i = 0; i < here; i++)
                memcpy(low + (size_t)(token + i) * (size_t)rank + r, out + i * PACK_ROWS, (size_t)rows * sizeof *low);
        }
    }
    last = last * KERNELS_TILE < n ? last * KERNELS_TILE : n;
    if (bytes_get()) product_int8_low_left(p, low, rank, first * KERNELS_TILE, last);
    product_wait(p);
}

void product_int8_narrow_back(const product *p, int rows, const float *b, int rank, float scale, float *dlow) {
    const product_memory *m = p->memory;
    uint8_t *panel = m->own[p->rank].bytes;
    int first, last;
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    size_t at = (size_t)first * bytes_blocks(rows);
    for (int r = 0; r < rank; r += BYTES_COLUMNS) {
        int columns = rank - r < BYTES_COLUMNS ? rank - r : BYTES_COLUMNS;
        make_panel(b + r, rows, columns, (size_t)rank, 1, scale, panel);
        bytes_get()->multiply(last - first, columns, rows, m->left_bytes + at * BYTES_BLOCK, m->left_steps + at, panel,
                              false, dlow + (size_t)first * (size_t)rank + r, (size_t)rank);
    }
    product_int8_low_left(p, dlow, rank, first, last);
    product_wait(p);
}
