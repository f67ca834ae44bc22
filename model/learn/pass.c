// The pass itself, run by all members of the team at once, with a barrier between steps that read what others wrote.
//
// Notation: N tokens (rows * len); d of a name is the gradient of the loss with respect to it. Shapes are row-major.
// The backward half walks the forward half's steps in reverse; each of its functions quotes the forward line.
#include "model/learn/pass.h"
#include "model/learn/dropout.h"
#include "model/learn/pointwise.h"
#include "model/learn/product.h"
#include "model/math/blas.h"
#include "model/net/arena.h"
#include "model/net/rope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUERIES = 128,    // queries whose scores a member holds at once
    LOGIT_ROWS = 128, // labelled places whose logits exist at once
};

// What the backward half needs of a layer.
typedef struct layer_memory {
    float *x;      // (N, n_embd) its input
    float *qkv;    // (N, qkv rows), normed and turned
    float *qk_raw; // (N, q and k rows) before the heads' norm; NULL without one
    float *attn;   // (N, n_heads * head_dim)
    float *lse;    // (N, n_heads) log of the softmax's denominator
    float *mid;    // (N, n_embd) after attention was added
    float *up;     // (N, up rows) before the activation function
} layer_memory;

struct learn_pass {
    learn_graph *g;
    const net_config *c;
    team *team;
    product_memory *products;
    int max_rows, max_len;
    int q_dim, kv_dim, qkv_dim, up_dim;

    layer_memory *layers;
    float *x;                                    // (N, n_embd) the residual stream, forward
    float *dx;                                   // (N, n_embd) its gradient, backward
    float *h, *dh;                               // (N, n_embd) normed input
    float *h2;                                   // (N, n_embd) a parallel residual's second norm
    float *act;                                  // (N, n_ff)
    float *dqkv, *dattn;                         // (N, qkv rows), (N, q rows)
    float *dup, *dact;                           // (N, up rows), (N, n_ff)
    float *low, *dlow;                           // (N, rank): A x of an adapter, and its gradient
    float *dropped;                              // (N, widest input): an adapter's input after dropout
    float *branch;                               // (N, n_embd): what dropout works on before it is added to x
    float *stats;                                // (N, 2) mean and 1 / deviation of a norm
    float *cos, *sin;                            // (max_len, rope_dim / 2)
    float *logits;                               // (LOGIT_ROWS, n_vocab)
    float *picked, *dpicked;                     // (LOGIT_ROWS, n_embd) normed rows of the labelled places
    int *places;                                 // (N) labelled places
    double *losses;                              // (N) loss of each labelled place
    float *scores[TEAM_MAX], *dscores[TEAM_MAX]; // (QUERIES, max_len)
    char *arena;
    size_t arena_bytes;

    void (*at_layer)(void *arg);
    void *at_layer_arg;

    const learn_batch *batch; // of the running pass
    int n, n_places;
    float weight;
    bool backward;
};

typedef struct member {
    learn_pass *p;
    int rank, size;
} member;

static void sync_members(const member *m) {
    team_barrier(m->p->team);
}

static void share(const member *m, int n, int *first, int *last) {
    team_share(n, m->rank, m->size, first, last);
}

// ---- norms ----

static bool is_rms(const member *m) {
    return m->p->c->norm == NORM_RMS;
}

// Mean (0 for RMS) and 1 / deviation of n numbers.
static void moments(const float *x, int n, bool rms, float eps, float *mean, float *scale) {
    float sum = 0, squares = 0;
    if (!rms)
        for (int i = 0; i < n; i++) sum += x[i];
    *mean = sum / (float)n;
    for (int i = 0; i < n; i++) squares += (x[i] - *mean) * (x[i] - *mean);
    *scale = 1 / sqrtf(squares / (float)n + eps);
}

// y = (x - mean) * scale * weight + bias, rows of n numbers.
static void norm_row(const learn_norm *w, const float *x, int n, bool rms, float eps, float *y) {
    float mean, scale;
    moments(x, n, rms, eps, &mean, &scale);
    for (int i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * w->weight[i] + (w->bias ? w->bias[i] : 0);
}

// dx += the gradient through y = norm(x), where xhat = (x - mean) * scale and g = dy * weight:
// dx = scale * (g - mean(g) - xhat * mean(g * xhat)), without mean(g) for RMS.
static void norm_row_back(const learn_norm *w, const float *x, const float *dy, int n, bool rms, float mean,
                          float scale, float *dx) {
    float sum = 0, along = 0;
    for (int i = 0; i < n; i++) {
        float g = dy[i] * w->weight[i];
        sum += g;
        along += g * (x[i] - mean) * scale;
    }
    sum = rms ? 0 : sum / (float)n;
    along /= (float)n;
    for (int i = 0; i < n; i++) dx[i] += scale * (dy[i] * w->weight[i] - sum - (x[i] - mean) * scale * along);
}

static void norm_forward(const member *m, const learn_norm *w, const float *x, float *y) {
    const net_config *c = m->p->c;
    int first, last;
    share(m, m->p->n, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)c->n_embd;
        if (is_rms(m))
            kernels_get()->rms_norm(x + at, w->weight, c->n_embd, c->norm_eps, y + at);
        else
            kernels_get()->layer_norm(x + at, w->weight, w->bias, c->n_embd, c->norm_eps, y + at);
    }
}

