// Three ways to multiply. float32 through sgemm is exact and always there. bf16 needs AVX512_BF16 and pays only where
// the processor runs it at full width (some need two cycles for what others do in half of one), so both are timed once.
// 8-bit integers are for frozen quantised weights, the base of an adapter: forward they are the very sums that decoding
// uses, backward W^T is quantised anew, 32 rows to a scale; activations and gradients get a scale for each 32 columns.
// It is taken where bf16 is slower than that and float32 was not asked for. Trained weights never go through integers.
//
// Outputs are shared out by columns where there are many, else by stretches of tokens; a stretch never crosses from one
// row of tokens to the next. The left factor (activations) is converted once by all members; the right factor (weights)
// 32 output columns at a time, by the member that needs them, into memory of its own. The head, which every piece of
// the loss reads twice, is converted once and kept (its integers backward only: forward they unpack quickly).
#include "model/learn/product_impl.h"
#include "model/math/blas.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- memory ----

// The largest frozen matrix that has to be converted to floats, and the widest input or output of all.
static void measure(const learn_graph *g, bool int8, size_t *most, int *widest) {
    *most = 0;
    *widest = g->config->n_embd;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_layer *y = &g->layers[i];
        const learn_linear *all[] = {&y->qkv[0], &y->qkv[1], &y->qkv[2], &y->out, &y->up[0], &y->up[1], &y->down};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) {
            const learn_linear *l = all[j];
            size_t n = (size_t)l->rows * (size_t)l->cols;
            bool converts = l->base && l->base->type != TENSOR_F32 && !(int8 && !l->base->data);
            if (converts && n > *most) *most = n;
            if (l->rows > *widest) *widest = l->rows;
            if (l->cols > *widest) *widest = l->cols;
        }
    }
}

