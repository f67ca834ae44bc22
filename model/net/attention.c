// The attention of one pass: heads turned, keys and values put into the cache, queries gathered over it.
//
// A single query's attention is shared by cache positions: each part gathers over its own stretch with its own maximum
// and sum, and the next step's input combines them. There are as many parts as the team has members, also while fewer are
// active: results do not change. Of many queries members take whole pieces.
#include "model/net/forward_impl.h"
#include "model/net/rope.h"

#include <math.h>
#include <string.h>

// Norm and position of `heads` heads of row t, in place.
static void turn_heads(const member *m, const float *norm_weight, int t, float *x, int heads) {
    const net_config *c = m->c;
    size_t half = (size_t)(c->rope_dim / 2);
    for (int h = 0; h < heads; h++, x += c->head_dim) {
        if (norm_weight) m->k->rms_norm(x, norm_weight, c->head_dim, c->norm_eps, x);
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

void attention_put(const member *m, int i, const layer *y, int n) {
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

// Rows [r0, r1) of (position, head) pairs that share a kv head, at most ATTEND_ROWS.
static void attend_piece(const member *m, int i, const layer *y, int kv_head, int r0, int r1) {
    const net_config *c = m->c;
    net_state *s = m->s;
    int q_dim = c->n_heads * c->head_dim, group = c->n_heads / c->n_kv_heads;
    attend_job job = attend_start(m, i, kv_head);
    job.m = m->own->m;
    job.l = m->own->l;
    job.acc = m->own->acc;
    for (int r = r0; r < r1; r++) {
        int t = r / group, h = kv_head * group + r % group;
        attend_add_row(m, &job, i, h, m->position + t, s->qkv + (size_t)t * (size_t)y->qkv.rows + h * c->head_dim);
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

// Positions [t0, t1) of the pass at once, every head of one kv head.
static void attend_words(const member *m, int i, const layer *y, int kv_head, int t0, int t1) {
    const net_config *c = m->c;
    int q_dim = c->n_heads * c->head_dim, group = c->n_heads / c->n_kv_heads, head = kv_head * group * c->head_dim;
    attend_job at = attend_start(m, i, kv_head);
    attend_queries job = {.n = t1 - t0,
                          .group = group,
                          .position = m->position + t0,
                          .window = c->window[i],
                          .q = m->s->qkv + (size_t)t0 * (size_t)y->qkv.rows + head,
                          .ldq = (size_t)y->qkv.rows,
                          .out = m->s->attn + (size_t)t0 * (size_t)q_dim + head,
                          .ld_out = (size_t)q_dim};
    m->k->attend_many(&at, &job, m->own->attend_many);
}

// Whether integers serve: caches of floats are kept for exactness, and the products take heads as they mostly are.
static bool suits_words(const member *m) {
    const net_config *c = m->c;
    return m->k->attend_many && m->s->kv.type != CACHE_F32 && !m->n->alibi_slopes && c->head_dim % 32 == 0 &&
           c->head_dim <= ATTEND_MANY_HEAD_DIM && c->n_heads / c->n_kv_heads <= ATTEND_MANY;
}

// Many queries: first every row's keys and values, then pieces of (position, head) rows that share a kv head.
static void attend_many(const member *m, int i, const layer *y) {
    const net_config *c = m->c;
    int group = c->n_heads / c->n_kv_heads, rows = m->p->n_rows * group;
    bool words = suits_words(m);
    attention_put(m, i, y, m->p->n_rows);
    // Whole positions for the one way, any rows for the other.
    int step = words ? ATTEND_MANY / group * group : ATTEND_ROWS, pieces = (rows + step - 1) / step;
    // Later positions have more to look at: they come first, and what is short is left for the end.
    for (int item; (item = pieces * c->n_kv_heads - 1 - team_take(m->s->team)) >= 0;) {
        int kv_head = item % c->n_kv_heads, r0 = item / c->n_kv_heads * step, r1 = r0 + step < rows ? r0 + step : rows;
        if (words)
            attend_words(m, i, y, kv_head, r0 / group, r1 / group);
        else
            attend_piece(m, i, y, kv_head, r0, r1);
    }
}

const float *attention_gather(const member *m, int i, const layer *y) {
    net_state *s = m->s;
    if (m->p->n_rows > 1 && !m->p->few) {
        attend_many(m, i, y);
        team_barrier(s->team);
        return s->attn;
    }
    if (m->p->n_rows > 1) attention_put(m, i, y, m->p->n_rows);
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