// dweight += sum over tokens of dy * xhat, dbias += sum of dy; columns are shared out, tokens added in order.
static void norm_params_back(const member *m, const learn_norm *w, const float *x, const float *dy, int rows, int n) {
    if (!w->p_weight && !w->p_bias) return;
    const float *stats = m->p->stats;
    int first, last;
    share(m, n, &first, &last);
    for (int t = 0; t < rows; t++)
        for (int i = first; i < last; i++) {
            size_t at = (size_t)t * (size_t)n + (size_t)i;
            if (w->p_weight) w->p_weight->grad[i] += dy[at] * (x[at] - stats[2 * t]) * stats[2 * t + 1];
            if (w->p_bias) w->p_bias->grad[i] += dy[at];
        }
}

// In the forward half this was y = norm(x). dx is added to; rows of n_embd numbers.
static void norm_backward(const member *m, const learn_norm *w, const float *x, const float *dy, int rows, float *dx) {
    const net_config *c = m->p->c;
    int first, last;
    share(m, rows, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)c->n_embd;
        float *s = m->p->stats + 2 * t;
        moments(x + at, c->n_embd, is_rms(m), c->norm_eps, &s[0], &s[1]);
        norm_row_back(w, x + at, dy + at, c->n_embd, is_rms(m), s[0], s[1], dx + at);
    }
    sync_members(m);
    norm_params_back(m, w, x, dy, rows, c->n_embd);
}

// ---- dropout ----

enum { SITE_ATTENTION, SITE_OUT, SITE_DOWN, SITES, SITE_ADAPTERS = 1 << 20 };

static bool drops(const learn_pass *p, float rate) {
    return rate > 0 && p->batch->noise != 0;
}

static uint64_t token_key(const learn_pass *p, int site, int token) {
    return dropout_key(p->batch->noise, (uint64_t)site,
                       (uint64_t)p->batch->first_row * (uint64_t)p->batch->len + (uint64_t)token);
}

// out (N, n) = dropout of x, or added to out.
static void drop_rows(const member *m, int site, float rate, const float *x, int n, float *out, bool add) {
    int first, last;
    share(m, m->p->n, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)n;
        dropout_apply(token_key(m->p, site, t), rate, x + at, n, out + at, add);
    }
    sync_members(m);
}

// ---- linear layers ----

static product product_of(const member *m) {
    learn_pass *p = m->p;
    return (product){p->products, p->team, m->rank, m->size, p->batch->rows, p->batch->len};
}

// What the adapter of l reads: x, or what dropout leaves of it.
static const float *adapter_input(const member *m, const learn_linear *l, const float *x) {
    learn_pass *p = m->p;
    if (!drops(p, p->g->lora_dropout)) return x;
    drop_rows(m, SITE_ADAPTERS + l->site, p->g->lora_dropout, x, l->cols, p->dropped, false);
    return p->dropped;
}

// y (N, ld) at l->out = W x + bias + scale * B (A x); added to what is there where add is set. x was given to
// product_left.
static void linear_forward(const member *m, const learn_linear *l, const float *x, float *y, int ld, bool add) {
    product p = product_of(m);
    product_weights w = {.base = l->base, .floats = l->w ? l->w->w : NULL, .rows = l->rows, .cols = l->cols};
    product_forward(&p, &w, x, y + l->out, ld, add);
    if (l->a) {
        product_weights a = {.floats = l->a->w, .rows = l->a->rows, .cols = l->cols};
        product_weights b = {.floats = l->b->w, .rows = l->rows, .cols = l->a->rows};
        const float *in = adapter_input(m, l, x);
        if (in == x)
            product_forward(&p, &a, x, m->p->low, a.rows, false);
        else
            product_forward_narrow(&p, &a, in, m->p->low, a.rows, false);
        product_scale(&p, m->p->low, a.rows, l->scale);
        product_forward_narrow(&p, &b, m->p->low, y + l->out, ld, true);
    }
    const float *bias = l->bias ? l->bias->w : l->frozen_bias;
    if (!bias) return;
    int first, last;
    share(m, m->p->n, &first, &last);
    for (int t = first; t < last; t++) {
        float *row = y + (size_t)t * (size_t)ld + l->out;
        for (int i = 0; i < l->rows; i++) row[i] += bias[i];
    }
    sync_members(m);
}

static void bias_back(const member *m, const learn_linear *l, const float *dy, int ld) {
    if (!l->bias) return;
    int first, last;
    share(m, l->rows, &first, &last);
    for (int t = 0; t < m->p->n; t++) {
        const float *row = dy + (size_t)t * (size_t)ld + l->out;
        for (int i = first; i < last; i++) l->bias->grad[i] += row[i];
    }
}

