// Forward products of frozen quantised weights in 8-bit integers, by the same kernel that reads prompts (kernels.h: gemm).
#include "model/learn/product_impl.h"

#include <string.h>

enum { OUTPUTS = KERNELS_BLOCKS * PACK_ROWS };

bool product_int8_fits(const product_weights *w) {
    return w->base && !w->base->data;
}

void product_int8_cut(product_memory *m, size_t tokens, int members, arena *k) {
    arena_cut_tiles(k, &m->tiles, (int)tokens, m->widest);
    for (int i = 0; i < members; i++) {
        own_memory *own = &m->own[i];
        arena_cut_scratch(k, &own->spread, 1, m->widest);
        own->row.x = arena_cut(k, padded(m->widest, QUANT_UNIT), sizeof(float));
        arena_cut_row(k, &own->row, m->widest);
    }
}

// Members take whole tiles. A width that is no multiple of 32 is filled up with zeros.
void product_int8_left(const product *p, const float *x, int ld, int width) {
    product_memory *m = p->memory;
    activations *row = &m->own[p->rank].row;
    qtiles tiles = m->tiles.tiles;
    int n = p->rows * p->len, cols = (int)padded(width, QUANT_UNIT), first, last;
    tiles.cols = cols;
    team_share((n + KERNELS_TILE - 1) / KERNELS_TILE, p->rank, p->size, &first, &last);
    for (int t = first * KERNELS_TILE; t < last * KERNELS_TILE && t < n; t++) {
        const float *from = x + (size_t)t * (size_t)ld;
        if (cols != width) {
            memcpy(row->x, from, (size_t)width * sizeof *from);
            memset(row->x + width, 0, (size_t)(cols - width) * sizeof *from);
            from = row->x;
        }
        kernels_get()->quantize(from, cols, row->q, row->d, row->sum);
        qtiles_put(&tiles, t, row->q, row->d, row->sum);
    }
    product_wait(p);
}

// out (N, ld) = left * some row blocks, of which `columns` outputs exist.
static void multiply_blocks(const product *p, const unpacked *w, int columns, float *out, int ld, bool add) {
    int n = p->rows * p->len;
    const qtiles *left = &p->memory->tiles.tiles;
    for (int t = 0; t < n; t += KERNELS_TILE) {
        int rows = n - t < KERNELS_TILE ? n - t : KERNELS_TILE;
        float *to = out + (size_t)t * (size_t)ld, tile[KERNELS_TILE * OUTPUTS];
        if (columns == w->n_blocks * PACK_ROWS) {
            kernels_get()->gemm(w, left, t / KERNELS_TILE, rows, add, to, (size_t)ld);
            continue;
        }
        kernels_get()->gemm(w, left, t / KERNELS_TILE, rows, false, tile, OUTPUTS);
        for (int i = 0; i < rows; i++)
            for (int c = 0; c < columns; c++) {
                float *y = to + (size_t)i * (size_t)ld + c;
                *y = add ? *y + tile[i * OUTPUTS + c] : tile[i * OUTPUTS + c];
            }
    }
}

void product_int8_forward(const product *p, const product_weights *w, const product_low *low, float *y, int ld,
                          bool add) {
    const pack *from = &w->base->packed;
    const linear_scratch *s = &p->memory->own[p->rank].spread;
    size_t units = (size_t)from->n_units, scales = units * (size_t)pack_halves(from) * PACK_ROWS;
    int first, last;
    team_share((from->n_blocks + KERNELS_BLOCKS - 1) / KERNELS_BLOCKS, p->rank, p->size, &first, &last);
    for (int pair = first; pair < last; pair++) {
        int b = pair * KERNELS_BLOCKS, n = from->n_blocks - b < KERNELS_BLOCKS ? from->n_blocks - b : KERNELS_BLOCKS;
        for (int i = 0; i < n; i++)
            kernels_get()->unpack(from, b + i, s->u + (size_t)i * units * PACK_UNIT_BYTES,
                                  s->scale + (size_t)i * scales, s->offset + (size_t)i * scales);
        unpacked spread = {n, from->n_units, pack_halves(from), from->traits.bits, s->u, s->scale, s->offset};
        int columns = w->rows - b * PACK_ROWS < n * PACK_ROWS ? w->rows - b * PACK_ROWS : n * PACK_ROWS;
        multiply_blocks(p, &spread, columns, y + b * PACK_ROWS, ld, add);
        if (low) product_add_low(p, low, false, b * PACK_ROWS, columns, 0, p->rows * p->len, y + b * PACK_ROWS, ld);
    }
    product_wait(p);
}
