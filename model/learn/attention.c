#include "model/learn/attention.h"
#include "model/learn/dropout.h"
#include "model/learn/loops.h"
#include "model/learn/norms.h"
#include "model/net/rope.h"

#include <math.h>
#include <string.h>

// ---- before the scores ----

static void turn_head(const net_config *c, const float *cosine, const float *sine, float *head) {
    if (c->rope_neox)
        loops_get()->turn(cosine, sine, c->rope_dim / 2, head, head + c->rope_dim / 2);
    else
        rope_turn(c, cosine, sine, head);
}

// Heads of token t: the norm of each (raw kept where there is one), then the turn of its position.
static void turn_forward(const member *m, const learn_layer *y, layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t half = (size_t)(c->rope_dim / 2);
    int first, last, heads = c->n_heads + c->n_kv_heads;
    member_share(m, p->n, &first, &last);
    for (int t = first; t < last; t++) {
        float *row = mem->qkv + (size_t)t * (size_t)p->qkv_dim;
        if (c->attn_clip > 0)
            for (int i = 0; i < p->qkv_dim; i++) row[i] = fmaxf(-c->attn_clip, fminf(c->attn_clip, row[i]));
        if (mem->qk_raw) {
            float *raw = mem->qk_raw + (size_t)t * (size_t)(p->q_dim + p->kv_dim);
            memcpy(raw, row, (size_t)(p->q_dim + p->kv_dim) * sizeof *raw);
            for (int h = 0; h < heads; h++)
                norms_row(h < c->n_heads ? &y->q_norm : &y->k_norm, raw + h * c->head_dim, c->head_dim, true,
                          c->norm_eps, row + h * c->head_dim);
        }
        if (c->position != POSITION_ROPE) continue;
        size_t at = (size_t)(t % p->batch->len) * half;
        for (int h = 0; h < heads; h++) turn_head(c, p->cos + at, p->sin + at, row + h * c->head_dim);
    }
    member_wait(m);
}

// The turn is a rotation: its gradient turns back.
static void turn_backward(const member *m, const layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t half = (size_t)(c->rope_dim / 2);
    int first, last, heads = c->n_heads + c->n_kv_heads;
    member_share(m, p->n, &first, &last);
    float negative[512];
    for (int t = first; t < last; t++) {
        float *row = p->dqkv + (size_t)t * (size_t)p->qkv_dim;
        if (c->position == POSITION_ROPE) {
            size_t at = (size_t)(t % p->batch->len) * half;
            for (size_t i = 0; i < half; i++) negative[i] = -p->sin[at + i];
            for (int h = 0; h < heads; h++) turn_head(c, p->cos + at, negative, row + h * c->head_dim);
        }
        // No family that cuts values off turns them too: what was cut off stands at the limit.
        const float *forward = mem->qkv + (size_t)t * (size_t)p->qkv_dim;
        for (int i = 0; c->attn_clip > 0 && i < p->qkv_dim; i++)
            if (fabsf(forward[i]) >= c->attn_clip) row[i] = 0;
    }
    member_wait(m);
}

// In the forward half each head was xhat * weight: first the weights' gradients, members taking components, since they
// read dqkv; then dqkv itself.
static void head_norms_backward(const member *m, const learn_layer *y, const layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const loops *l = loops_get();
    int from, to, first, last, heads = c->n_heads + c->n_kv_heads;
    float mean, scale, draw[ATTEND_MAX_HEAD_DIM];
    size_t width = (size_t)(p->q_dim + p->kv_dim), dim = (size_t)c->head_dim;
    member_share(m, c->head_dim, &from, &to);
    for (int i = 0; i < p->n * heads; i++) {
        size_t t = (size_t)(i / heads), h = (size_t)(i % heads);
        const learn_norm *w = i % heads < c->n_heads ? &y->q_norm : &y->k_norm;
        const float *raw = mem->qk_raw + t * width + h * dim, *dy = p->dqkv + t * (size_t)p->qkv_dim + h * dim;
        if (!w->p_weight) continue;
        l->moments(raw, c->head_dim, true, c->norm_eps, &mean, &scale);
        l->norm_gain_back(raw + from, 0, dy + from, 0, 1, to - from, (float[]){0, scale}, w->p_weight->grad + from);
    }
    member_wait(m);
    member_share(m, p->n, &first, &last);
    for (int i = first * heads; i < last * heads; i++) {
        size_t t = (size_t)(i / heads), h = (size_t)(i % heads);
        const learn_norm *w = i % heads < c->n_heads ? &y->q_norm : &y->k_norm;
        const float *raw = mem->qk_raw + t * width + h * dim;
        float *dy = p->dqkv + t * (size_t)p->qkv_dim + h * dim;
        memset(draw, 0, dim * sizeof *draw);
        l->moments(raw, c->head_dim, true, c->norm_eps, &mean, &scale);
        l->norm_back(w->weight, raw, dy, c->head_dim, true, 0, scale, draw);
        memcpy(dy, draw, dim * sizeof *dy);
    }
    member_wait(m);
}