// In the forward half this was y = W x + bias + scale * B (A x). dx (N, cols) is added to.
static void linear_backward(const member *m, const learn_linear *l, const float *x, const float *dy, int ld,
                            float *dx) {
    product p = product_of(m);
    product_weights w = {.base = l->base, .floats = l->w ? l->w->w : NULL, .rows = l->rows, .cols = l->cols};
    dy += l->out;
    product_left(&p, dy, ld, l->rows);
    product_backward(&p, &w, dy, ld, dx);
    if (l->a) {
        product_weights a = {.floats = l->a->w, .rows = l->a->rows, .cols = l->cols};
        product_weights b = {.floats = l->b->w, .rows = l->rows, .cols = l->a->rows};
        float *low = m->p->low, *dlow = m->p->dlow;
        product_clear(&p, dlow, a.rows);
        product_backward(&p, &b, dy, ld, dlow);
        product_scale(&p, dlow, a.rows, l->scale);
        const float *in = adapter_input(m, l, x);
        if (in == x) {
            product_left_trained(&p, x, l->cols, l->cols);
            product_forward(&p, &a, x, low, a.rows, false);
        } else {
            product_forward_narrow(&p, &a, in, low, a.rows, false);
        }
        product_scale(&p, low, a.rows, l->scale);
        product_gradient(&p, dy, ld, l->rows, low, a.rows, l->b->grad);
        product_gradient(&p, dlow, a.rows, a.rows, in, l->cols, l->a->grad);
        float *din = in == x ? dx : m->p->dropped;
        if (in != x) product_clear(&p, din, l->cols);
        product_backward_narrow(&p, &a, dlow, a.rows, din);
        if (in != x) drop_rows(m, SITE_ADAPTERS + l->site, m->p->g->lora_dropout, din, l->cols, dx, true);
    }
    if (l->w) product_gradient(&p, dy, ld, l->rows, x, l->cols, l->w->grad);
    bias_back(m, l, dy - l->out, ld);
}

// ---- attention ----

// Heads of token t: the norm of each (raw kept where there is one), then the turn of its position.
static void turn_forward(const member *m, const learn_layer *y, layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t half = (size_t)(c->rope_dim / 2);
    int first, last, heads = c->n_heads + c->n_kv_heads;
    share(m, p->n, &first, &last);
    for (int t = first; t < last; t++) {
        float *row = mem->qkv + (size_t)t * (size_t)p->qkv_dim;
        if (c->attn_clip > 0)
            for (int i = 0; i < p->qkv_dim; i++) row[i] = fmaxf(-c->attn_clip, fminf(c->attn_clip, row[i]));
        if (mem->qk_raw) {
            float *raw = mem->qk_raw + (size_t)t * (size_t)(p->q_dim + p->kv_dim);
            memcpy(raw, row, (size_t)(p->q_dim + p->kv_dim) * sizeof *raw);
            for (int h = 0; h < heads; h++)
                norm_row(h < c->n_heads ? &y->q_norm : &y->k_norm, raw + h * c->head_dim, c->head_dim, true,
                         c->norm_eps, row + h * c->head_dim);
        }
        if (c->position != POSITION_ROPE) continue;
        size_t at = (size_t)(t % p->batch->len) * half;
        for (int h = 0; h < heads; h++) rope_turn(c, p->cos + at, p->sin + at, row + h * c->head_dim);
    }
    sync_members(m);
}

// The turn is a rotation: its gradient turns back.
static void turn_backward(const member *m, const learn_layer *y, const layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t half = (size_t)(c->rope_dim / 2);
    int first, last, heads = c->n_heads + c->n_kv_heads;
    share(m, p->n, &first, &last);
    float negative[512];
    for (int t = first; t < last; t++) {
        float *row = p->dqkv + (size_t)t * (size_t)p->qkv_dim;
        if (c->position == POSITION_ROPE) {
            size_t at = (size_t)(t % p->batch->len) * half;
            for (size_t i = 0; i < half; i++) negative[i] = -p->sin[at + i];
            for (int h = 0; h < heads; h++) rope_turn(c, p->cos + at, negative, row + h * c->head_dim);
        }
        // No family that cuts values off turns them too: what was cut off stands at the limit.
        const float *forward = mem->qkv + (size_t)t * (size_t)p->qkv_dim;
        for (int i = 0; c->attn_clip > 0 && i < p->qkv_dim; i++)
            if (fabsf(forward[i]) >= c->attn_clip) row[i] = 0;
    }
    sync_members(m);
    if (!mem->qk_raw) return;
    // The heads' norms: parameters first (they read dqkv), members taking components; then dqkv itself.
    int from, to, width = p->q_dim + p->kv_dim;
    share(m, c->head_dim, &from, &to);
    for (int t = 0; t < p->n; t++)
        for (int h = 0; h < heads; h++) {
            const learn_norm *w = h < c->n_heads ? &y->q_norm : &y->k_norm;
            if (!w->p_weight) continue;
            const float *raw = mem->qk_raw + (size_t)t * (size_t)width + h * c->head_dim;
            const float *dy = p->dqkv + (size_t)t * (size_t)p->qkv_dim + h * c->head_dim;
            float mean, scale;
            moments(raw, c->head_dim, true, c->norm_eps, &mean, &scale);
            for (int i = from; i < to; i++) w->p_weight->grad[i] += dy[i] * raw[i] * scale;
        }
    sync_members(m);
    for (int t = first; t < last; t++)
        for (int h = 0; h < heads; h++) {
            const learn_norm *w = h < c->n_heads ? &y->q_norm : &y->k_norm;
            const float *raw = mem->qk_raw + (size_t)t * (size_t)width + h * c->head_dim;
            float *dy = p->dqkv + (size_t)t * (size_t)p->qkv_dim + h * c->head_dim, draw[1024] = {0}, mean, scale;
            moments(raw, c->head_dim, true, c->norm_eps, &mean, &scale);
            norm_row_back(w, raw, dy, c->head_dim, true, 0, scale, draw);
            memcpy(dy, draw, (size_t)c->head_dim * sizeof *dy);
        }
    sync_members(m);
}

// First key that query t of a row sees in this layer.
static int first_key(const net_config *c, int layer, int t) {
    int window = c->window[layer];
    return window > 0 && t >= window ? t - window + 1 : 0;
}

