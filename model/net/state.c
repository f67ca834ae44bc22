// States: allocation, bookkeeping of what the cache holds, and evaluation piece by piece.
#include "model/net/state.h"
#include "model/base/memory.h"
#include "model/net/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PASS_MIN_ROWS = 48, ALL_LOGITS_MIN_ROWS = 32, ALL_LOGITS_BYTES = 32 << 20 };

// Positions evaluated in one pass: many keep the products busy, but a person may want to stop between two passes, so
// a pass is kept below some 10^11 multiplications (a fraction of a second on the slowest machines that matter).
static int pass_rows(const net_config *c, int n_ctx) {
    double q = (double)c->n_heads * c->head_dim, kv = (double)c->n_kv_heads * c->head_dim;
    double each = c->n_layers * (double)c->n_embd * (2 * q + 2 * kv + 3.0 * c->n_ff);
    double rows = 1e11 / each;
    int most = rows > LINEAR_MAX_ROWS ? LINEAR_MAX_ROWS : rows < PASS_MIN_ROWS ? PASS_MIN_ROWS : (int)rows;
    return n_ctx < most ? n_ctx : most;
}

// Positions of a pass that keeps every position's logits.
static int all_logits_rows(int n_vocab) {
    int rows = (int)(ALL_LOGITS_BYTES / sizeof(float) / (size_t)n_vocab);
    return rows > ALL_LOGITS_MIN_ROWS ? rows : ALL_LOGITS_MIN_ROWS;
}

static void cut_activations(arena *c, activations *a, int rows, int cols) {
    a->x = arena_cut(c, (size_t)rows * (size_t)cols, sizeof(float));
    arena_cut_row(c, a, cols);
    if (rows > 1) arena_cut_tiles(c, a, rows, cols);
}

static int max_int(int a, int b) {
    return a > b ? a : b;
}

static void cut_arena(net_state *s, arena *c) {
    const net_config *g = &s->net->config;
    int q = g->n_heads * g->head_dim, kv = g->n_kv_heads * g->head_dim;
    int widest = max_int(max_int(g->n_embd, g->n_ff), q);
    // A few rows' attention: every head of each, and what one job gathers.
    size_t partial_rows = (size_t)max_int(s->max_few * g->n_heads, ATTEND_ROWS) + ATTEND_ROWS;
    size_t rows = (size_t)s->max_rows;
    s->ids = arena_cut(c, (size_t)s->n_ctx, sizeof *s->ids);
    s->x = arena_cut(c, rows * (size_t)g->n_embd, sizeof(float));
    cut_activations(c, &s->in, s->max_rows, widest);
    if (g->parallel_residual) cut_activations(c, &s->in2, s->max_rows, g->n_embd);
    for (int t = 0; t < s->max_few; t++) {
        cut_activations(c, &s->few[t], 1, widest);
        if (g->parallel_residual) cut_activations(c, &s->few2[t], 1, g->n_embd);
    }
    s->qkv = arena_cut(c, rows * (size_t)(q + 2 * kv), sizeof(float));
    s->attn = arena_cut(c, rows * (size_t)q, sizeof(float));
    s->hidden = arena_cut(c, rows * (size_t)g->n_ff, sizeof(float));
    arena_cut_tiles(c, &s->ff, s->max_rows, g->n_ff);
    s->ff.tiles.cols = g->n_ff;
    s->cos = arena_cut(c, rows * (size_t)(g->rope_dim / 2), sizeof(float));
    s->sin = arena_cut(c, rows * (size_t)(g->rope_dim / 2), sizeof(float));
    s->logits = arena_cut(c, (size_t)s->max_few * (size_t)g->n_vocab, sizeof(float));
    for (int i = 0; i < team_size(s->team); i++) {
        own_memory *own = &s->own[i];
        cut_activations(c, &own->in, 1, widest);
        cut_activations(c, &own->in2, 1, g->n_embd);
        own->q = arena_cut(c, (size_t)q, sizeof(float));
        own->k = arena_cut(c, (size_t)kv, sizeof(float));
        own->m = arena_cut(c, partial_rows, sizeof(float));
        own->l = arena_cut(c, partial_rows, sizeof(float));
        own->acc = arena_cut(c, partial_rows * (size_t)s->kv.v_dim, sizeof(float));
        own->attend_many = arena_cut(c, ATTEND_MANY_SCRATCH, 1);
        arena_cut_scratch(c, &own->scratch, s->max_rows, widest);
    }
}

