// Hanging adapters into a state's layers. A and B are laid out for the products of linear layers: A in eight bits and B in
// half precision where the net's own weights are quantised.
#include "model/net/adapter.h"
#include "model/math/half.h"
#include "model/math/quantize.h"
#include "model/net/lora.h"
#include "model/net/state.h"

#include <stdlib.h>
#include <string.h>

// One part of one layer, as low_rank wants it.
typedef struct piece {
    int layer, slot; // ADAPTED_QKV ...
    low_rank low;    // scale without the strength
    pack packed_a;   // low.packed_a, or empty
    void *a, *b;
} piece;

struct adapter {
    piece *pieces;
    size_t n;
};

static void put(void *to, bool f32, size_t i, float v) {
    if (f32)
        ((float *)to)[i] = v;
    else
        ((uint16_t *)to)[i] = f32_to_f16(v);
}

// A as eight-bit blocks. -1 when there is no memory.
static int pack_a(piece *p, const lora_part *from, error *err) {
    size_t row = tensor_row_bytes(TENSOR_Q8_0, from->cols);
    if (pack_open(&p->packed_a, TENSOR_Q8_0, from->rank, from->cols, err) != 0) return -1;
    char *rows = mem_calloc(PACK_ROWS, row);
    for (int k = 0; k < from->rank; k += PACK_ROWS) {
        int n = from->rank - k < PACK_ROWS ? from->rank - k : PACK_ROWS;
        for (int r = 0; r < n; r++)
            quantize_row(TENSOR_Q8_0, from->a + (size_t)(k + r) * (size_t)from->cols, from->cols,
                         rows + (size_t)r * row);
        pack_block(&p->packed_a, k / PACK_ROWS, rows, row, n);
    }
    free(rows);
    p->low.packed_a = &p->packed_a;
    return 0;
}

// p stays where it is.
static int make_piece(piece *p, const lora_part *from, double scale, bool f32, error *err) {
    *p = (piece){.layer = from->place.layer, .slot = from->place.slot};
    size_t each = f32 ? sizeof(float) : sizeof(uint16_t);
    size_t rank = (size_t)from->rank, rows = (size_t)from->rows, cols = (size_t)from->cols;
    size_t blocks = (rows + PACK_ROWS - 1) / PACK_ROWS;
    bool packs = !from->place.matrix->data;
    p->b = mem_calloc(blocks * rank * PACK_ROWS, each);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < rank; k++)
            put(p->b, f32, (r / PACK_ROWS * rank + k) * PACK_ROWS + r % PACK_ROWS, from->b[r * rank + k]);
    if (!packs) p->a = mem_calloc(rank * cols, each);
    for (size_t i = 0; !packs && i < rank * cols; i++) put(p->a, f32, i, from->a[i]);
    p->low = (low_rank){
        .part = from->place.part, .rank = from->rank, .f32 = f32, .a = p->a, .b = p->b, .scale = (float)scale};
    return packs ? pack_a(p, from, err) : 0;
}

adapter *adapter_of(const lora *l, const net *n, error *err) {
    adapter *a = mem_calloc(1, sizeof *a);
    a->pieces = mem_calloc(l->n, sizeof *a->pieces);
    while (a->n < l->n) {
        const lora_part *from = &l->parts[a->n];
        if (make_piece(&a->pieces[a->n++], from, lora_scale(l, from), n->float_weights, err) == 0) continue;
        adapter_close(a);
        return NULL;
    }
    return a;
}

adapter *adapter_open(const char *path, const net *n, error *err) {
    lora l;
    adapter *a = lora_open(&l, path, n, err) == 0 ? adapter_of(&l, n, err) : NULL;
    lora_free(&l);
    return a;
}

void adapter_close(adapter *a) {
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) {
        pack_close(&a->pieces[i].packed_a);
        free(a->pieces[i].a);
        free(a->pieces[i].b);
    }
    free(a->pieces);
    free(a);
}

// ---- use ----

static void drop_adapters(net_state *s) {
    int slots = s->net->config.n_layers * ADAPTED_LAYERS;
    for (int i = 0; s->adapters && i < slots; i++) free(s->adapters[i].items);
    free(s->adapters);
    free(s->low);
    s->adapters = NULL;
    s->low = NULL;
}

// Scratch for A x of the adapters in use.
static void make_room(net_state *s) {
    int slots = s->net->config.n_layers * ADAPTED_LAYERS, widest = 1;
    for (int i = 0; i < slots; i++) {
        int width = low_width(&s->adapters[i]);
        if (width > widest) widest = width;
    }
    size_t each = (size_t)s->max_rows * (size_t)widest;
    s->low = mem_calloc(each * (size_t)team_size(s->team), sizeof *s->low);
    for (int i = 0; i < team_size(s->team); i++) s->own[i].scratch.low = s->low + (size_t)i * each;
}

void net_set_adapters(net_state *s, const adapter_use *list, int n) {
    s->adapter_changes++;
    drop_adapters(s);
    if (n <= 0) return;
    int slots = s->net->config.n_layers * ADAPTED_LAYERS;
    s->adapters = mem_calloc((size_t)slots, sizeof *s->adapters);
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < list[k].adapter->n; i++) {
            const piece *p = &list[k].adapter->pieces[i];
            low_ranks *to = &s->adapters[p->layer * ADAPTED_LAYERS + p->slot];
            to->items = mem_realloc(to->items, (size_t)to->n + 1, sizeof *to->items);
            to->items[to->n] = p->low;
            to->items[to->n++].scale *= list[k].strength;
        }
    make_room(s);
}

void adapters_copy(net_state *to, const net_state *from) {
    drop_adapters(to);
    if (!from->adapters) return;
    int slots = from->net->config.n_layers * ADAPTED_LAYERS;
    to->adapters = mem_calloc((size_t)slots, sizeof *to->adapters);
    for (int i = 0; i < slots; i++) {
        const low_ranks *src = &from->adapters[i];
        if (src->n == 0) continue;
        to->adapters[i].items = mem_calloc((size_t)src->n, sizeof *src->items);
        memcpy(to->adapters[i].items, src->items, (size_t)src->n * sizeof *src->items);
        to->adapters[i].n = src->n;
    }
    make_room(to);
}