// One head of one row: where its q, k, v and output stand.
typedef struct head_view {
    int token; // the row's first
    const float *q, *k, *v;
    float *out, *lse;
    size_t at_q, at_k, at_v, at_out; // offsets of the same in dqkv and dattn
    int head;
} head_view;

static head_view view_head(const learn_pass *p, const layer_memory *mem, int row, int head) {
    const net_config *c = p->c;
    size_t token = (size_t)row * (size_t)p->batch->len;
    int kv_head = head / (c->n_heads / c->n_kv_heads);
    head_view v = {.token = row * p->batch->len, .head = head};
    v.at_q = token * (size_t)p->qkv_dim + (size_t)(head * c->head_dim);
    v.at_k = token * (size_t)p->qkv_dim + (size_t)(p->q_dim + kv_head * c->head_dim);
    v.at_v = v.at_k + (size_t)p->kv_dim;
    v.at_out = token * (size_t)p->q_dim + (size_t)(head * c->head_dim);
    v.q = mem->qkv + v.at_q;
    v.k = mem->qkv + v.at_k;
    v.v = mem->qkv + v.at_v;
    v.out = mem->attn + v.at_out;
    v.lse = mem->lse + token * (size_t)c->n_heads + (size_t)head;
    return v;
}

// scores (n, keys) of queries [t0, t0 + n): scale * q k, with ALiBi; not yet masked.
static void raw_scores(const learn_pass *p, const head_view *v, int t0, int n, int keys, float *scores) {
    const net_config *c = p->c;
    size_t ld = (size_t)p->qkv_dim;
    blas_sgemm(false, true, n, keys, c->head_dim, c->attn_scale, v->q + (size_t)t0 * ld, ld, v->k, ld, 0, scores,
               (size_t)p->max_len);
    if (!p->g->net->alibi_slopes) return;
    float slope = p->g->net->alibi_slopes[v->head];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < keys; j++)
            scores[(size_t)i * (size_t)p->max_len + (size_t)j] += slope * (float)(j - t0 - i);
}

// Dropout of query t's probabilities (keys of them), or of their gradients.
static void drop_scores(const learn_pass *p, const head_view *v, int layer, int t, int keys, float *s) {
    if (!drops(p, p->g->dropout)) return;
    uint64_t key = token_key(p, SITES * layer + SITE_ATTENTION, v->token + t);
    dropout_apply(key + (uint64_t)v->head, p->g->dropout, s, keys, s, false);
}

static void attend_head(const member *m, const head_view *v, int layer) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t ld = (size_t)p->max_len;
    for (int t0 = 0; t0 < p->batch->len; t0 += QUERIES) {
        int n = p->batch->len - t0 < QUERIES ? p->batch->len - t0 : QUERIES, keys = t0 + n;
        float *scores = p->scores[m->rank];
        raw_scores(p, v, t0, n, keys, scores);
        for (int i = 0; i < n; i++) {
            float *s = scores + (size_t)i * ld;
            int from = first_key(c, layer, t0 + i), to = t0 + i + 1;
            v->lse[(size_t)(t0 + i) * (size_t)c->n_heads] = pointwise_softmax(s, from, to, keys);
            drop_scores(p, v, layer, t0 + i, keys, s);
        }
        blas_sgemm(false, false, n, c->head_dim, keys, 1, scores, ld, v->v, (size_t)p->qkv_dim, 0,
                   v->out + (size_t)t0 * (size_t)p->q_dim, (size_t)p->q_dim);
    }
}

static void attention_forward(const member *m, int layer, layer_memory *mem) {
    const net_config *c = m->p->c;
    int items = m->p->batch->rows * c->n_heads;
    for (int i = m->rank; i < items; i += m->size) {
        head_view v = view_head(m->p, mem, i / c->n_heads, i % c->n_heads);
        attend_head(m, &v, layer);
    }
    sync_members(m);
}

// In the forward half this was out = P v, P = softmax(scale * q k). dk and dv are added to.
static void attend_head_back(const member *m, const head_view *v, int layer) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t ld = (size_t)p->max_len, qkv = (size_t)p->qkv_dim, q_dim = (size_t)p->q_dim;
    float *dq = p->dqkv + v->at_q, *dk = p->dqkv + v->at_k, *dv = p->dqkv + v->at_v;
    const float *dout = p->dattn + v->at_out;
    for (int t0 = 0; t0 < p->batch->len; t0 += QUERIES) {
        int n = p->batch->len - t0 < QUERIES ? p->batch->len - t0 : QUERIES, keys = t0 + n;
        float *scores = p->scores[m->rank], *ds = p->dscores[m->rank];
        raw_scores(p, v, t0, n, keys, scores);
        blas_sgemm(false, true, n, keys, c->head_dim, 1, dout + (size_t)t0 * q_dim, q_dim, v->v, qkv, 0, ds, ld);
        for (int i = 0; i < n; i++) {
            int t = t0 + i, from = first_key(c, layer, t), to = t + 1;
            float *s = scores + (size_t)i * ld, *d = ds + (size_t)i * ld, along = 0;
            const float *o = v->out + (size_t)t * q_dim, *g = dout + (size_t)t * q_dim;
            for (int k = 0; k < c->head_dim; k++) along += o[k] * g[k];
            drop_scores(p, v, layer, t, keys, d);
            pointwise_softmax_back(s, d, from, to, keys, v->lse[(size_t)t * (size_t)c->n_heads], along, c->attn_scale);
            drop_scores(p, v, layer, t, keys, s);
        }
        blas_sgemm(false, false, n, c->head_dim, keys, 1, ds, ld, v->k, qkv, 0, dq + (size_t)t0 * qkv, qkv);
        blas_sgemm(true, false, keys, c->head_dim, n, 1, ds, ld, v->q + (size_t)t0 * qkv, qkv, 1, dk, qkv);
        blas_sgemm(true, false, keys, c->head_dim, n, 1, scores, ld, dout + (size_t)t0 * q_dim, q_dim, 1, dv, qkv);
    }
}

