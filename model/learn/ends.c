#include "model/learn/ends.h"
#include "model/learn/loops.h"
#include "model/learn/norms.h"
#include "model/learn/pointwise.h"

#include <math.h>
#include <string.h>

// ---- embeddings ----

void ends_embed(const member *m) {
    learn_pass *p = m->p;
    const learn_graph *g = p->g;
    int first, last, d = p->c->n_embd;
    const float *positions = g->positions ? g->positions->w : g->net->positions;
    member_share(m, p->n, &first, &last);
    for (int t = first; t < last; t++) {
        float *x = p->x + (size_t)t * (size_t)d;
        learn_embedding_row(g, p->batch->ids[t], x);
        if (positions) loops_get()->add(x, positions + (size_t)(t % p->batch->len) * (size_t)d, d, 1);
    }
    member_wait(m);
    if (!g->embedding_norm.weight) return;
    member_copy(m, p->h2, p->x, d);
    norms_forward(m, &g->embedding_norm, p->h2, p->x, p->stats);
    member_wait(m);
}

// The first layer's input is the normed row: what it was before is made again.
static void embedding_norm_backward(const member *m) {
    learn_pass *p = m->p;
    int d = p->c->n_embd;
    ends_embed(m);
    member_clear(m, p->dh, d);
    member_wait(m);
    norms_backward(m, &p->g->embedding_norm, p->h2, p->stats, p->dx, p->n, p->dh);
    for (int r = 0; r < p->batch->rows; r++)
        norms_gradient(m, &p->g->embedding_norm, p->h2, p->stats, p->dx, r, r * p->batch->len, p->batch->len);
    member_wait(m);
    member_copy(m, p->dx, p->dh, d);
    member_wait(m);
}

// Columns are shared out, tokens added in order.
void ends_embed_backward(const member *m) {
    learn_pass *p = m->p;
    const learn_graph *g = p->g;
    size_t d = (size_t)p->c->n_embd;
    if (g->embedding_norm.weight) embedding_norm_backward(m);
    int first, last;
    member_share(m, (int)d, &first, &last);
    for (int t = 0; t < p->n; t++) {
        int32_t id = p->batch->ids[t];
        const float *dx = p->dx + (size_t)t * d + first;
        if (g->embedding) {
            float *grad = p->tied ? tied_row(p->tied, id) : g->embedding->grad + (size_t)id * d;
            loops_get()->add(grad + first, dx, last - first, 1);
        }
        if (g->positions)
            loops_get()->add(g->positions->grad + (size_t)(t % p->batch->len) * d + (size_t)first, dx, last - first, 1);
    }
}

// ---- loss ----

// Some rows' labelled places, as many of each, or a part of one row's.
typedef struct piece {
    int first, rows, each; // places [first, first + rows * each)
} piece;

// Labelled places of the row that place i lies in, from i on.
static int places_in_row(const learn_pass *p, int i) {
    int n = 0, row = p->places[i] / p->batch->len;
    while (i + n < p->n_places && p->places[i + n] / p->batch->len == row) n++;
    return n;
}

// Sums go from row to row as in single ones: only rows with equally many places stand together.
static piece next_piece(const learn_pass *p, int first) {
    piece s = {first, 1, places_in_row(p, first)};
    if (s.each > p->loss_tokens) s.each = p->loss_tokens;
    int room = p->loss_tokens / (s.each + s.each % 2);
    for (int next = first + s.each; s.rows < room && next < p->n_places; next += s.each, s.rows++)
        if (p->places[next - 1] / p->batch->len == p->places[next] / p->batch->len || places_in_row(p, next) != s.each)
            break;
    return s;
}

// Logits of place `place` become its loss, and where it is wanted the gradient: weight * (softmax - one at the label).
static double place_loss(const learn_pass *p, int place, float *logits) {
    int vocab = p->c->n_vocab, label = p->batch->labels[place + 1];
    const float *bias = p->g->head.bias ? p->g->head.bias->w : p->g->head.frozen_bias;
    if (bias) loops_get()->add(logits, bias, vocab, 1);
    float own = p->batch->weights ? p->batch->weights[place + 1] : 1, weight = own * p->weight;
    float of_label = logits[label], top = loops_get()->largest(logits, vocab);
    float sum = kernels_get()->exp_sub(logits, vocab, top);
    if (p->backward) {
        loops_get()->scale(logits, vocab, weight / sum);
        logits[label] -= weight;
    }
    return own * ((double)top + (double)logf(sum) - (double)of_label);
}

