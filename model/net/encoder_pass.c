// One pass of an encoder, run by all members of the team at once. A layer is
//     x = norm(x)   q, k, v = W x   x += W_out attention   x = norm(x)   x += W_down act(W_up x)
// where the first norm is the one behind the layer before (or the embeddings), so that every norm is taken by the
// step that reads its result. Products take LINEAR_MAX_ROWS rows at a time; attention needs all of them.
#include "model/net/encoder_impl.h"
#include "model/net/rope.h"

#include <math.h>
#include <string.h>

typedef struct member {
    encoder *e;
    const net_config *c;
    const kernels *k;
    encoder_member *own;
    int rank, size;
} member;

// n rows of x as layer l reads them, norms taken in place first where one is given. Whole after the barrier at the end.
static activations prepare(const member *m, const linear *l, const norm *w, float *x, int n) {
    size_t cols = (size_t)l->cols;
    activations a = m->e->in;
    a.x = x;
    a.tiles.cols = l->cols;
    int first, last;
    team_share((n + KERNELS_TILE - 1) / KERNELS_TILE, m->rank, m->size, &first, &last);
    for (int t = first * KERNELS_TILE; t < last * KERNELS_TILE && t < n; t++) {
        float *row = x + (size_t)t * cols;
        if (w) m->k->layer_norm(row, w->weight, w->bias, l->cols, m->c->norm_eps, row);
        if (!l->wants_integers) continue;
        activations *q = &m->own->row;
        m->k->quantize(row, l->cols, q->q, q->d, q->sum);
        qtiles_put(&a.tiles, t, q->q, q->d, q->sum);
    }
    team_barrier(m->e->team);
    return a;
}

// y = or += what l makes of n rows of x (after the norm w, if given). Whole after the barrier at the end.
static void apply(const member *m, const linear *l, linear_mode mode, const norm *w, float *x, int n, float *y,
                  int ld) {
    activations a = prepare(m, l, w, x, n);
    linear_rows(l, mode, &a, NULL, n, y, (size_t)ld, NULL, &m->own->scratch, m->e->team);
    team_barrier(m->e->team);
}

// ---- attention ----

static void turn(const member *m, int row, float *x) {
    const encoder *e = m->e;
    size_t half = (size_t)(m->c->rope_dim / 2), at = (size_t)row * half;
    for (int h = 0; h < m->c->n_heads; h++, x += m->c->head_dim) rope_turn(m->c, e->cos + at, e->sin + at, x);
}

// Lays out keys and values as the attention kernels read them.
static void gather(const member *m) {
    encoder *e = m->e;
    size_t n_embd = (size_t)m->c->n_embd, head_dim = (size_t)m->c->head_dim;
    int first, last;
    team_share(e->n_rows, m->rank, m->size, &first, &last);
    for (int t = first; t < last; t++) {
        float *q = e->qkv + (size_t)t * 3 * n_embd, *key = q + n_embd, *value = key + n_embd;
        if (e->inv_freq) {
            turn(m, t, q);
            turn(m, t, key);
        }
        size_t k = (size_t)(t / 16) * head_dim * 16 + (size_t)(t % 16), v = (size_t)t * (size_t)e->v_dim;
        for (int h = 0; h < m->c->n_heads; h++, key += head_dim, value += head_dim, k += e->k_head, v += e->v_head) {
            for (size_t d = 0; d < head_dim; d++) e->k[k + 16 * d] = key[d];
            memcpy(e->v + v, value, head_dim * sizeof *value);
        }
    }
    team_barrier(e->team);
}

static void attend_piece(const member *m, const encoder_piece *p, int head) {
    const encoder *e = m->e;
    encoder_member *own = m->own;
    int head_dim = m->c->head_dim, n_embd = m->c->n_embd;
    attend_job job = {
        .n_rows = p->n_rows,
        .head_dim = head_dim,
        .v_dim = e->v_dim,
        .k = e->k + (size_t)head * e->k_head,
        .v = e->v + (size_t)head * e->v_head,
        .cache = CACHE_F32,
        .p0 = p->first,
        .p1 = p->last + 1,
        .scale = m->c->attn_scale,
        .m = own->m,
        .l = own->l,
        .acc = own->acc,
    };
    for (int r = 0; r < p->n_rows; r++) {
        job.q[r] = e->qkv + (size_t)(p->row + r) * 3 * (size_t)n_embd + head * head_dim;
        job.first[r] = p->first;
        job.last[r] = p->last;
        own->m[r] = -INFINITY;
        own->l[r] = 0;
    }
    memset(own->acc, 0, (size_t)p->n_rows * (size_t)e->v_dim * sizeof *own->acc);
    m->k->attend(&job);
    for (int r = 0; r < p->n_rows; r++) {
        const float *acc = own->acc + (size_t)r * (size_t)e->v_dim;
        float *out = e->attn + (size_t)(p->row + r) * (size_t)n_embd + head * head_dim;
        for (int d = 0; d < head_dim; d++) out[d] = acc[d] / own->l[r];
    }
}

