// One pass of the transformer, run by all members of the team at once.
//
// A layer is five steps with a barrier after each:
//     q, k, v = W norm(x)      attention      x += W_out attention      h = act(W_up norm(x))      x += W_down h
// Output rows are shared out, so a step's input must be whole before it begins. For a single position (decode) every
// member calculates norms and quantised inputs for itself, which is cheaper than waiting for another to do it; with
// many positions they are shared out too, with a barrier more. Attention is in attention.c.
//
// A pass over a few positions (drafts) reads weights and cache once for all of them, but adds up every row's sums in
// the order in which a pass over this position alone would: whether a token was drafted can never be seen in the text.
#include "model/net/forward_impl.h"
#include "model/net/rope.h"

#include <math.h>
#include <string.h>

static void apply_norm(const member *m, const norm *w, const float *x, float *y) {
    const net_config *c = m->c;
    if (c->norm == NORM_RMS)
        m->k->rms_norm(x, w->weight, c->n_embd, c->norm_eps, y);
    else
        m->k->layer_norm(x, w->weight, w->bias, c->n_embd, c->norm_eps, y);
}

// Where the inputs of a step go.
typedef struct inputs {
    activations *own;  // of one row: the member's own
    activations *few;  // of a few rows: (n_rows) in row form
    activations *many; // of many: floats and tiles
} inputs;

static void prepare_row(const member *m, const linear *l, bool wants_floats, const norm *w, const float *from,
                        activations *row) {
    if (w) apply_norm(m, w, from, row->x);
    const float *x = w ? row->x : from;
    if (l->wants_integers) m->k->quantize(x, l->cols, row->q, row->d, row->sum);
    if (!w && wants_floats && x != row->x) memcpy(row->x, x, (size_t)l->cols * sizeof *x);
}

static bool reads_floats(const linear *l, const low_ranks *extra) {
    bool floats = l->wants_floats;
    for (int i = 0; extra && i < extra->n; i++) floats = floats || !extra->items[i].packed_a;
    return floats;
}

// The input of layer l: rows of `from` (cols wide), normed where a norm is given, in the forms l wants. Rows that members
// share out are whole after the barrier at the end. Of a few rows, row t is written by member t mod size.
static const activations *prepare(const member *m, const linear *l, const low_ranks *extra, const norm *w,
                                  const float *from, const inputs *to) {
    size_t cols = (size_t)l->cols;
    bool wants_floats = reads_floats(l, extra);
    if (m->p->n_rows == 1) {
        prepare_row(m, l, wants_floats, w, from, to->own);
        return to->own;
    }
    if (m->p->few) {
        for (int t = m->rank; t < m->p->n_rows; t += m->size)
            prepare_row(m, l, wants_floats, w, from + (size_t)t * cols, &to->few[t]);
        team_barrier(m->s->team);
        return to->few;
    }
    activations *shared = to->many;
    qtiles tiles = shared->tiles;
    tiles.cols = l->cols;
    int n_tiles = (m->p->n_rows + KERNELS_TILE - 1) / KERNELS_TILE, first, last;
    team_share(n_tiles, m->rank, m->size, &first, &last);
    for (int t = first * KERNELS_TILE; t < last * KERNELS_TILE && t < m->p->n_rows; t++) {
        const float *x = from + (size_t)t * cols;
        float *y = shared->x + (size_t)t * cols;
        if (w)
            apply_norm(m, w, x, y);
        else if (wants_floats)
            memcpy(y, x, cols * sizeof *x);
        if (!l->wants_integers) continue;
        activations *row = &m->own->in;
        m->k->quantize(w ? y : x, l->cols, row->q, row->d, row->sum);
        qtiles_put(&tiles, t, row->q, row->d, row->sum);
    }
    team_barrier(m->s->team);
    return shared;
}

static void multiply(const member *m, const linear *l, linear_mode mode, const activations *a, const low_ranks *extra,
                     float *y, int ld) {
    if (m->p->n_rows == 1 || m->p->few)
        linear_few(l, mode, a, extra, m->p->n_rows, y, (size_t)ld, &m->own->scratch, m->rank, m->size);
    else
        linear_rows(l, mode, a, extra, m->p->n_rows, y, (size_t)ld, NULL, &m->own->scratch, m->s->team);
}