// The cache and the arena, if the system has that much.
static int take_memory(net_state *s, error *err) {
    arena c = {0};
    cut_arena(s, &c);
    s->arena_bytes = c.used;
    size_t need = s->kv.bytes + s->arena_bytes;
    int64_t there;
    bool fits = memory_suffices(need, &there);
    if (fits && kv_open(&s->kv) == 0) s->arena = mem_alloc_big(s->arena_bytes);
    if (!s->arena)
        return error_set(err, "a context of %d tokens needs %s of memory, there is %s; use a smaller --ctx%s", s->n_ctx,
                         memory_amount((double)need).text, fits ? "less" : memory_amount((double)there).text,
                         s->kv.type == CACHE_Q8_0 ? "" : " or --kv q8_0");
    c = (arena){.base = s->arena};
    cut_arena(s, &c);
    return 0;
}

static cache_type cache_of(const net *n, net_cache wanted) {
    switch (wanted) {
    case NET_CACHE_F32: return CACHE_F32;
    case NET_CACHE_F16: return CACHE_F16;
    case NET_CACHE_Q8_0: return CACHE_Q8_0;
    case NET_CACHE_AUTO: break;
    }
    return n->float_weights ? CACHE_F32 : CACHE_F16;
}

// team is the state's to close if own_team; NULL when opening it failed.
static net_state *open_with(const net *n, int n_ctx, cache_type type, team *team, bool own_team, error *err) {
    if (!team) return NULL;
    const net_config *g = &n->config;
    net_state *s = mem_calloc(1, sizeof *s);
    s->net = n;
    s->team = team;
    s->own_team = own_team;
    s->n_ctx = n_ctx > 0 && n_ctx < g->n_ctx ? n_ctx : g->n_ctx;
    s->max_rows = pass_rows(g, s->n_ctx);
    s->max_few = s->max_rows < NET_FEW ? s->max_rows : NET_FEW;
    s->kv = kv_plan(g, type, s->n_ctx);
    if (take_memory(s, err) == 0) return s;
    net_state_close(s);
    return NULL;
}

net_state *net_state_open(const net *n, const net_options *o, error *err) {
    cache_type type = cache_of(n, o->cache);
    if (type == CACHE_Q8_0 && n->config.head_dim % QUANT_UNIT != 0) {
        error_set(err, "this model has heads of %d components; a q8_0 cache wants a multiple of %d: take --kv f16",
                  n->config.head_dim, QUANT_UNIT);
        return NULL;
    }
    return open_with(n, o->n_ctx, type, team_open(o->threads > 0 ? o->threads : team_cores(), err), true, err);
}

net_state *net_state_beside(const net_state *s, int n_ctx, error *err) {
    net_state *beside = open_with(s->net, n_ctx, s->kv.type, s->team, false, err);
    if (beside) adapters_copy(beside, s);
    return beside;
}

void net_state_close(net_state *s) {
    if (!s) return;
    net_set_adapters(s, NULL, 0);
    if (s->own_team) team_close(s->team);
    kv_close(&s->kv);
    mem_free_big(s->arena, s->arena_bytes);
    free(s);
}

int net_n_ctx(const net_state *s) {
    return s->n_ctx;
}

int net_n_past(const net_state *s) {
    return s->n_past;
}

const int32_t *net_past(const net_state *s) {
    return s->ids;
}

void net_truncate(net_state *s, int n_past) {
    if (n_past >= 0 && n_past < s->n_past) s->n_past = n_past;
}

int net_reuse(net_state *s, const int32_t *ids, int n) {
    int shared = 0;
    while (shared < s->n_past && shared < n - 1 && s->ids[shared] == ids[shared]) shared++;
    net_truncate(s, shared);
    return shared;
}

const float *net_logits(const net_state *s) {
    return net_few_logits(s, s->last_row);
}

const float *net_few_logits(const net_state *s, int i) {
    return s->logits + (size_t)i * (size_t)s->net->config.n_vocab;
}

unsigned net_adapter_changes(const net_state *s) {
    return s->adapter_changes;
}