// ---- heads ----

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

// out (head_dim, keys) = a head's keys or values (len, head_dim) transposed. What stands behind the last key is read
// with whole vectors and counts for nothing.
static void turn_keys(const learn_pass *p, const float *x, float *out) {
    loops_get()->transpose(x, (size_t)p->qkv_dim, p->batch->len, p->c->head_dim, out, (size_t)p->keys);
}

// A stretch of queries [t0, t0 + n) and the keys [from, to) that any of them sees, `width` when rounded to vectors.
typedef struct piece {
    int t0, n, from, to, width;
} piece;

static piece piece_of(int t0, int n, int from) {
    return (piece){t0, n, from, t0 + n, (t0 + n - from + PASS_KEYS - 1) / PASS_KEYS * PASS_KEYS};
}

static piece next_piece(const learn_pass *p, int layer, int t0) {
    int left = p->batch->len - t0;
    return piece_of(t0, left < PASS_QUERIES ? left : PASS_QUERIES, first_key(p->c, layer, t0) / PASS_KEYS * PASS_KEYS);
}

// A piece's queries from t on, half a piece at most: they see fewer keys than those behind them. n <= 0 at the end.
static piece part_from(const piece *s, int t) {
    int left = s->t0 + s->n - t;
    return piece_of(t, left < PASS_QUERIES / 2 ? left : PASS_QUERIES / 2, s->from);
}

// scores (n, keys) of a piece, from its first key on: scale * q k, with ALiBi; not yet masked. k is transposed.
static void raw_scores(const learn_pass *p, const head_view *v, const piece *s, const float *k, float *scores) {
    const net_config *c = p->c;
    size_t ld = (size_t)p->qkv_dim, keys = (size_t)p->keys;
    loops_get()->multiply(s->n, s->width, c->head_dim, c->attn_scale, (loops_left){v->q + (size_t)s->t0 * ld, ld, 1},
                          k + s->from, keys, false, scores, keys);
    if (!p->g->net->alibi_slopes) return;
    float slope = p->g->net->alibi_slopes[v->head];
    for (int i = 0; i < s->n; i++)
        for (int j = s->from; j < s->to; j++)
            scores[(size_t)i * keys + (size_t)(j - s->from)] += slope * (float)(j - s->t0 - i);
}

// Dropout of query t's probabilities, those of keys from `from` on, or of their gradients.
static void drop_scores(const learn_pass *p, const head_view *v, int layer, int t, const piece *s, float *x) {
    if (!site_drops(p, p->g->dropout)) return;
    uint64_t key = site_key(p, SITES * layer + SITE_ATTENTION, v->token + t);
    dropout_apply(key + (uint64_t)v->head, p->g->dropout, x, s->to - s->from, x, false);
}

static void attend_part(const member *m, const head_view *v, int layer, const piece *s) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    size_t keys = (size_t)p->keys, ld = (size_t)p->qkv_dim, q_dim = (size_t)p->q_dim;
    head_memory *h = &p->heads[m->rank];
    raw_scores(p, v, s, h->k, h->scores);
    for (int i = 0; i < s->n; i++) {
        int t = s->t0 + i, from = first_key(c, layer, t) - s->from, to = t + 1 - s->from;
        float *row = h->scores + (size_t)i * keys;
        v->lse[(size_t)t * (size_t)c->n_heads] = loops_get()->softmax(row, from, to, s->to - s->from);
        drop_scores(p, v, layer, t, s, row);
    }
    loops_get()->multiply(s->n, c->head_dim, s->to - s->from, 1, (loops_left){h->scores, keys, 1},
                          v->v + (size_t)s->from * ld, ld, false, v->out + (size_t)s->t0 * q_dim, q_dim);
}

static void attend_head(const member *m, const head_view *v, int layer) {
    for (int t0 = 0; t0 < m->p->batch->len; t0 += PASS_QUERIES) {
        piece s = next_piece(m->p, layer, t0);
        for (piece part = part_from(&s, t0); part.n > 0; part = part_from(&s, part.to)) attend_part(m, v, layer, &part);
    }
}

