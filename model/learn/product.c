// Ways to multiply. float32 through sgemm is exact and always there. fp16 and bf16 (product_pairs.c) round both factors to
// 16 bits, do twice as much at a time and serve every matrix. 8-bit integers (product_int8.c) are for frozen quantised
// weights, the base of an adapter: the forward half's are the very sums that decoding uses; on the way back gradients and
// W^T are rounded in blocks of 128, where the processor does that faster than floats, and so is what an adapter adds. The
// head's way back and all other products of that mode are in fp16, in bf16 where that pays, or else in float32: rounded to
// 8 bits, the gradients of logits alone turn those of the adapters by 20 %, all those of layers together by 3 to 4 %, the
// forward half's integers by 6 %. So an adapter learns as much a step as in fp16 (held-out loss after 50 steps from 3.720
// to 3.360 in either).
//
// Outputs are shared out by columns where there are many, else by stretches of tokens; a stretch never crosses from one
// row of tokens to the next. The left factor (activations) is converted once by all members; the right factor (weights)
// 32 output columns at a time, by the member that needs them, into memory of its own. The head, which every piece of
// the loss reads twice, is converted once and kept (its integers not: they unpack quickly). What an
// adapter adds follows each stretch of outputs while that is still in a near cache.
#include "model/learn/product_impl.h"
#include "model/math/blas.h"

#include <stdlib.h>
#include <string.h>

// ---- memory ----

// The largest frozen matrix that has to be converted to floats; the widest input or output and the widest adapter.
static size_t measure(product_memory *m, const learn_graph *g) {
    size_t most = 0;
    m->widest = g->config->n_embd;
    m->rank = 1;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_linear *all[LEARN_LINEARS];
        learn_layer_linears(&g->layers[i], all);
        for (int j = 0; j < LEARN_LINEARS; j++) {
            const learn_linear *l = all[j];
            size_t n = (size_t)l->rows * (size_t)l->cols;
            bool converts = l->base && l->base->type != TENSOR_F32;
            if (converts && n > most) most = n;
            if (l->rows > m->widest) m->widest = l->rows;
            if (l->cols > m->widest) m->widest = l->cols;
            if (l->a && l->a->rows > m->rank) m->rank = l->a->rows;
        }
    }
    return most;
}

// Whether every frozen matrix is multiplied in integers in the forward half.
static bool all_integers(const learn_graph *g) {
    bool all = !g->head.base || !g->head.base->data;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_linear *linears[LEARN_LINEARS];
        learn_layer_linears(&g->layers[i], linears);
        for (int j = 0; j < LEARN_LINEARS; j++)
            if (linears[j]->rows > 0 && (!linears[j]->base || linears[j]->base->data)) all = false;
    }
    return all;
}

const pairs *product_pairs_of(product_mode mode) {
    switch (mode) {
    case PRODUCT_FP16: return pairs_fp16();
    case PRODUCT_BF16: return pairs_bf16();
    case PRODUCT_INT8: return pairs_fp16() ? pairs_fp16() : pairs_bf16_pays() ? pairs_bf16() : NULL;
    default: return NULL;
    }
}

static void settle(product_memory *m, const learn_graph *g, product_mode mode) {
    m->mode = product_choose(g, mode);
    m->pairs = product_pairs_of(m->mode);
    m->all_integers = m->mode == PRODUCT_INT8 && all_integers(g);
}

static void cut_arena(product_memory *m, const learn_graph *g, int max_rows, int max_len, int members, arena *k) {
    const net_config *c = g->config;
    const matrix *head = g->head.base;
    bool converts = head && head->type != TENSOR_F32;
    size_t most = measure(m, g), longest = padded(m->widest, QUANT_UNIT), rank = padded(m->rank, COLUMNS);
    if (head && padded(c->n_vocab, QUANT_UNIT) > longest) longest = padded(c->n_vocab, QUANT_UNIT);
    for (int i = 0; i < members; i++) {
        if (m->pairs) m->own[i].floats = arena_cut(k, longest * COLUMNS, sizeof(float));
        m->own[i].turned = arena_cut(k, padded(m->widest, COLUMNS) * rank, sizeof(float));
    }
    if (m->mode == PRODUCT_INT8) product_int8_cut(m, (size_t)max_rows * (size_t)max_len, members, k);
    if (m->pairs) {
        product_pairs_cut(m, g, max_rows, max_len, members, k);
        return;
    }
    m->converted = arena_cut(k, most, sizeof(float));
    m->head = arena_cut(k, converts ? (size_t)c->n_vocab * (size_t)c->n_embd : 0, sizeof(float));
}