static void cut_arena(product_memory *m, const learn_graph *g, size_t tokens, int members, arena *k) {
    const net_config *c = g->config;
    size_t most;
    bool int8 = m->mode == PRODUCT_INT8;
    measure(g, int8, &most, &m->widest);
    size_t longest = padded(m->widest > c->n_vocab ? m->widest : c->n_vocab, QUANT_UNIT);
    if (m->mode == PRODUCT_BF16) product_bf16_cut(m, g, m->widest, tokens, members, k);
    if (int8) product_int8_cut(m, g, m->widest, tokens, members, k);
    if (m->mode != PRODUCT_FLOAT32)
        for (int i = 0; i < members; i++) m->own[i].floats = arena_cut(k, longest * BF16_COLUMNS, sizeof(float));
    if (m->mode == PRODUCT_BF16) return;
    const matrix *head = g->head.base;
    bool converts = head && head->type != TENSOR_F32 && !(int8 && !head->data);
    m->converted = arena_cut(k, most, sizeof(float));
    m->head = arena_cut(k, converts ? (size_t)c->n_vocab * (size_t)c->n_embd : 0, sizeof(float));
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Seconds that each kind takes for one product of this shape, the best of some tries.
enum { TRY_ROWS = 48, TRY_COLUMNS = 32, TRY_DEPTH = 512, TRIES = 12 };

static double time_bf16(const bf16_ops *ops, const float *zeros, float *out) {
    double best = 1;
    for (int i = 0; i < TRIES; i++) {
        double start = now();
        ops->multiply(TRY_ROWS, TRY_COLUMNS, TRY_DEPTH, (bf16_left){(const uint16_t *)zeros, TRY_DEPTH / 2, 1},
                      (const uint16_t *)zeros, false, out, TRY_COLUMNS);
        double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}

static double time_int8(const float *zeros, float *out) {
    double best = 1;
    qtiles tiles = {TRY_DEPTH, (int8_t *)(uintptr_t)zeros, (float *)(uintptr_t)zeros, (float *)(uintptr_t)zeros};
    unpacked w = {2, TRY_DEPTH / QUANT_UNIT, 1, 8, (const uint8_t *)zeros, zeros, zeros};
    for (int i = 0; i < TRIES; i++) {
        double start = now();
        for (int t = 0; t < TRY_ROWS / KERNELS_TILE; t++)
            kernels_get()->gemm(&w, &tiles, t, KERNELS_TILE, false, out + t * KERNELS_TILE * TRY_COLUMNS, TRY_COLUMNS);
        double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}

static double time_float32(const float *zeros, float *out) {
    double best = 1;
    for (int i = 0; i < TRIES; i++) {
        double start = now();
        blas_sgemm_nt(TRY_ROWS, TRY_COLUMNS, TRY_DEPTH, zeros, TRY_DEPTH, zeros, TRY_DEPTH, out, TRY_COLUMNS);
        double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}

// bf16 is the finer one: integers must be clearly faster to be taken instead.
static product_mode choose(bool int8_fits) {
    float *zeros = mem_alloc_big((size_t)TRY_ROWS * TRY_DEPTH * sizeof(float));
    if (!zeros) return PRODUCT_FLOAT32;
    float out[TRY_ROWS * TRY_COLUMNS];
    const bf16_ops *ops = bf16_get();
    double f32 = time_float32(zeros, out), bf16 = ops ? time_bf16(ops, zeros, out) : 1;
    double int8 = int8_fits ? time_int8(zeros, out) : 1;
    mem_free_big(zeros, (size_t)TRY_ROWS * TRY_DEPTH * sizeof(float));
    if (int8 * 1.6 < bf16 && int8 * 1.2 < f32) return PRODUCT_INT8;
    return bf16 * 1.2 < f32 ? PRODUCT_BF16 : PRODUCT_FLOAT32;
}

product_memory *product_memory_open(const learn_graph *g, int max_tokens, product_mode mode, team *team, error *err) {
    product_memory *m = mem_calloc(1, sizeof *m);
    const matrix *base = g->layers[0].down.base;
    bool int8_fits = base && !base->data;
    m->bf16 = bf16_get();
    m->mode = mode == PRODUCT_AUTO ? choose(int8_fits) : mode;
    if ((m->mode == PRODUCT_BF16 && !m->bf16) || (m->mode == PRODUCT_INT8 && !int8_fits)) m->mode = PRODUCT_FLOAT32;
    arena count = {0};
    cut_arena(m, g, (size_t)max_tokens, team_size(team), &count);
    m->arena_bytes = count.used;
    m->arena = mem_alloc_big(m->arena_bytes);
    if (!m->arena) {
        error_set(err, "no memory for %zu MB of converted weights", m->arena_bytes >> 20);
        product_memory_close(m);
        return NULL;
    }
    cut_arena(m, g, (size_t)max_tokens, team_size(team), &(arena){.base = m->arena});
    return m;
}

void product_memory_close(product_memory *m) {
    if (!m) return;
    mem_free_big(m->arena, m->arena_bytes);
    free(m);
}

product_mode product_memory_mode(const product_memory *m) {
    return m->mode;
}

const char *product_mode_name(product_mode mode) {
    static const char *const names[] = {"auto", "float32", "bf16", "int8"};
    return names[mode];
}

// ---- shares ----

bool product_next_stretch(const product *p, int *item, stretch *s) {
    int each = (p->len + STRETCH - 1) / STRETCH, i = *item;
    if (i >= each * p->rows) return false;
    int start = i % each * STRETCH;
    *s = (stretch){i / each * p->len + start, p->len - start < STRETCH ? p->len - start : STRETCH};
    *item += p->size;
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

void product_read_columns(const product_weights *w, int first, int n, float *out) {
    size_t cols = (size_t)w->cols;
    for (int r = 0; r < w->rows;) {
        float *to = out + (size_t)r * BF16_COLUMNS;
        if (w->floats) {
            memcpy(to, w->floats + (size_t)r * cols + first, (size_t)n * sizeof *to);
            r++;
        } else if (w->base->data) {
            const char *from = (const char *)w->base->data + (size_t)r * tensor_row_bytes(w->base->type, w->cols);
            quant_dequantize(w->base->type, from, first, n, to);
            r++;
        } else { // a last block's missing rows are zeros, and there is room for them
            kernels_get()->dequantize(&w->base->packed, r / PACK_ROWS, first / QUANT_UNIT, 1, to, BF16_COLUMNS);
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
    team_barrier(p->team); // all have read it before one of them sets it; and nobody reads the last matrix any more
    if (ready) return out;
    int first, last;
    column_share(p, w->rows, PACK_ROWS, &first, &last);
    if (first < last) product_read_rows(w, first, last - first, out + (size_t)first * (size_t)w->cols);
    if (w->keep && p->rank == 0) m->head_ready = true;
    team_barrier(p->team);
    return out;
}

// ---- float32 ----

static void forward_f32(const product *p, const product_weights *w, const float *wf, const float *x, float *y, int ld,
                        bool add) {
    size_t cols = (size_t)w->cols;
    float beta = add ? 1 : 0;
    int first, last;
    column_share(p, w->rows, COLUMN_STEP, &first, &last);
    if (w->rows >= 4 * COLUMN_STEP) {
        for (int r = 0; r < p->rows && first < last; r++) {
            size_t token = (size_t)r * (size_t)p->len;
            blas_sgemm(false, true, p->len, last - first, w->cols, 1, x + token * cols, cols, wf + (size_t)first * cols,
                       cols, beta, y + token * (size_t)ld + first, (size_t)ld);
        }
    } else {
        stretch s;
        for (int item = p->rank; product_next_stretch(p, &item, &s);)
            blas_sgemm(false, true, s.n, w->rows, w->cols, 1, x + (size_t)s.token * cols, cols, wf, cols, beta,
                       y + (size_t)s.token * (size_t)ld, (size_t)ld);
    }
    team_barrier(p->team);
}

static void backward_f32(const product *p, const product_weights *w, const float *wf, const float *dy, int ld,
                         float *dx) {
    size_t cols = (size_t)w->cols;
    stretch s;
    for (int item = p->rank; product_next_stretch(p, &item, &s);)
        blas_sgemm(false, false, s.n, w->cols, w->rows, 1, dy + (size_t)s.token * (size_t)ld, (size_t)ld, wf, cols, 1,
                   dx + (size_t)s.token * cols, cols);
    team_barrier(p->team);
}

static void gradient_f32(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    bool by_rows = rows >= cols;
    int first, last;
    column_share(p, by_rows ? rows : cols, COLUMN_STEP, &first, &last);
    for (int r = 0; r < p->rows && first < last; r++) {
        size_t token = (size_t)r * (size_t)p->len;
        const float *dy_row = dy + token * (size_t)ld, *x_row = x + token * (size_t)cols;
        if (by_rows)
            blas_sgemm(true, false, last - first, cols, p->len, 1, dy_row + first, (size_t)ld, x_row, (size_t)cols, 1,
                       grad + (size_t)first * (size_t)cols, (size_t)cols);
        else
            blas_sgemm(true, false, rows, last - first, p->len, 1, dy_row, (size_t)ld, x_row + first, (size_t)cols, 1,
                       grad + first, (size_t)cols);
    }
    team_barrier(p->team);
}

// ---- the choice ----

void product_left(const product *p, const float *x, int ld, int width) {
    if (p->memory->mode == PRODUCT_BF16) product_bf16_left(p, x, ld, width);
    if (p->memory->mode == PRODUCT_INT8) product_int8_left(p, x, ld, width);
}

void product_left_trained(const product *p, const float *x, int ld, int width) {
    if (p->memory->mode == PRODUCT_BF16) product_bf16_left(p, x, ld, width);
}

void product_forward(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add) {
    if (p->memory->mode == PRODUCT_BF16)
        product_bf16_multiply(p, w, false, y, ld, add);
    else if (p->memory->mode == PRODUCT_INT8 && product_int8_fits(w))
        product_int8_forward(p, w, y, ld, add);
    else
        forward_f32(p, w, floats_of(p, w), x, y, ld, add);
}

void product_backward(const product *p, const product_weights *w, const float *dy, int ld, float *dx) {
    if (p->memory->mode == PRODUCT_BF16)
        product_bf16_multiply(p, w, true, dx, w->cols, true);
    else if (p->memory->mode == PRODUCT_INT8 && product_int8_fits(w))
        product_int8_backward(p, w, dx);
    else
        backward_f32(p, w, floats_of(p, w), dy, ld, dx);
}

void product_forward_narrow(const product *p, const product_weights *w, const float *x, float *y, int ld, bool add) {
    forward_f32(p, w, w->floats, x, y, ld, add);
}

void product_backward_narrow(const product *p, const product_weights *w, const float *dy, int ld, float *dx) {
    backward_f32(p, w, w->floats, dy, ld, dx);
}

void product_gradient(const product *p, const float *dy, int ld, int rows, const float *x, int cols, float *grad) {
    if (p->memory->mode == PRODUCT_BF16 && rows >= BF16_COLUMNS && cols >= 2 * BF16_COLUMNS)
        product_bf16_gradient(p, dy, ld, rows, x, cols, grad);
    else
        gradient_f32(p, dy, ld, rows, x, cols, grad);
}

void product_scale(const product *p, float *a, int width, float scale) {
    int first, last;
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    for (size_t i = (size_t)first * (size_t)width; i < (size_t)last * (size_t)width; i++) a[i] *= scale;
    team_barrier(p->team);
}

void product_clear(const product *p, float *a, int width) {
    int first, last;
    team_share(p->rows * p->len, p->rank, p->size, &first, &last);
    memset(a + (size_t)first * (size_t)width, 0, (size_t)(last - first) * (size_t)width * sizeof *a);
    team_barrier(p->team);
}