// Queries that share a key head are one item, since they add to the same dk and dv.
static void attention_backward(const member *m, int layer, layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    int group = c->n_heads / c->n_kv_heads, items = p->batch->rows * c->n_kv_heads;
    for (int i = m->rank; i < items; i += m->size) {
        int row = i / c->n_kv_heads, kv_head = i % c->n_kv_heads;
        head_view first = view_head(p, mem, row, kv_head * group);
        for (int t = 0; t < p->batch->len; t++) {
            memset(p->dqkv + first.at_k + (size_t)t * (size_t)p->qkv_dim, 0, (size_t)c->head_dim * sizeof(float));
            memset(p->dqkv + first.at_v + (size_t)t * (size_t)p->qkv_dim, 0, (size_t)c->head_dim * sizeof(float));
        }
        for (int h = 0; h < group; h++) {
            head_view v = view_head(p, mem, row, kv_head * group + h);
            attend_head_back(m, &v, layer);
        }
    }
    sync_members(m);
}

// ---- the MLP's activation function ----

static void activation_forward(const member *m, const layer_memory *mem) {
    learn_pass *p = m->p;
    int first, last;
    size_t ff = (size_t)p->c->n_ff;
    share(m, p->n, &first, &last);
    for (int t = first; t < last; t++)
        pointwise_activate(p->c->mlp, mem->up + (size_t)t * (size_t)p->up_dim, (int)ff, p->act + (size_t)t * ff);
    sync_members(m);
}

static void activation_backward(const member *m, const layer_memory *mem) {
    learn_pass *p = m->p;
    int first, last;
    size_t ff = (size_t)p->c->n_ff, up = (size_t)p->up_dim;
    share(m, p->n, &first, &last);
    for (int t = first; t < last; t++)
        pointwise_activate_back(p->c->mlp, mem->up + (size_t)t * up, p->dact + (size_t)t * ff, (int)ff,
                                p->dup + (size_t)t * up);
    sync_members(m);
}

// ---- layers ----

static void copy_share(const member *m, float *to, const float *from) {
    int first, last;
    size_t d = (size_t)m->p->c->n_embd;
    share(m, m->p->n, &first, &last);
    memcpy(to + (size_t)first * d, from + (size_t)first * d, (size_t)(last - first) * d * sizeof *to);
}

static void clear_share(const member *m, float *to, int width) {
    int first, last;
    share(m, m->p->n, &first, &last);
    memset(to + (size_t)first * (size_t)width, 0, (size_t)(last - first) * (size_t)width * sizeof *to);
}

static const learn_norm *mlp_norm(const net_config *c, const learn_layer *y) {
    return c->shared_norm ? &y->attn_norm : &y->ffn_norm;
}

// x += l(in), with dropout of the summand.
static void branch_forward(const member *m, const learn_linear *l, const float *in, int site) {
    learn_pass *p = m->p;
    int d = p->c->n_embd;
    if (!drops(p, p->g->dropout)) {
        linear_forward(m, l, in, p->x, d, true);
        return;
    }
    linear_forward(m, l, in, p->branch, d, false);
    sync_members(m);
    drop_rows(m, site, p->g->dropout, p->branch, d, p->x, true);
}

// In the forward half this was x += dropout of l(in): the gradient of l's output.
static const float *branch_gradient(const member *m, int site) {
    learn_pass *p = m->p;
    if (!drops(p, p->g->dropout)) return p->dx;
    drop_rows(m, site, p->g->dropout, p->dx, p->c->n_embd, p->branch, false);
    return p->branch;
}

static void begin_layer(const member *m) {
    if (m->rank == 0 && m->p->at_layer) m->p->at_layer(m->p->at_layer_arg);
}

static void layer_forward(const member *m, int i) {
    learn_pass *p = m->p;
    begin_layer(m);
    const net_config *c = p->c;
    const learn_layer *y = &p->g->layers[i];
    layer_memory *mem = &p->layers[i];
    copy_share(m, mem->x, p->x);
    norm_forward(m, &y->attn_norm, p->x, p->h);
    sync_members(m);
    product of = product_of(m);
    product_left(&of, p->h, c->n_embd, c->n_embd);
    for (int k = 0; k < y->n_qkv; k++) linear_forward(m, &y->qkv[k], p->h, mem->qkv, p->qkv_dim, false);
    turn_forward(m, y, mem);
    attention_forward(m, i, mem);
    product_left(&of, mem->attn, p->q_dim, p->q_dim);
    branch_forward(m, &y->out, mem->attn, SITES * i + SITE_OUT);
    copy_share(m, mem->mid, p->x);
    sync_members(m);
    norm_forward(m, mlp_norm(c, y), c->parallel_residual ? mem->x : mem->mid, p->h);
    sync_members(m);
    product_left(&of, p->h, c->n_embd, c->n_embd);
    for (int k = 0; k < y->n_up; k++) linear_forward(m, &y->up[k], p->h, mem->up, p->up_dim, false);
    activation_forward(m, mem);
    product_left(&of, p->act, c->n_ff, c->n_ff);
    branch_forward(m, &y->down, p->act, SITES * i + SITE_DOWN);
}