static void clip_qkv(const member *m, float limit) {
    size_t n = (size_t)m->p->n_rows * (size_t)m->n->layers[0].qkv.rows;
    int first, last;
    team_share((int)n, m->rank, m->size, &first, &last);
    for (int i = first; i < last; i++) m->s->qkv[i] = fmaxf(-limit, fminf(limit, m->s->qkv[i]));
    team_barrier(m->s->team);
}

// ---- the layers ----

static const low_ranks no_adapters[ADAPTED_LAYERS];

static const low_ranks *adapters_of(const member *m, int i) {
    return m->s->adapters ? m->s->adapters + (size_t)i * ADAPTED_LAYERS : no_adapters;
}

// s->qkv of every row; the barrier is passed.
static void project(const member *m, int i) {
    const layer *y = &m->n->layers[i];
    const low_ranks *e = adapters_of(m, i);
    const inputs to = {&m->own->in, m->s->few, &m->s->in};
    const activations *in = prepare(m, &y->qkv, &e[ADAPTED_QKV], &y->attn_norm, m->s->x, &to);
    multiply(m, &y->qkv, LINEAR_STORE, in, &e[ADAPTED_QKV], m->s->qkv, y->qkv.rows);
    team_barrier(m->s->team);
    if (m->c->attn_clip > 0) clip_qkv(m, m->c->attn_clip);
}

// Whether the hidden rows of a pass over many go from one layer to the next as integers, without having been floats in
// memory.
static bool passes_integers(const member *m, const layer *y, const low_ranks *down) {
    return m->p->n_rows > 1 && !m->p->few && m->c->mlp == MLP_GATED_SILU && linear_gives_integers(&y->up) &&
           y->down.wants_integers && !reads_floats(&y->down, down);
}

// What follows: attention and the MLP.
static void finish_layer(const member *m, int i) {
    const net_config *c = m->c;
    const layer *y = &m->n->layers[i];
    net_state *s = m->s;
    static const linear_mode mlp_mode[] = {
        [MLP_GATED_SILU] = LINEAR_SILU_MUL, [MLP_GELU_TANH] = LINEAR_GELU_TANH, [MLP_GELU_ERF] = LINEAR_GELU_ERF};

    const low_ranks *e = adapters_of(m, i);
    const inputs first = {&m->own->in, s->few, &s->in}, second = {&m->own->in2, s->few2, &s->in2};
    const activations *mlp_in = NULL; // a parallel residual reads x before attention is added to it
    if (c->parallel_residual)
        mlp_in = prepare(m, &y->up, &e[ADAPTED_UP], c->shared_norm ? &y->attn_norm : &y->ffn_norm, s->x, &second);
    const float *gathered = attention_gather(m, i, y);
    const activations *in = prepare(m, &y->out, &e[ADAPTED_OUT], NULL, gathered, &first);
    multiply(m, &y->out, LINEAR_ADD, in, &e[ADAPTED_OUT], s->x, c->n_embd);
    team_barrier(s->team);

    if (!mlp_in) mlp_in = prepare(m, &y->up, &e[ADAPTED_UP], &y->ffn_norm, s->x, &first);
    if (passes_integers(m, y, &e[ADAPTED_DOWN])) {
        linear_rows(&y->up, LINEAR_SILU_MUL, mlp_in, &e[ADAPTED_UP], m->p->n_rows, NULL, 0, &s->ff.tiles,
                    &m->own->scratch, s->team);
        in = &s->ff;
        team_barrier(s->team);
    } else {
        multiply(m, &y->up, mlp_mode[c->mlp], mlp_in, &e[ADAPTED_UP], s->hidden, c->n_ff);
        team_barrier(s->team);
        in = prepare(m, &y->down, &e[ADAPTED_DOWN], NULL, s->hidden, &first);
    }
    multiply(m, &y->down, LINEAR_ADD, in, &e[ADAPTED_DOWN], s->x, c->n_embd);
    team_barrier(s->team);
}