// Whether the kernels multiply 8-bit integers faster than sgemm does floats.
static bool has_fast_int8(void) {
    const char *name = kernels_get()->name;
    return strcmp(name, "avx512") == 0 || strcmp(name, "neon-dot") == 0;
}

// What a wish becomes. Nothing is timed: the same program on the same processor always calculates in the same way.
product_mode product_choose(const learn_graph *g, product_mode wish) {
    const matrix *base = g->layers[g->config->n_layers - 1].down.base;
    bool int8_fits = base && !base->data;
    switch (wish) {
    case PRODUCT_FP16: return pairs_fp16() ? wish : PRODUCT_FLOAT32;
    case PRODUCT_BF16: return pairs_bf16() ? wish : PRODUCT_FLOAT32;
    case PRODUCT_INT8: return int8_fits ? wish : PRODUCT_FLOAT32;
    case PRODUCT_FLOAT32: return wish;
    case PRODUCT_AUTO: break;
    }
    if (int8_fits && has_fast_int8()) return PRODUCT_INT8;
    return pairs_fp16() ? PRODUCT_FP16 : pairs_bf16_pays() ? PRODUCT_BF16 : PRODUCT_FLOAT32;
}

size_t product_memory_bytes(const learn_graph *g, int max_rows, int max_len, product_mode mode, int members) {
    product_memory m = {0};
    arena count = {0};
    settle(&m, g, mode);
    cut_arena(&m, g, max_rows, max_len, members, &count);
    return count.used;
}

product_memory *product_memory_open(const learn_graph *g, int max_rows, int max_len, product_mode mode, int members,
                                    error *err) {
    product_memory *m = mem_calloc(1, sizeof *m);
    settle(m, g, mode);
    m->arena_bytes = product_memory_bytes(g, max_rows, max_len, m->mode, members);
    m->arena = mem_alloc_big(m->arena_bytes);
    if (!m->arena) {
        error_set(err, "no memory for %zu MB of converted weights", m->arena_bytes >> 20);
        product_memory_close(m);
        return NULL;
    }
    mem_large_pages(m->arena, m->arena_bytes);
    cut_arena(m, g, max_rows, max_len, members, &(arena){.base = m->arena});
    return m;
}

void product_memory_close(product_memory *m) {
    if (!m) return;
    mem_free_big(m->arena, m->arena_bytes);
    free(m);
}

size_t product_memory_size(const product_memory *m) {
    return m->arena_bytes;
}

product_mode product_memory_mode(const product_memory *m) {
    return m->mode;
}

const char *product_mode_name(product_mode mode) {
    static const char *const names[] = {"auto", "float32", "bf16", "int8", "fp16"};
    return names[mode];
}

int product_loss_tokens(const learn_graph *g) {
    enum { FEWEST = 128, MOST = 1024, NUMBERS = 6 << 20, WHERE_HEAD_LEARNS = 8 };
    int n = NUMBERS / g->config->n_vocab;
    n = n < FEWEST ? FEWEST : n;
    if (g->head.w) n *= WHERE_HEAD_LEARNS;
    return n > MOST ? MOST : n;
}

// ---- shares ----

bool product_next_stretch(const product *p, int *item, stretch *s) {
    int each = (p->len + STRETCH - 1) / STRETCH, first, last;
    team_share(each * p->rows, p->rank, p->size, &first, &last);
    int i = *item < 0 ? first : *item;
    if (i >= last) return false;
    int start = i % each * STRETCH;
    *s = (stretch){i / each * p->len + start, p->len - start < STRETCH ? p->len - start : STRETCH};
    *item = i + 1;
    return true;
}