// dx holds the gradient of the layer's output on entry, of its input on return.
static void layer_backward(const member *m, int i) {
    learn_pass *p = m->p;
    begin_layer(m);
    const net_config *c = p->c;
    const learn_layer *y = &p->g->layers[i];
    layer_memory *mem = &p->layers[i];
    const float *mlp_in = c->parallel_residual ? mem->x : mem->mid;
    // out = mid + down(act(up(norm(mlp_in))))
    activation_forward(m, mem);
    clear_share(m, p->dact, c->n_ff);
    sync_members(m);
    linear_backward(m, &y->down, p->act, branch_gradient(m, SITES * i + SITE_DOWN), c->n_embd, p->dact);
    sync_members(m);
    activation_backward(m, mem);
    norm_forward(m, mlp_norm(c, y), mlp_in, p->h);
    clear_share(m, p->dh, c->n_embd);
    sync_members(m);
    for (int k = 0; k < y->n_up; k++) linear_backward(m, &y->up[k], p->h, p->dup, p->up_dim, p->dh);
    sync_members(m);
    // A parallel residual's branches both read x: the MLP's share waits until attention has read the gradient.
    if (!c->parallel_residual) norm_backward(m, mlp_norm(c, y), mlp_in, p->dh, p->n, p->dx);
    if (c->parallel_residual) copy_share(m, p->h2, p->dh);
    sync_members(m);
    // mid = x + out(attention(qkv(norm(x))))
    clear_share(m, p->dattn, p->q_dim);
    sync_members(m);
    linear_backward(m, &y->out, mem->attn, branch_gradient(m, SITES * i + SITE_OUT), c->n_embd, p->dattn);
    sync_members(m);
    attention_backward(m, i, mem);
    turn_backward(m, y, mem);
    norm_forward(m, &y->attn_norm, mem->x, p->h);
    clear_share(m, p->dh, c->n_embd);
    sync_members(m);
    for (int k = 0; k < y->n_qkv; k++) linear_backward(m, &y->qkv[k], p->h, p->dqkv, p->qkv_dim, p->dh);
    sync_members(m);
    if (c->parallel_residual) {
        norm_backward(m, mlp_norm(c, y), mem->x, p->h2, p->n, p->dx);
        sync_members(m);
    }
    norm_backward(m, &y->attn_norm, mem->x, p->dh, p->n, p->dx);
    sync_members(m);
}

// ---- the ends ----

static void embed_forward(const member *m) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_graph *g = p->g;
    size_t d = (size_t)c->n_embd;
    int first, last;
    share(m, p->n, &first, &last);
    for (int t = first; t < last; t++) {
        float *x = p->x + (size_t)t * d;
        learn_embedding_row(g, p->batch->ids[t], x);
        const float *positions = g->positions ? g->positions->w : g->net->positions;
        if (positions) {
            const float *row = positions + (size_t)(t % p->batch->len) * d;
            for (size_t i = 0; i < d; i++) x[i] += row[i];
        }
    }
    sync_members(m);
    if (!g->embedding_norm.weight) return;
    copy_share(m, p->h2, p->x);
    norm_forward(m, &g->embedding_norm, p->h2, p->x);
    sync_members(m);
}

// Columns are shared out, tokens added in order.
static void embed_backward(const member *m) {
    learn_pass *p = m->p;
    const learn_graph *g = p->g;
    size_t d = (size_t)p->c->n_embd;
    if (g->embedding_norm.weight) { // the first layer's input is the normed row: its own input is made again
        embed_forward(m);
        clear_share(m, p->dh, p->c->n_embd);
        sync_members(m);
        norm_backward(m, &g->embedding_norm, p->h2, p->dx, p->n, p->dh);
        sync_members(m);
        copy_share(m, p->dx, p->dh);
        sync_members(m);
    }
    int first, last;
    share(m, (int)d, &first, &last);
    for (int t = 0; t < p->n; t++) {
        const float *dx = p->dx + (size_t)t * d;
        float *de = g->embedding ? g->embedding->grad + (size_t)p->batch->ids[t] * d : NULL;
        float *dp = g->positions ? g->positions->grad + (size_t)(t % p->batch->len) * d : NULL;
        for (int i = first; i < last; i++) {
            if (de) de[i] += dx[i];
            if (dp) dp[i] += dx[i];
        }
    }
}