static void attend(const member *m) {
    const encoder *e = m->e;
    int items = e->n_pieces * m->c->n_heads, first, last;
    team_share(items, m->rank, m->size, &first, &last);
    for (int i = first; i < last; i++) attend_piece(m, &e->pieces[i % e->n_pieces], i / e->n_pieces);
    team_barrier(e->team);
}

// ---- the layers ----

// norm_before: what stands between the layer before and this one.
static void run_layer(const member *m, const encoder_layer *y, const norm *norm_before) {
    static const linear_mode mlp_mode[] = {
        [MLP_GATED_SILU] = LINEAR_SILU_MUL, [MLP_GELU_TANH] = LINEAR_GELU_TANH, [MLP_GELU_ERF] = LINEAR_GELU_ERF};
    encoder *e = m->e;
    int n_embd = m->c->n_embd;
    for (int t = 0; t < e->n_rows; t += LINEAR_MAX_ROWS) {
        int n = e->n_rows - t < LINEAR_MAX_ROWS ? e->n_rows - t : LINEAR_MAX_ROWS;
        float *x = e->x + (size_t)t * (size_t)n_embd, *qkv = e->qkv + (size_t)t * 3 * (size_t)n_embd;
        apply(m, &y->qkv, LINEAR_STORE, norm_before, x, n, qkv, 3 * n_embd);
    }
    gather(m);
    attend(m);
    for (int t = 0; t < e->n_rows; t += LINEAR_MAX_ROWS) {
        int n = e->n_rows - t < LINEAR_MAX_ROWS ? e->n_rows - t : LINEAR_MAX_ROWS;
        float *x = e->x + (size_t)t * (size_t)n_embd, *attn = e->attn + (size_t)t * (size_t)n_embd;
        apply(m, &y->out, LINEAR_ADD, NULL, attn, n, x, n_embd);
        apply(m, &y->up, mlp_mode[m->c->mlp], &y->attn_norm, x, n, e->hidden, m->c->n_ff);
        apply(m, &y->down, LINEAR_ADD, NULL, e->hidden, n, x, n_embd);
    }
}

static void read_row(const file_tensor *t, int row, int n, float *out) {
    quant_dequantize(t->type, (const char *)t->data + (size_t)row * tensor_row_bytes(t->type, n), 0, n, out);
}

// Embedding of row t: token, position and segment. place_row: memory for one row.
static void begin_row(const member *m, int t, float *place_row) {
    encoder *e = m->e;
    int n = m->c->n_embd;
    float *x = e->x + (size_t)t * (size_t)n;
    read_row(e->tokens, e->ids[t], n, x);
    if (e->positions) {
        read_row(e->positions, e->places[t], n, place_row);
        for (int i = 0; i < n; i++) x[i] += place_row[i];
    }
    if (e->segment)
        for (int i = 0; i < n; i++) x[i] += e->segment[i];
    size_t half = (size_t)(m->c->rope_dim / 2), at = (size_t)t * half;
    if (e->inv_freq) rope_angles(m->c, e->inv_freq, e->places[t], e->cos + at, e->sin + at);
}

static void run_member(void *arg, int rank) {
    encoder *e = arg;
    member m = {e, &e->config, kernels_get(), &e->members[rank], rank, team_active(e->team)};
    const norm *before = &e->embedding_norm;
    int n = m.c->n_embd, first, last;
    team_share(e->n_rows, rank, m.size, &first, &last);
    for (int t = first; t < last; t++) begin_row(&m, t, m.own->scratch.panel);
    team_barrier(e->team);
    for (int i = 0; i < m.c->n_layers; i++) {
        run_layer(&m, &e->layers[i], before);
        before = &e->layers[i].ffn_norm;
    }
    for (int t = first; t < last; t++) {
        float *x = e->x + (size_t)t * (size_t)n;
        m.k->layer_norm(x, before->weight, before->bias, n, m.c->norm_eps, x);
    }
}

void encoder_pass_run(encoder *e) {
    team_run(e->team, run_member, e);
}