// A member's share of n columns, cut at multiples of step.
static void column_share(const product *p, int n, int step, int *first, int *last) {
    team_share((n + step - 1) / step, p->rank, p->size, first, last);
    *first *= step;
    *last = *last * step < n ? *last * step : n;
}

// ---- frozen weights as floats ----

void product_read_rows(const product_weights *w, int first, int n, float *out) {
    size_t cols = (size_t)w->cols;
    if (w->floats) {
        memcpy(out, w->floats + (size_t)first * cols, (size_t)n * cols * sizeof *out);
    } else if (w->base->data) {
        const char *from = (const char *)w->base->data + (size_t)first * tensor_row_bytes(w->base->type, w->cols);
        quant_dequantize(w->base->type, from, 0, (int64_t)n * w->cols, out);
    } else {
        const pack *from = &w->base->packed;
        for (int r = 0; r < n; r += PACK_ROWS) {
            float *to = out + (size_t)r * cols;
            if (n - r >= PACK_ROWS)
                kernels_get()->dequantize(from, (first + r) / PACK_ROWS, 0, from->n_units, to, cols);
            else
                for (int i = r; i < n; i++) pack_row(from, first + i, out + (size_t)i * cols);
        }
    }
}

void product_read_columns(const product_weights *w, int row, int rows, int first, int n, float *out) {
    size_t cols = (size_t)w->cols;
    for (int r = row; r < row + rows;) {
        float *to = out + (size_t)(r - row) * COLUMNS;
        if (w->floats) {
            memcpy(to, w->floats + (size_t)r * cols + first, (size_t)n * sizeof *to);
            r++;
        } else if (w->base->data) {
            const char *from = (const char *)w->base->data + (size_t)r * tensor_row_bytes(w->base->type, w->cols);
            quant_dequantize(w->base->type, from, first, n, to);
            r++;
        } else { // a last block's missing rows are zeros, and there is room for them
            kernels_get()->dequantize(&w->base->packed, r / PACK_ROWS, first / QUANT_UNIT, 1, to, COLUMNS);
            r += PACK_ROWS;
        }
    }
}

// W (rows, cols) as floats, whole for every member.
static const float *floats_of(const product *p, const product_weights *w) {
    product_memory *m = p->memory;
    if (w->floats) return w->floats;
    if (w->base->type == TENSOR_F32) return w->base->data;
    float *out = w->keep ? m->head : m->converted;
    bool ready = w->keep && m->head_ready;
    product_wait(p); // all have read it before one of them sets it; and nobody reads the last matrix any more
    if (ready) return out;
    int first, last;
    column_share(p, w->rows, PACK_ROWS, &first, &last);
    if (first < last) product_read_rows(w, first, last - first, out + (size_t)first * (size_t)w->cols);
    if (w->keep && p->rank == 0) m->head_ready = true;
    product_wait(p);
    return out;
}

// ---- float32 ----

// Columns of n that go through the library in one call. It may add up a column's products in another way where others
// stand beside it, so calls are cut at the same columns whether all members share a product or one calculates it alone.
static int column_block(const product *p, int n) {
    int members = team_size(p->team);
    return (int)padded((n + members - 1) / members, PACK_ROWS);
}

static void forward_f32(const product *p, const product_weights *w, const float *x, const product_low *low, float *y,
                        int ld, bool add) {
    const float *wf = floats_of(p, w);
    size_t cols = (size_t)w->cols;
    float beta = add ? 1 : 0;
    int first, last, block = column_block(p, w->rows);
    column_share(p, w->rows, block, &first, &last);
    if (w->rows >= 4 * PACK_ROWS) {
        for (int r = 0; r < p->rows; r++) {
            size_t token = (size_t)r * (size_t)p->len;
            for (int at = first; at < last; at += block) {
                int n = last - at < block ? last - at : block;
                float *to = y + token * (size_t)ld + at;
                blas_sgemm(false, true, p->len, n, w->cols, 1, x + token * cols, cols, wf + (size_t)at * cols, cols,
                           beta, to, (size_t)ld);
                if (low) product_add_low(p, low, false, at, n, (int)token, p->len, to, ld);
            }
        }
    } else {
        stretch s;
        for (int item = -1; product_next_stretch(p, &item, &s);) {
            float *to = y + (size_t)s.token * (size_t)ld;
            blas_sgemm(false, true, s.n, w->rows, w->cols, 1, x + (size_t)s.token * cols, cols, wf, cols, beta, to,
                       (size_t)ld);
            if (low) product_add_low(p, low, false, 0, w->rows, s.token, s.n, to, ld);
        }
    }
    product_wait(p);
}