static int check(const net_state *s, const int32_t *ids, int n, error *err) {
    if (net_check(s->net, err) != 0) return -1;
    if (n <= 0) return error_set(err, "nothing to evaluate: the prompt has no tokens");
    if (n > s->n_ctx - s->n_past)
        return error_set(err, "the text has %d tokens, the context holds %d; shorten it or give a larger --ctx",
                         s->n_past + n, s->n_ctx);
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= s->net->config.n_vocab)
            return error_set(err, "token id %d is outside the vocabulary of %d", ids[i], s->net->config.n_vocab);
    return 0;
}

// 0, or -1 with a message: the file shrank, and what was calculated is thrown away.
static int run_pass(net_state *s, pass p, error *err) {
    p.s = s;
    bool decodes = p.n_rows == 1 || p.few;
    if (decodes) pace_begin(&s->pace, s->team);
    forward_run(&p);
    if (decodes) pace_end(&s->pace, s->team);
    if (model_file_is_torn(s->net->file)) return net_check(s->net, err);
    memcpy(s->ids + s->n_past, p.ids, (size_t)p.n_rows * sizeof *p.ids);
    s->n_past += p.n_rows;
    s->last_row = 0;
    return 0;
}

int net_eval(net_state *s, const int32_t *ids, int n, net_progress progress, void *arg, error *err) {
    if (check(s, ids, n, err) != 0) return -1;
    for (int done = 0; done < n;) {
        int rows = n - done < s->max_rows ? n - done : s->max_rows;
        pass_output output = done + rows < n ? PASS_NO_LOGITS : PASS_LAST_LOGITS;
        if (run_pass(s, (pass){.ids = ids + done, .n_rows = rows, .output = output}, err) != 0) return -1;
        done += rows;
        if (progress && !progress(arg, done, n) && done < n) return 1;
    }
    return 0;
}

int net_eval_few(net_state *s, const int32_t *ids, int n, error *err) {
    if (check(s, ids, n, err) != 0) return -1;
    if (n > s->max_few)
        return error_set(err, "%d positions are more than one pass over a few takes (%d)", n, s->max_few);
    pass p = {.ids = ids, .n_rows = n, .few = true, .output = PASS_ALL_LOGITS, .all_logits = s->logits};
    if (run_pass(s, p, err) != 0) return -1;
    s->last_row = n - 1;
    return 0;
}

void net_keep_few(net_state *s, int n) {
    s->n_past += n - 1 - s->last_row;
    s->last_row = n - 1;
}

int net_eval_all(net_state *s, const int32_t *ids, int n, net_sink sink, void *arg, error *err) {
    if (check(s, ids, n, err) != 0) return -1;
    size_t n_vocab = (size_t)s->net->config.n_vocab;
    int most = all_logits_rows(s->net->config.n_vocab);
    if (most > s->max_rows) most = s->max_rows;
    size_t bytes = (size_t)most * n_vocab * sizeof(float);
    float *logits = mem_alloc_big(bytes);
    if (!logits) return error_set(err, "no memory for the logits of %d positions (%zu MB)", most, bytes >> 20);
    int rc = 0;
    for (int done = 0; done < n;) {
        int rows = n - done < most ? n - done : most;
        pass p = {.ids = ids + done, .n_rows = rows, .output = PASS_ALL_LOGITS, .all_logits = logits};
        rc = run_pass(s, p, err);
        if (rc != 0) break;
        for (int t = 0; t < rows; t++) sink(arg, done + t, logits + (size_t)t * n_vocab);
        done += rows;
        if (done == n) memcpy(s->logits, logits + (size_t)(rows - 1) * n_vocab, n_vocab * sizeof(float));
    }
    mem_free_big(logits, bytes);
    return rc;
}

int net_fork(net_state *dst, const net_state *src, error *err) {
    if (src->n_past > dst->n_ctx)
        return error_set(err, "a context of %d tokens cannot take over %d", dst->n_ctx, src->n_past);
    if (src->kv.type != dst->kv.type) return error_set(err, "the two contexts hold their numbers in different ways");
    kv_copy(&dst->kv, &src->kv, src->n_past);
    memcpy(dst->ids, src->ids, (size_t)src->n_past * sizeof *dst->ids);
    memcpy(dst->logits, net_logits(src), (size_t)src->net->config.n_vocab * sizeof *dst->logits);
    dst->last_row = 0;
    dst->n_past = src->n_past;
    return 0;
}
