// One pass of the transformer, run by all members of the team at once.
//
// A layer is five steps with a barrier after each:
//     q, k, v = W norm(x)      attention      x += W_out attention      h = act(W_up norm(x))      x += W_down h
// Output rows are shared out, so a step's input must be whole before it begins. For a single position (decode) every
// member calculates norms and quantised inputs for itself, which is cheaper than waiting for another to do it; with
// many positions they are shared out too, with a barrier more. A single query's attention is shared by cache
// positions: each part gathers over its own stretch with its own maximum and sum, and the next step's input
// combines them. There are as many parts as the team has members, also while fewer are active: results do not change.
//
// A pass over a few positions (drafts) reads weights and cache once for all of them, but adds up every row's sums in
// the order in which a pass over this position alone would: whether a token was drafted can never be seen in the text.
#include "model/math/half.h"
#include "model/net/rope.h"
#include "model/net/state.h"

#include <math.h>
#include <string.h>

typedef struct member {
    net_state *s;
    const net *n;
    const net_config *c;
    const kernels *k;
    const pass *p;
    own_memory *own;
    int rank, size;
    int parts;    // stretches that one query's attention is cut into, whoever calculates them
    int position; // of the first row
} member;

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

// The input of layer l: rows of `from` (cols wide), normed where a norm is given, in the forms l wants. Rows that members
// share out are whole after the barrier at the end. Of a few rows, row t is written by member t mod size.
static const activations *prepare(const member *m, const linear *l, const low_ranks *extra, const norm *w,
                                  const float *from, const inputs *to) {
    size_t cols = (size_t)l->cols;
    bool wants_floats = l->wants_floats;
    for (int i = 0; extra && i < extra->n; i++) wants_floats = wants_floats || !extra->items[i].packed_a;
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
        linear_rows(l, mode, a, extra, m->p->n_rows, y, (size_t)ld, &m->own->scratch, m->rank, m->size);
}

// ---- attention ----

static void head_norm(const float *w, float *head, int n, float eps) {
    if (!w) return;
    float sum = 0;
    for (int i = 0; i < n; i++) sum += head[i] * head[i];
    float scale = 1.0f / sqrtf(sum / (float)n + eps);
    for (int i = 0; i < n; i++) head[i] = head[i] * scale * w[i];
}

// Norm and position of `heads` heads of row t, in place.
static void turn_heads(const member *m, const float *norm_weight, int t, float *x, int heads) {
    const net_config *c = m->c;
    size_t half = (size_t)(c->rope_dim / 2);
    for (int h = 0; h < heads; h++, x += c->head_dim) {
        head_norm(norm_weight, x, c->head_dim, c->norm_eps);
        if (c->position == POSITION_ROPE) rope_turn(c, m->s->cos + (size_t)t * half, m->s->sin + (size_t)t * half, x);
    }
}

static attend_job attend_start(const member *m, int i, int kv_head) {
    attend_job job = {.scale = m->c->attn_scale};
    kv_show(&m->s->kv, i, kv_head, &job);
    return job;
}

static void attend_add_row(const member *m, attend_job *job, int i, int head, int position, const float *q) {
    int r = job->n_rows++, window = m->c->window[i];
    job->q[r] = q;
    job->last[r] = position;
    job->first[r] = window > 0 && position >= window ? position - window + 1 : 0;
    job->slope[r] = m->n->alibi_slopes ? m->n->alibi_slopes[head] : 0;
}

static void clear_partial(float *m, float *l, float *acc, int rows, int v_dim) {
    for (int r = 0; r < rows; r++) {
        m[r] = -INFINITY;
        l[r] = 0;
    }
    memset(acc, 0, (size_t)rows * (size_t)v_dim * sizeof *acc);
}

// The stretch [*p0, *p1) of positions that part m->rank gathers for a query at `position` alone.
static void own_stretch(const member *m, int i, int position, int *p0, int *p1) {
    int n = position + 1, window = m->c->window[i], begin = window > 0 && n > window ? (n - window) / 16 : 0, t0, t1;
    team_share((n + 15) / 16 - begin, m->rank, m->size, &t0, &t1);
    *p0 = (begin + t0) * 16;
    *p1 = (begin + t1) * 16 < n ? (begin + t1) * 16 : n;
}

