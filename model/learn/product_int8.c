// Products of frozen quantised weights in 8-bit integers: forward by the same kernel that reads prompts (kernels.h: gemm);
// on the way back W^T is quantised anew, 32 of its rows at a time, by the member that needs them (bytes.h).
#include "model/learn/product_impl.h"

#include <string.h>

enum { OUTPUTS = KERNELS_BLOCKS * PACK_ROWS, BLOCK_ROWS = 8 * BYTES_ROWS };

bool product_int8_fits(const product_weights *w) {
    return w->base && !w->base->data;
}

// The head's gradients are logits': a few of them outweigh all others.
bool product_int8_fits_back(const product_memory *m, const product_weights *w) {
    return m->mode == PRODUCT_INT8 && bytes_get() && product_int8_fits(w) && !w->keep;
}

void product_int8_cut(product_memory *m, size_t tokens, int members, arena *k) {
    size_t blocks = bytes_get() ? bytes_blocks(m->widest) : 0, left = (tokens + BYTES_ROWS) * blocks;
    m->left_bytes = arena_cut(k, left, BYTES_BLOCK);
    m->left_steps = arena_cut(k, left, sizeof(float));
    arena_cut_tiles(k, &m->tiles, (int)tokens, m->widest);
    for (int i = 0; i < members; i++) {
        own_memory *own = &m->own[i];
        arena_cut_scratch(k, &own->spread, 1, m->widest);
        own->row.x = arena_cut(k, padded(m->widest, QUANT_UNIT), sizeof(float));
        arena_cut_row(k, &own->row, m->widest);
        own->bytes = arena_cut(k, blocks, BYTES_PANEL);
    }
    product_int8_low_cut(m, tokens, members, k);
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

// out (N, ld) = left * some row blocks, of which `columns` outputs exist, and what the adapter adds where its panel is made.
static void multiply_blocks(const product *p, const unpacked *w, int columns, const product_low *low, float *out,
                            int ld, bool add) {
    int n = p->rows * p->len;
    const qtiles *left = &p->memory->tiles.tiles;
    for (int t = 0; t < n; t += KERNELS_TILE) {
        int rows = n - t < KERNELS_TILE ? n - t : KERNELS_TILE;
        float *to = out + (size_t)t * (size_t)ld, tile[KERNELS_TILE * OUTPUTS];
        bool whole = columns == w->n_blocks * PACK_ROWS;
        if (whole)
            kernels_get()->gemm(w, left, t / KERNELS_TILE, rows, add, to, (size_t)ld);
        else
            kernels_get()->gemm(w, left, t / KERNELS_TILE, rows, false, tile, OUTPUTS);
        for (int i = 0; i < rows && !whole; i++)
            for (int c = 0; c < columns; c++) {
                float *y = to + (size_t)i * (size_t)ld + c;
                *y = add ? *y + tile[i * OUTPUTS + c] : tile[i * OUTPUTS + c];
            }
        if (low) product_int8_low_add(p, low, columns, t, rows, to, ld);
    }
}

void product_int8_forward(const product *p, const product_weights *w, const product_low *low, float *y, int ld,
                          bool add) {
    const pack *from = &w->base->packed;
    const linear_scratch *s = &p->memory->own[p->rank].spread;
    size_t units = (size_t)from->n_units, scales = units * (size_t)pack_halves(from) * PACK_ROWS;
    bool low_bytes = low && product_int8_fits_back(p->memory, w);
    int pairs = (from->n_blocks + KERNELS_BLOCKS - 1) / KERNELS_BLOCKS;
    for (int pair = product_take(p, -1); pair < pairs; pair = product_take(p, pair)) {
        int b = pair * KERNELS_BLOCKS, n = from->n_blocks - b < KERNELS_BLOCKS ? from->n_blocks - b : KERNELS_BLOCKS;
        for (int i = 0; i < n; i++)
            kernels_get()->unpack(from, b + i, s->u + (size_t)i * units * PACK_UNIT_BYTES,
                                  s->scale + (size_t)i * scales, s->offset + (size_t)i * scales);
        unpacked spread = {n, from->n_units, pack_halves(from), from->traits.bits, s->u, s->scale, s->offset};
        int columns = w->rows - b * PACK_ROWS < n * PACK_ROWS ? w->rows - b * PACK_ROWS : n * PACK_ROWS;
        if (low_bytes) product_int8_low_panel(p, low, w, false, b * PACK_ROWS, columns);
        multiply_blocks(p, &spread, columns, low_bytes ? low : NULL, y + b * PACK_ROWS, ld, add);
        if (low && !low_bytes)
            product_add_low(p, low, false, b * PACK_ROWS, columns, 0, p->rows * p->len, y + b * PACK_ROWS, ld);
    }
    product_wait(p);
}

// ---- the way back ----

// A tile reads whole rows of it, those behind the last token too.
void product_int8_left_back(const product *p, const float *dy, int ld, int width) {
    product_memory *m = p->memory;
    size_t blocks = bytes_blocks(width);
    int first, last;
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    bytes_get()->rows(dy + (size_t)first * (size_t)ld, (size_t)ld, last - first, width,
                      m->left_bytes + (size_t)first * blocks * BYTES_BLOCK, m->left_steps + (size_t)first * blocks);
    product_wait(p);
}

// Columns [first, first + 32) of W.
static void make_panel(const product_weights *w, int first, uint8_t *out) {
    float x[(BYTES_BLOCK + PACK_ROWS) * BYTES_COLUMNS];
    for (int row = 0; row < w->rows; row += BYTES_BLOCK, out += BYTES_PANEL) {
        int k = w->rows - row < BYTES_BLOCK ? w->rows - row : BYTES_BLOCK;
        if (bytes_get()->panel_packed(&w->base->packed, row, k, first / QUANT_UNIT, out)) continue;
        product_read_columns(w, row, k, first, BYTES_COLUMNS, x);
        bytes_get()->panel(x, k, out);
    }
}

// A panel's part of dx, for n tokens from `token` on.
static void multiply_panel(const product *p, const product_weights *w, int column, int token, int n,
                           const product_low *low, bool add, float *dx) {
    product_memory *m = p->memory;
    size_t blocks = bytes_blocks(w->rows), cols = (size_t)w->cols;
    for (int t = token; t < token + n; t += BLOCK_ROWS) {
        int rows = token + n - t < BLOCK_ROWS ? token + n - t : BLOCK_ROWS;
        float *to = dx + (size_t)t * cols + column;
        bytes_get()->multiply(rows, BYTES_COLUMNS, w->rows, m->left_bytes + (size_t)t * blocks * BYTES_BLOCK,
                              m->left_steps + (size_t)t * blocks, m->own[p->rank].bytes, add, to, cols);
        if (low) product_int8_low_add(p, low, BYTES_COLUMNS, t, rows, to, w->cols);
    }
}

// Members take panels, or where those are few each all of them and a share of the tokens. A packed matrix has whole panels.
void product_int8_backward(const product *p, const product_weights *w, const product_low *low, float *dx, bool add) {
    uint8_t *panel = p->memory->own[p->rank].bytes;
    int panels = w->cols / BYTES_COLUMNS, first = 0, last = p->rows * p->len;
    bool few = panels < 2 * p->size;
    if (few) team_share(last, p->rank, p->size, &first, &last);
    for (int i = few ? 0 : product_take(p, -1); i < panels; i = few ? i + 1 : product_take(p, i)) {
        make_panel(w, i * BYTES_COLUMNS, panel);
        if (low) product_int8_low_panel(p, low, w, true, i * BYTES_COLUMNS, BYTES_COLUMNS);
        multiply_panel(p, w, i * BYTES_COLUMNS, first, last - first, low, add, dx);
    }
    product_wait(p);
}