static void head_backward(const member *m, const product *of, const product_weights *w, const piece *s) {
    learn_pass *p = m->p;
    const learn_graph *g = p->g;
    int d = p->c->n_embd, vocab = p->c->n_vocab, n = s->rows * s->each;
    product_left_back(of, w, p->logits, vocab);
    product_backward(of, w, p->logits, vocab, NULL, p->dpicked, false);
    if (g->head.w) product_gradient(of, p->logits, vocab, vocab, p->picked, d, g->head.w->grad);
    if (!g->head.bias) return;
    int from, to;
    member_share(m, vocab, &from, &to);
    for (int t = 0; t < n; t += s->each)
        loops_get()->add_rows(p->logits + (size_t)t * (size_t)vocab + from, (size_t)vocab, s->each, to - from,
                              vectors_row(p, g->head.bias, p->places[s->first + t] / p->batch->len) + from);
}

// Back through the output norm: the rows are gathered, it is run on the piece, the gradients go to their places.
static void output_norm_backward(const member *m, const piece *s) {
    learn_pass *p = m->p;
    size_t d = (size_t)p->c->n_embd;
    int t0, t1, first = s->first, n = s->rows * s->each;
    member_share(m, n, &t0, &t1);
    for (int t = t0; t < t1; t++)
        memcpy(p->picked + (size_t)t * d, p->x + (size_t)p->places[first + t] * d, d * sizeof(float));
    memset(p->dh + (size_t)t0 * d, 0, (size_t)(t1 - t0) * d * sizeof(float));
    member_wait(m);
    norms_backward(m, &p->g->output_norm, p->picked, p->stats, p->dpicked, n, p->dh);
    for (int at = 0; at < n; at += s->each)
        norms_gradient(m, &p->g->output_norm, p->picked, p->stats, p->dpicked, p->places[first + at] / p->batch->len,
                       at, s->each);
    for (int t = t0; t < t1; t++)
        memcpy(p->dx + (size_t)p->places[first + t] * d, p->dh + (size_t)t * d, d * sizeof(float));
    member_wait(m);
}

static void loss_piece(const member *m, const piece *s) {
    learn_pass *p = m->p;
    const net_config *c = p->c;
    const learn_graph *g = p->g;
    size_t d = (size_t)c->n_embd;
    int t0, t1, n = s->rows * s->each;
    member_share(m, n, &t0, &t1);
    for (int t = t0; t < t1; t++)
        norms_one(p, &g->output_norm, p->x + (size_t)p->places[s->first + t] * d, p->picked + (size_t)t * d,
                  p->stats + 2 * t);
    member_wait(m);
    product of = member_product(m);
    of.rows = s->rows;
    of.len = s->each;
    product_weights w = {.base = g->head.base,
                         .floats = g->head.w ? g->head.w->w : NULL,
                         .rows = c->n_vocab,
                         .cols = c->n_embd,
                         .keep = g->head.base != NULL};
    product_left(&of, p->picked, c->n_embd, c->n_embd);
    product_forward(&of, &w, p->picked, NULL, p->logits, c->n_vocab, false);
    for (int t = t0; t < t1; t++)
        p->losses[s->first + t] = place_loss(p, p->places[s->first + t], p->logits + (size_t)t * (size_t)c->n_vocab);
    member_wait(m);
    if (!p->backward || !member_begin(m)) return;
    head_backward(m, &of, &w, s);
    output_norm_backward(m, s);
}

bool ends_loss(const member *m) {
    const learn_pass *p = m->p;
    for (int first = 0; first < p->n_places;) {
        if (!member_begin(m)) return false;
        piece s = next_piece(p, first);
        loss_piece(m, &s);
        first += s.rows * s.each;
    }
    return true;
}