static void backward_f32(const product *p, const product_weights *w, const float *dy, int ld, const product_low *low,
                         float *dx, bool add) {
    const float *wf = floats_of(p, w);
    size_t cols = (size_t)w->cols;
    stretch s;
    for (int item = -1; product_next_stretch(p, &item, &s);) {
        float *to = dx + (size_t)s.token * cols;
        blas_sgemm(false, false, s.n, w->cols, w->rows, 1, dy + (size_t)s.token * (size_t)ld, (size_t)ld, wf, cols,
                   add ? 1 : 0, to, cols);
        if (low) product_add_low(p, low, true, 0, w->cols, s.token, s.n, to, w->cols);
    }
    product_wait(p);
}

static bool gradient_by_rows(int rows, int cols) {
    return rows >= cols;
}

int product_gradient_block(const product *p, int rows, int cols) {
    return column_block(p, gradient_by_rows(rows, cols) ? rows : cols);
}

void product_gradient_f32(const product *p, const float *dy, int ld, int rows, const float *x, int cols, int at, int n,
                          float *grad) {
    for (int r = 0; r < p->rows; r++) {
        size_t token = (size_t)r * (size_t)p->len, d = (size_t)cols;
        const float *dy_row = dy + token * (size_t)ld, *x_row = x + token * d;
        if (gradient_by_rows(rows, cols))
            blas_sgemm(true, false, n, cols, p->len, 1, dy_row + at, (size_t)ld, x_row, d, 1, grad + (size_t)at * d, d);
        else
            blas_sgemm(true, false, rows, n, p->len, 1, dy_row, (size_t)ld, x_row + at, d, 1, grad + at, d);
    }
}

// The member's blocks of it.
static void gradient_f32(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    int first, last, block = product_gradient_block(p, rows, cols);
    column_share(p, gradient_by_rows(rows, cols) ? rows : cols, block, &first, &last);
    for (int at = first; at < last; at += block)
        product_gradient_f32(p, dy, ld, rows, x, cols, at, last - at < block ? last - at : block, grad);
    product_wait(p);
}

// ---- the choice ----

void product_left(const product *p, const float *x, int ld, int width) {
    const product_memory *m = p->memory;
    if (m->mode == PRODUCT_INT8) product_int8_left(p, x, ld, width);
    if (m->pairs && !m->all_integers) product_pairs_left(p, x, ld, width);
}

void product_left_back(const product *p, const product_weights *w, const float *dy, int ld) {
    if (product_int8_fits_back(p->memory, w))
        product_int8_left_back(p, dy, ld, w->rows);
    else if (p->memory->pairs)
        product_pairs_left(p, dy, ld, w->rows);
}

void product_forward(const product *p, const product_weights *w, const float *x, const product_low *low, float *y,
                     int ld, bool add) {
    const product_memory *m = p->memory;
    if (m->mode == PRODUCT_INT8 && product_int8_fits(w))
        product_int8_forward(p, w, low, y, ld, add);
    else if (m->pairs)
        product_pairs_multiply(p, w, false, low, y, ld, add);
    else
        forward_f32(p, w, x, low, y, ld, add);
}

void product_backward(const product *p, const product_weights *w, const float *dy, int ld, const product_low *low,
                      float *dx, bool add) {
    if (product_int8_fits_back(p->memory, w))
        product_int8_backward(p, w, low, dx, add);
    else if (p->memory->pairs)
        product_pairs_multiply(p, w, true, low, dx, w->cols, add);
    else
        backward_f32(p, w, dy, ld, low, dx, add);
}

void product_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    if (product_pairs_gradient_fits(p->memory->mode, rows, cols)) {
        product_pairs_gradient(p, dy, ld, rows, x, cols, grad);
    } else {
        gradient_f32(p, dy, ld, rows, x, cols, grad);
    }
}