// In the forward half this was out = P v, P = softmax(scale * q k): scores become P and dscores the gradient of scale *
// q k, both after dropout; then dq.
static void part_backward(const member *m, const head_view *v, int layer, const piece *s, float *scores,
                          float *dscores) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const loops *l = loops_get();
    size_t keys = (size_t)p->keys, ld = (size_t)p->qkv_dim, q_dim = (size_t)p->q_dim;
    const float *dout = p->dattn + v->at_out;
    head_memory *h = &p->heads[m->rank];
    raw_scores(p, v, s, h->k, scores);
    l->multiply(s->n, s->width, c->head_dim, 1, (loops_left){dout + (size_t)s->t0 * q_dim, q_dim, 1}, h->v + s->from,
                keys, false, dscores, keys);
    for (int i = 0; i < s->n; i++) {
        int t = s->t0 + i, from = first_key(c, layer, t) - s->from, to = t + 1 - s->from;
        float *row = scores + (size_t)i * keys, *drow = dscores + (size_t)i * keys;
        float along = l->dot(v->out + (size_t)t * q_dim, dout + (size_t)t * q_dim, c->head_dim);
        drop_scores(p, v, layer, t, s, drow);
        l->softmax_back(row, drow, from, to, s->to - s->from, v->lse[(size_t)t * (size_t)c->n_heads], along,
                        c->attn_scale);
        drop_scores(p, v, layer, t, s, row);
    }
    l->multiply(s->n, c->head_dim, s->to - s->from, 1, (loops_left){dscores, keys, 1}, v->k + (size_t)s->from * ld, ld,
                false, p->dqkv + v->at_q + (size_t)s->t0 * ld, ld);
}

// dk and dv of the keys [from, to) are added to, from the queries of s from t on.
static void keys_backward(const member *m, const head_view *v, const piece *s, int t, int from, int to) {
    learn_pass *p = m->p;
    const loops *l = loops_get();
    const int dim = p->c->head_dim, n = s->t0 + s->n - t;
    size_t keys = (size_t)p->keys, ld = (size_t)p->qkv_dim, q_dim = (size_t)p->q_dim, key = (size_t)from * ld;
    size_t at = (size_t)(t - s->t0) * keys + (size_t)(from - s->from);
    loops_left p_turned = {p->heads[m->rank].scores + at, 1, keys},
               ds_turned = {p->heads[m->rank].dscores + at, 1, keys};
    l->multiply(to - from, dim, n, 1, ds_turned, v->q + (size_t)t * ld, ld, true, p->dqkv + v->at_k + key, ld);
    l->multiply(to - from, dim, n, 1, p_turned, p->dattn + v->at_out + (size_t)t * q_dim, q_dim, true,
                p->dqkv + v->at_v + key, ld);
}

static void attend_head_back(const member *m, const head_view *v, int layer) {
    head_memory *h = &m->p->heads[m->rank];
    for (int t0 = 0; t0 < m->p->batch->len; t0 += PASS_QUERIES) {
        piece s = next_piece(m->p, layer, t0);
        int from = s.from;
        for (piece part = part_from(&s, t0); part.n > 0; part = part_from(&s, part.to)) {
            size_t at = (size_t)(part.t0 - t0) * (size_t)m->p->keys;
            part_backward(m, v, layer, &part, h->scores + at, h->dscores + at);
        }
        for (piece part = part_from(&s, t0); part.n > 0; from = part.to, part = part_from(&s, part.to))
            keys_backward(m, v, &s, part.t0, from, part.to);
    }
}

void attention_forward(const member *m, int layer, layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    turn_forward(m, &p->g->layers[layer], mem);
    int group = c->n_heads / c->n_kv_heads, items = p->batch->rows * c->n_kv_heads;
    for (int i = m->rank; i < items; i += m->size)
        for (int h = 0; h < group; h++) {
            head_view v = view_head(p, mem, i / c->n_kv_heads, i % c->n_kv_heads * group + h);
            if (h == 0) turn_keys(p, v.k, p->heads[m->rank].k);
            attend_head(m, &v, layer);
        }
    member_wait(m);
}

// Query heads that share a key head add to the same dk and dv.
void attention_backward(const member *m, int layer, const layer_memory *mem) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_layer *y = &p->g->layers[layer];
    int group = c->n_heads / c->n_kv_heads, items = p->batch->rows * c->n_kv_heads;
    for (int i = m->rank; i < items; i += m->size)
        for (int h = 0; h < group; h++) {
            head_view v = view_head(p, mem, i / c->n_kv_heads, i % c->n_kv_heads * group + h);
            if (h == 0) {
                turn_keys(p, v.k, p->heads[m->rank].k);
                turn_keys(p, v.v, p->heads[m->rank].v);
                for (size_t t = 0; t < (size_t)p->batch->len; t++) {
                    memset(p->dqkv + v.at_k + t * (size_t)p->qkv_dim, 0, (size_t)c->head_dim * sizeof(float));
                    memset(p->dqkv + v.at_v + t * (size_t)p->qkv_dim, 0, (size_t)c->head_dim * sizeof(float));
                }
            }
            attend_head_back(m, &v, layer);
        }
    member_wait(m);
    turn_backward(m, mem);
    if (mem->qk_raw) head_norms_backward(m, y, mem);
}