// One query: a part's stretch of positions, for every head. The owner of the last stretch adds the new position.
static void attend_one(const member *m, int i, const layer *y) {
    const net_config *c = m->c;
    own_memory *own = m->own;
    int q_dim = c->n_heads * c->head_dim, kv_dim = c->n_kv_heads * c->head_dim, group = c->n_heads / c->n_kv_heads;
    int p0, p1;
    own_stretch(m, i, m->position, &p0, &p1);
    memcpy(own->q, m->s->qkv, (size_t)q_dim * sizeof(float));
    turn_heads(m, y->q_norm, 0, own->q, c->n_heads);
    if (m->rank == m->size - 1) {
        memcpy(own->k, m->s->qkv + q_dim, (size_t)kv_dim * sizeof(float));
        turn_heads(m, y->k_norm, 0, own->k, c->n_kv_heads);
        kv_put(&m->s->kv, m->k, i, m->position, own->k, m->s->qkv + q_dim + kv_dim);
    }
    clear_partial(own->m, own->l, own->acc, c->n_heads, m->s->kv.v_dim);
    if (p0 >= p1) return;
    for (int h = 0; h < c->n_heads;) {
        attend_job job = attend_start(m, i, h / group);
        int end = (h / group + 1) * group;
        job.p0 = p0;
        job.p1 = p1;
        job.m = own->m + h;
        job.l = own->l + h;
        job.acc = own->acc + (size_t)h * (size_t)m->s->kv.v_dim;
        for (; h < end && job.n_rows < ATTEND_ROWS; h++)
            attend_add_row(m, &job, i, h, m->position, own->q + h * c->head_dim);
        m->k->attend(&job);
    }
}

// Puts the stretches of all parts together for row t of a few: out (n_heads * head_dim).
static void combine(const member *m, int t, float *out) {
    const net_config *c = m->c;
    for (int h = t * c->n_heads; h < (t + 1) * c->n_heads; h++, out += c->head_dim) {
        float top = -INFINITY, sum = 0;
        for (int r = 0; r < m->parts; r++) top = fmaxf(top, m->s->own[r].m[h]);
        memset(out, 0, (size_t)c->head_dim * sizeof *out);
        for (int r = 0; r < m->parts; r++) {
            const own_memory *own = &m->s->own[r];
            if (own->l[h] == 0) continue;
            float weight = expf(own->m[h] - top);
            const float *acc = own->acc + (size_t)h * (size_t)m->s->kv.v_dim;
            sum += weight * own->l[h];
            for (int d = 0; d < c->head_dim; d++) out[d] += weight * acc[d];
        }
        for (int d = 0; d < c->head_dim; d++) out[d] /= sum;
    }
}

// Turns the queries of the first n rows and writes their keys and values into the cache.
static void put_rows(const member *m, int i, const layer *y, int n) {
    const net_config *c = m->c;
    int q_dim = c->n_heads * c->head_dim, kv_dim = c->n_kv_heads * c->head_dim, first, last;
    team_share(n, m->rank, m->size, &first, &last);
    for (int t = first; t < last; t++) {
        float *row = m->s->qkv + (size_t)t * (size_t)(q_dim + 2 * kv_dim);
        turn_heads(m, y->q_norm, t, row, c->n_heads);
        turn_heads(m, y->k_norm, t, row + q_dim, c->n_kv_heads);
        kv_put(&m->s->kv, m->k, i, m->position + t, row + q_dim, row + q_dim + kv_dim);
    }
    team_barrier(m->s->team);
}

// Rows [t0, t1) of a few, which share the stretch [p0, p1), in pieces of (row, head) pairs that share a kv head.
static void attend_stretch(const member *m, int i, int t0, int t1, int p0, int p1) {
    const net_config *c = m->c;
    own_memory *own = m->own;
    int group = c->n_heads / c->n_kv_heads, v_dim = m->s->kv.v_dim, pairs = (t1 - t0) * group;
    size_t ld = (size_t)m->n->layers[i].qkv.rows;
    float top[ATTEND_ROWS], sum[ATTEND_ROWS],
        *acc = own->acc + (size_t)m->s->max_few * (size_t)c->n_heads * (size_t)v_dim;
    for (int kv_head = 0; kv_head < c->n_kv_heads; kv_head++)
        for (int r0 = 0; r0 < pairs; r0 += ATTEND_ROWS) {
            attend_job job = attend_start(m, i, kv_head);
            job.p0 = p0;
            job.p1 = p1;
            job.m = top;
            job.l = sum;
            job.acc = acc;
            for (int r = r0; r < pairs && r < r0 + ATTEND_ROWS; r++) {
                int t = t0 + r / group, h = kv_head * group + r % group;
                attend_add_row(m, &job, i, h, m->position + t, m->s->qkv + (size_t)t * ld + h * c->head_dim);
            }
            clear_partial(top, sum, acc, job.n_rows, v_dim);
            m->k->attend(&job);
            for (int r = 0; r < job.n_rows; r++) {
                int at = (t0 + (r0 + r) / group) * c->n_heads + kv_head * group + (r0 + r) % group;
                own->m[at] = top[r];
                own->l[at] = sum[r];
                memcpy(own->acc + (size_t)at * (size_t)v_dim, acc + (size_t)r * (size_t)v_dim,
                       (size_t)v_dim * sizeof *acc);
            }
        }
}