// Logits, loss and their gradients for places [first, first + n): the normed rows go to `picked`, dx of the places is
// written. In the backward half logits become dlogits = weight * (softmax - one at the label).
static void loss_piece(const member *m, int first, int n) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_graph *g = p->g;
    size_t d = (size_t)c->n_embd, vocab = (size_t)c->n_vocab;
    int t0, t1;
    share(m, n, &t0, &t1);
    for (int t = t0; t < t1; t++)
        norm_row(&g->output_norm, p->x + (size_t)p->places[first + t] * d, c->n_embd, is_rms(m), c->norm_eps,
                 p->picked + (size_t)t * d);
    sync_members(m);
    product one = product_of(m);
    one.rows = 1;
    one.len = n;
    product_weights w = {.base = g->head.base,
                         .floats = g->head.w ? g->head.w->w : NULL,
                         .rows = c->n_vocab,
                         .cols = c->n_embd,
                         .keep = g->head.base != NULL};
    product_left(&one, p->picked, c->n_embd, c->n_embd);
    product_forward(&one, &w, p->picked, p->logits, c->n_vocab, false);
    const float *bias = g->head.bias ? g->head.bias->w : g->head.frozen_bias;
    for (int t = t0; t < t1; t++) {
        float *logits = p->logits + (size_t)t * vocab;
        int place = p->places[first + t];
        for (size_t i = 0; bias && i < vocab; i++) logits[i] += bias[i];
        float label = logits[p->batch->labels[place + 1]];
        float lse = pointwise_softmax(logits, 0, (int)vocab, (int)vocab);
        float own = p->batch->weights ? p->batch->weights[place + 1] : 1, weight = own * p->weight;
        p->losses[first + t] = own * ((double)lse - label);
        if (!p->backward) continue;
        for (size_t i = 0; i < vocab; i++) logits[i] *= weight;
        logits[p->batch->labels[place + 1]] -= weight;
    }
    sync_members(m);
    if (!p->backward) return;
    for (int t = t0; t < t1; t++) memset(p->dpicked + (size_t)t * d, 0, d * sizeof(float));
    sync_members(m);
    product_left(&one, p->logits, c->n_vocab, c->n_vocab);
    product_backward(&one, &w, p->logits, c->n_vocab, p->dpicked);
    if (g->head.w) product_gradient(&one, p->logits, c->n_vocab, c->n_vocab, p->picked, c->n_embd, g->head.w->grad);
    if (g->head.bias) {
        int from, to;
        share(m, c->n_vocab, &from, &to);
        for (int t = 0; t < n; t++)
            for (int i = from; i < to; i++) g->head.bias->grad[i] += p->logits[(size_t)t * vocab + (size_t)i];
    }
    // Back through the output norm: gather the rows, run it on the piece, put the gradients in their places.
    for (int t = t0; t < t1; t++)
        memcpy(p->picked + (size_t)t * d, p->x + (size_t)p->places[first + t] * d, d * sizeof(float));
    for (int t = t0; t < t1; t++) memset(p->dh + (size_t)t * d, 0, d * sizeof(float));
    sync_members(m);
    norm_backward(m, &g->output_norm, p->picked, p->dpicked, n, p->dh);
    for (int t = t0; t < t1; t++)
        memcpy(p->dx + (size_t)p->places[first + t] * d, p->dh + (size_t)t * d, d * sizeof(float));
    sync_members(m);
}

static void run_member(void *arg, int rank) {
    learn_pass *p = arg;
    member m = {p, rank, team_active(p->team)};
    embed_forward(&m);
    int d = p->c->n_embd, site = SITES * p->c->n_layers;
    if (drops(p, p->g->dropout)) drop_rows(&m, site, p->g->dropout, p->x, d, p->x, false);
    for (int i = 0; i < p->c->n_layers; i++) layer_forward(&m, i);
    sync_members(&m);
    if (p->backward) clear_share(&m, p->dx, p->c->n_embd);
    sync_members(&m);
    // A piece never spans two rows, so that sums do not depend on how rows are put together.
    for (int first = 0; first < p->n_places;) {
        int n = 0, row = p->places[first] / p->batch->len;
        while (n < LOGIT_ROWS && first + n < p->n_places && p->places[first + n] / p->batch->len == row) n++;
        loss_piece(&m, first, n);
        first += n;
    }
    if (!p->backward) return;
    for (int i = p->c->n_layers - 1; i >= p->g->lowest; i--) layer_backward(&m, i);
    if (!p->g->embedding && !p->g->positions) return;
    if (drops(p, p->g->dropout)) drop_rows(&m, site, p->g->dropout, p->dx, d, p->dx, false);
    embed_backward(&m);
}

int learn_batch_count(const learn_batch *b) {
    int n = 0;
    for (int r = 0; r < b->rows; r++)
        for (int t = 1; t < b->len; t++) n += b->labels[(size_t)r * (size_t)b->len + (size_t)t] >= 0;
    return n;
}

static double run(learn_pass *p, const learn_batch *b, double weight, bool backward) {
    p->batch = b;
    p->n = b->rows * b->len;
    p->weight = (float)weight;
    p->backward = backward;
    p->n_places = 0;
    for (int i = 0; i + 1 < p->n; i++)
        if ((i + 1) % b->len != 0 && b->labels[i + 1] >= 0) p->places[p->n_places++] = i;
    team_run(p->team, run_member, p);
    double total = 0;
    for (int i = 0; i < p->n_places; i++) total += p->losses[i];
    return total;
}

double learn_pass_train(learn_pass *p, const learn_batch *b, double weight) {
    return run(p, b, weight, true);
}

double learn_pass_loss(learn_pass *p, const learn_batch *b) {
    return run(p, b, 0, false);
}

// ---- memory ----

static int widest_rank(const learn_graph *g) {
    int widest = 1;
    for (int i = 0; i < g->config->n_layers; i++) {
        const learn_layer *y = &g->layers[i];
        const learn_linear *all[] = {&y->qkv[0], &y->qkv[1], &y->qkv[2], &y->out, &y->up[0], &y->up[1], &y->down};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            if (all[k]->a && all[k]->a->rows > widest) widest = all[k]->a->rows;
    }
    return widest;
}

static int widest_input(const learn_graph *g) {
    const net_config *c = g->config;
    int q = c->n_heads * c->head_dim, widest = c->n_embd > c->n_ff ? c->n_embd : c->n_ff;
    return q > widest ? q : widest;
}