// Embedding and angles of row t.
static void begin_row(const member *m, int t) {
    const net_config *c = m->c;
    const net *n = m->n;
    net_state *s = m->s;
    float *x = s->x + (size_t)t * (size_t)c->n_embd;
    int32_t id = m->p->ids[t];
    if (n->raw_embedding) {
        const file_tensor *e = n->raw_embedding;
        quant_dequantize(e->type, (const char *)e->data + (size_t)id * tensor_row_bytes(e->type, c->n_embd), 0,
                         c->n_embd, x);
    } else {
        linear_read_row(&n->embedding, id, x);
    }
    if (n->positions) {
        const float *p = n->positions + (size_t)(m->position + t) * (size_t)c->n_embd;
        for (int i = 0; i < c->n_embd; i++) x[i] += p[i];
    }
    if (n->embedding_norm.weight) apply_norm(m, &n->embedding_norm, x, x);
    if (n->inv_freq) {
        size_t half = (size_t)(c->rope_dim / 2);
        rope_angles(c, n->inv_freq, m->position + t, s->cos + (size_t)t * half, s->sin + (size_t)t * half);
    }
}

static void end_rows(const member *m, float *logits) {
    const linear *head = net_head(m->n);
    const inputs to = {&m->own->in, m->s->few, &m->s->in};
    const activations *in = prepare(m, head, NULL, &m->n->output_norm, m->s->x, &to);
    multiply(m, head, LINEAR_STORE, in, NULL, logits, m->c->n_vocab);
}

// The last layer where only the newest position's logits are wanted, or none: of the other rows nothing is read any
// more but their keys and values. The newest moves to row 0 and goes on alone.
static void end_many(const member *m) {
    const net_config *c = m->c;
    net_state *s = m->s;
    int i = c->n_layers - 1, last = m->p->n_rows - 1;
    const layer *y = &m->n->layers[i];
    bool wants_logits = m->p->output == PASS_LAST_LOGITS;
    project(m, i);
    attention_put(m, i, y, wants_logits ? last : last + 1);
    if (!wants_logits) return;
    if (m->rank == 0) {
        size_t half = (size_t)(c->rope_dim / 2), to = (size_t)last * half;
        memcpy(s->x, s->x + (size_t)last * (size_t)c->n_embd, (size_t)c->n_embd * sizeof *s->x);
        memcpy(s->qkv, s->qkv + (size_t)last * (size_t)y->qkv.rows, (size_t)y->qkv.rows * sizeof *s->qkv);
        memcpy(s->cos, s->cos + to, half * sizeof *s->cos);
        memcpy(s->sin, s->sin + to, half * sizeof *s->sin);
    }
    team_barrier(s->team);
    pass one_row = *m->p;
    one_row.n_rows = 1;
    member one = *m;
    one.p = &one_row;
    one.position += last;
    finish_layer(&one, i);
    end_rows(&one, s->logits);
}

static void run_member(void *arg, int rank) {
    const pass *p = arg;
    net_state *s = p->s;
    member m = {.s = s,
                .n = s->net,
                .c = &s->net->config,
                .k = kernels_get(),
                .p = p,
                .own = &s->own[rank],
                .rank = rank,
                .size = team_active(s->team),
                .parts = team_size(s->team),
                .position = s->n_past};
    bool all_rows = p->n_rows == 1 || p->output == PASS_ALL_LOGITS; // are needed to the end
    int first, last, whole = all_rows ? m.c->n_layers : m.c->n_layers - 1;
    team_share(p->n_rows, rank, m.size, &first, &last);
    for (int t = first; t < last; t++) begin_row(&m, t);
    team_barrier(s->team);
    for (int i = 0; i < whole; i++) {
        project(&m, i);
        finish_layer(&m, i);
    }
    if (!all_rows)
        end_many(&m);
    else if (p->output != PASS_NO_LOGITS)
        end_rows(&m, p->output == PASS_ALL_LOGITS ? p->all_logits : s->logits);
}

void forward_run(pass *p) {
    team_run(p->s->team, run_member, p);
}