// A few queries, each over the stretch it would have alone; neighbours mostly have the same. What lies behind a query's
// own position changes nothing: its weight is zero.
static void attend_few(const member *m, int i) {
    own_memory *own = m->own;
    clear_partial(own->m, own->l, own->acc, m->p->n_rows * m->c->n_heads, m->s->kv.v_dim);
    for (int t0 = 0, t1; t0 < m->p->n_rows; t0 = t1) {
        int p0, p1, q0, q1;
        own_stretch(m, i, m->position + t0, &p0, &p1);
        for (t1 = t0 + 1; t1 < m->p->n_rows; t1++) {
            own_stretch(m, i, m->position + t1, &q0, &q1);
            if (q0 != p0 || (q1 + 15) / 16 != (p1 + 15) / 16) break;
            p1 = q1;
        }
        if (p0 < p1) attend_stretch(m, i, t0, t1, p0, p1);
    }
}

// Many queries: first every row's keys and values, then pieces of (position, head) rows that share a kv head.
static void attend_many(const member *m, int i, const layer *y) {
    const net_config *c = m->c;
    net_state *s = m->s;
    int q_dim = c->n_heads * c->head_dim, group = c->n_heads / c->n_kv_heads;
    size_t ld = (size_t)y->qkv.rows;
    put_rows(m, i, y, m->p->n_rows);
    int rows = m->p->n_rows * group, pieces = (rows + ATTEND_ROWS - 1) / ATTEND_ROWS;
    for (int item = m->rank; item < pieces * c->n_kv_heads; item += m->size) {
        // Members take pieces in turn, since later positions have more to look at.
        int kv_head = item % c->n_kv_heads, r0 = item / c->n_kv_heads * ATTEND_ROWS;
        int r1 = r0 + ATTEND_ROWS < rows ? r0 + ATTEND_ROWS : rows;
        attend_job job = attend_start(m, i, kv_head);
        job.m = m->own->m;
        job.l = m->own->l;
        job.acc = m->own->acc;
        for (int r = r0; r < r1; r++) {
            int t = r / group, h = kv_head * group + r % group;
            attend_add_row(m, &job, i, h, m->position + t, s->qkv + (size_t)t * ld + h * c->head_dim);
        }
        job.p0 = job.first[0];
        job.p1 = job.last[job.n_rows - 1] + 1;
        clear_partial(job.m, job.l, job.acc, job.n_rows, s->kv.v_dim);
        m->k->attend(&job);
        for (int r = r0; r < r1; r++) {
            const float *acc = job.acc + (size_t)(r - r0) * (size_t)s->kv.v_dim;
            float *out = s->attn + (size_t)(r / group) * (size_t)q_dim + (kv_head * group + r % group) * c->head_dim;
            float share = 1.0f / job.l[r - r0];
            for (int d = 0; d < c->head_dim; d++) out[d] = acc[d] * share;
        }
    }
}

// Every row's attention, normed to weights that sum to one; returns where it stands.
static const float *attend(const member *m, int i, const layer *y) {
    net_state *s = m->s;
    if (m->p->n_rows > 1 && !m->p->few) {
        attend_many(m, i, y);
        team_barrier(s->team);
        return s->attn;
    }
    if (m->p->n_rows > 1) put_rows(m, i, y, m->p->n_rows);
    for (int part = m->rank; part < m->parts; part += m->size) {
        member seat = *m;
        seat.own = &s->own[part];
        seat.rank = part;
        seat.size = m->parts;
        if (m->p->n_rows > 1)
            attend_few(&seat, i);
        else
            attend_one(&seat, i, y);
    }
    team_barrier(s->team);
    if (m->p->n_rows == 1) {
        combine(m, 0, m->own->in.x);
        return m->own->in.x;
    }
    // Row t is read next by member t mod size (prepare), so that it needs no barrier.
    for (int t = m->rank; t < m->p->n_rows; t += m->size) combine(m, t, s->attn + (size_t)t * (size_t)y->out.cols);
    return s->attn;
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
    const float *gathered = attend(m, i, y);
    const activations *in = prepare(m, &y->out, &e[ADAPTED_OUT], NULL, gathered, &first);
    multiply(m, &y->out, LINEAR_ADD, in, &e[ADAPTED_OUT], s->x, c->n_embd);
    team_barrier(s->team);

    if (!mlp_in) mlp_in = prepare(m, &y->up, &e[ADAPTED_UP], &y->ffn_norm, s->x, &first);
    multiply(m, &y->up, mlp_mode[c->mlp], mlp_in, &e[ADAPTED_UP], s->hidden, c->n_ff);
    team_barrier(s->team);
    in = prepare(m, &y->down, &e[ADAPTED_DOWN], NULL, s->hidden, &first);
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
    put_rows(m, i, y, wants_logits ? last : last + 1);
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