static void cut_arena(learn_pass *p, arena *k, int members) {
    const net_config *c = p->c;
    size_t n = (size_t)p->max_rows * (size_t)p->max_len, d = (size_t)c->n_embd, f = sizeof(float);
    size_t q = (size_t)p->q_dim, qkv = (size_t)p->qkv_dim, up = (size_t)p->up_dim, rank = (size_t)widest_rank(p->g);
    for (int i = 0; i < c->n_layers; i++) {
        layer_memory *y = &p->layers[i];
        y->x = arena_cut(k, n * d, f);
        y->qkv = arena_cut(k, n * qkv, f);
        y->qk_raw = c->qk_norm ? arena_cut(k, n * (q + (size_t)p->kv_dim), f) : NULL;
        y->attn = arena_cut(k, n * q, f);
        y->lse = arena_cut(k, n * (size_t)c->n_heads, f);
        y->mid = arena_cut(k, n * d, f);
        y->up = arena_cut(k, n * up, f);
    }
    p->x = arena_cut(k, n * d, f);
    p->dx = arena_cut(k, n * d, f);
    p->h = arena_cut(k, n * d, f);
    p->dh = arena_cut(k, (n > LOGIT_ROWS ? n : LOGIT_ROWS) * d, f);
    p->h2 = c->parallel_residual || p->g->embedding_norm.weight ? arena_cut(k, n * d, f) : NULL;
    p->act = arena_cut(k, n * (size_t)c->n_ff, f);
    p->dqkv = arena_cut(k, n * qkv, f);
    p->dattn = arena_cut(k, n * q, f);
    p->dup = arena_cut(k, n * up, f);
    p->dact = arena_cut(k, n * (size_t)c->n_ff, f);
    p->low = arena_cut(k, n * rank, f);
    p->dlow = arena_cut(k, n * rank, f);
    p->dropped = p->g->lora_dropout > 0 ? arena_cut(k, n * (size_t)widest_input(p->g), f) : NULL;
    p->branch = p->g->dropout > 0 ? arena_cut(k, n * d, f) : NULL;
    p->stats = arena_cut(k, (n > LOGIT_ROWS ? n : LOGIT_ROWS) * 2, f);
    p->cos = arena_cut(k, (size_t)p->max_len * (size_t)(c->rope_dim / 2), f);
    p->sin = arena_cut(k, (size_t)p->max_len * (size_t)(c->rope_dim / 2), f);
    p->logits = arena_cut(k, (size_t)LOGIT_ROWS * (size_t)c->n_vocab, f);
    p->picked = arena_cut(k, LOGIT_ROWS * d, f);
    p->dpicked = arena_cut(k, LOGIT_ROWS * d, f);
    p->places = arena_cut(k, n, sizeof(int));
    p->losses = arena_cut(k, n, sizeof(double));
    for (int i = 0; i < members; i++) {
        p->scores[i] = arena_cut(k, (size_t)QUERIES * (size_t)p->max_len, f);
        p->dscores[i] = arena_cut(k, (size_t)QUERIES * (size_t)p->max_len, f);
    }
}

static void measure(learn_pass *p, const learn_graph *g, int max_rows, int max_len) {
    const net_config *c = g->config;
    p->g = (learn_graph *)(uintptr_t)g;
    p->c = c;
    p->max_rows = max_rows;
    p->max_len = max_len;
    p->q_dim = c->n_heads * c->head_dim;
    p->kv_dim = c->n_kv_heads * c->head_dim;
    p->qkv_dim = p->q_dim + 2 * p->kv_dim;
    p->up_dim = c->mlp == MLP_GATED_SILU ? 2 * c->n_ff : c->n_ff;
    p->layers = mem_calloc((size_t)c->n_layers, sizeof *p->layers);
}

size_t learn_pass_bytes(const learn_graph *g, int max_rows, int max_len) {
    learn_pass p = {0};
    arena k = {0};
    measure(&p, g, max_rows, max_len);
    cut_arena(&p, &k, team_cores());
    free(p.layers);
    return k.used;
}

learn_pass *learn_pass_open(learn_graph *g, int max_rows, int max_len, product_mode mode, team *team, error *err) {
    learn_pass *p = mem_calloc(1, sizeof *p);
    measure(p, g, max_rows, max_len);
    p->team = team;
    arena k = {0};
    cut_arena(p, &k, team_size(team));
    p->arena_bytes = k.used;
    p->arena = mem_alloc_big(k.used);
    if (p->arena) p->products = product_memory_open(g, max_rows * max_len, mode, team, err);
    if (!p->arena)
        error_set(err, "no memory for passes of %d x %d tokens (%zu MB); use a smaller --micro-batch", max_rows,
                  max_len, k.used >> 20);
    if (!p->arena || !p->products) {
        learn_pass_close(p);
        return NULL;
    }
    k = (arena){.base = p->arena};
    cut_arena(p, &k, team_size(team));
    for (int t = 0; g->net->inv_freq && t < max_len; t++) {
        size_t half = (size_t)(p->c->rope_dim / 2);
        rope_angles(p->c, g->net->inv_freq, t, p->cos + (size_t)t * half, p->sin + (size_t)t * half);
    }
    return p;
}

product_mode learn_pass_mode(const learn_pass *p) {
    return product_memory_mode(p->products);
}

void learn_pass_at_layer(learn_pass *p, void (*call)(void *arg), void *arg) {
    p->at_layer = call;
    p->at_layer_arg = arg;
}

void learn_pass_close(learn_pass *p) {
    if (!p) return;
    product_memory_close(p->products);
    mem_free_big(p->arena, p->arena_bytes);
    free(p->layers);
    free(p);
}
