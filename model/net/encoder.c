// Opening encoders, the memory of a pass, and texts into embeddings. Many short texts share a pass: their rows stand
// behind each other, so that the products are large, and attention keeps them apart.
#include "model/net/encoder_impl.h"
#include "model/net/arena.h"
#include "model/net/loader.h"
#include "model/net/rope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- weights ----

// Token types tell the first sentence of a pair from the second; a text by itself is all of type 0.
static int read_segment(encoder *e, const loader *l) {
    const file_tensor *t = model_file_tensor(l->file, "token_types.weight");
    int n = e->config.n_embd;
    if (!t) return 0;
    if (t->ne[0] != n || t->ne[2] != 1 || t->ne[3] != 1)
        return error_set(l->err,
                         "%s: tensor %s has %lld columns, the settings ask for %d: the file is damaged; fetch "
                         "it again",
                         model_file_path(l->file), t->name, (long long)t->ne[0], n);
    e->segment = mem_calloc((size_t)n, sizeof *e->segment);
    quant_dequantize(t->type, t->data, 0, n, e->segment);
    return 0;
}

static int read_layer(encoder *e, const loader *l, int i) {
    const net_config *c = &e->config;
    encoder_layer *y = &e->layers[i];
    static const char *const qkv[] = {"attn_q", "attn_k", "attn_v"};
    if (model_file_tensor(l->file, "blk.0.attn_qkv.weight")) {
        if (loader_linear(l, 3 * c->n_embd, c->n_embd, &y->qkv, "blk.%d.attn_qkv", i) != 0) return -1;
    } else {
        for (int k = 0; k < 3; k++)
            if (loader_linear(l, c->n_embd, c->n_embd, &y->qkv, "blk.%d.%s", i, qkv[k]) != 0) return -1;
    }
    if (c->mlp == MLP_GATED_SILU && loader_linear(l, c->n_ff, c->n_embd, &y->up, "blk.%d.ffn_gate", i) != 0) return -1;
    if (loader_linear(l, c->n_embd, c->n_embd, &y->out, "blk.%d.attn_output", i) != 0 ||
        loader_linear(l, c->n_ff, c->n_embd, &y->up, "blk.%d.ffn_up", i) != 0 ||
        loader_linear(l, c->n_embd, c->n_ff, &y->down, "blk.%d.ffn_down", i) != 0 ||
        loader_norm(l, c->n_embd, &y->attn_norm, "blk.%d.attn_output_norm", i) != 0)
        return -1;
    return loader_norm(l, c->n_embd, &y->ffn_norm, "blk.%d.layer_output_norm", i);
}

static int read_weights(encoder *e, error *err) {
    const net_config *c = &e->config;
    loader l = {e->file, e->team, err};
    if (loader_table(&l, c->n_vocab, c->n_embd, &e->tokens, "token_embd.weight") != 0 || read_segment(e, &l) != 0 ||
        loader_norm(&l, c->n_embd, &e->embedding_norm, "token_embd_norm") != 0)
        return -1;
    if (c->position == POSITION_LEARNED &&
        loader_table(&l, c->n_ctx, c->n_embd, &e->positions, "position_embd.weight") != 0)
        return -1;
    if (c->position == POSITION_ROPE) {
        e->inv_freq = mem_calloc((size_t)(c->rope_dim / 2), sizeof *e->inv_freq);
        rope_frequencies(c, NULL, e->inv_freq);
    }
    e->layers = mem_calloc((size_t)c->n_layers, sizeof *e->layers);
    for (int i = 0; i < c->n_layers; i++)
        if (read_layer(e, &l, i) != 0) return -1;
    return 0;
}

encoder *encoder_open(const model_file *f, int threads, error *err) {
    encoder *e = mem_calloc(1, sizeof *e);
    e->file = f;
    int rc = encoder_read_config(e, f, err);
    if (rc == 0) rc = loader_check_memory(f, err);
    if (rc == 0) e->team = team_open(threads > 0 ? threads : team_cores(), err);
    if (rc == 0 && e->team && read_weights(e, err) == 0) return e;
    encoder_close(e);
    return NULL;
}

static void norm_close(norm *n) {
    free(n->weight);
    free(n->bias);
}

void encoder_close(encoder *e) {
    if (!e) return;
    for (int i = 0; e->layers && i < e->config.n_layers; i++) {
        encoder_layer *y = &e->layers[i];
        linear_close(&y->qkv);
        linear_close(&y->out);
        linear_close(&y->up);
        linear_close(&y->down);
        norm_close(&y->attn_norm);
        norm_close(&y->ffn_norm);
    }
    free(e->layers);
    norm_close(&e->embedding_norm);
    free(e->segment);
    free(e->inv_freq);
    team_close(e->team);
    mem_free_big(e->arena, e->arena_bytes);
    free(e);
}

int encoder_width(const encoder *e) {
    return e->config.n_embd;
}

int encoder_n_positions(const encoder *e) {
    return e->config.n_ctx;
}

int encoder_n_vocab(const encoder *e) {
    return e->config.n_vocab;
}

encoder_pooling encoder_default_pooling(const encoder *e) {
    return e->pooling;
}

// ---- memory ----

static void cut_pass(encoder *e, arena *a) {
    const net_config *c = &e->config;
    int widest = c->n_ff > c->n_embd ? c->n_ff : c->n_embd;
    int product_rows = e->max_rows < LINEAR_MAX_ROWS ? e->max_rows : LINEAR_MAX_ROWS;
    size_t rows = (size_t)e->max_rows, n_embd = (size_t)c->n_embd, heads = (size_t)c->n_heads;
    size_t angles = rows * (size_t)(c->rope_dim / 2);
    e->ids = arena_cut(a, rows, sizeof *e->ids);
    e->places = arena_cut(a, rows, sizeof *e->places);
    e->cos = arena_cut(a, angles, sizeof *e->cos);
    e->sin = arena_cut(a, angles, sizeof *e->sin);
    e->pieces = arena_cut(a, rows, sizeof *e->pieces);
    e->x = arena_cut(a, rows * n_embd, sizeof *e->x);
    e->qkv = arena_cut(a, rows * 3 * n_embd, sizeof *e->qkv);
    e->attn = arena_cut(a, rows * n_embd, sizeof *e->attn);
    e->hidden = arena_cut(a, (size_t)product_rows * (size_t)c->n_ff, sizeof *e->hidden);
    arena_cut_tiles(a, &e->in, product_rows, widest);
    e->v_dim = (c->head_dim + 15) / 16 * 16;
    e->k_head = (rows + 15) / 16 * 16 * (size_t)c->head_dim;
    e->v_head = rows * (size_t)e->v_dim;
    e->k = arena_cut(a, heads * e->k_head, sizeof *e->k);
    e->v = arena_cut(a, heads * e->v_head, sizeof *e->v);
    for (int i = 0; i < team_size(e->team); i++) {
        encoder_member *m = &e->members[i];
        arena_cut_row(a, &m->row, widest);
        m->m = arena_cut(a, ATTEND_ROWS, sizeof *m->m);
        m->l = arena_cut(a, ATTEND_ROWS, sizeof *m->l);
        m->acc = arena_cut(a, (size_t)ATTEND_ROWS * (size_t)e->v_dim, sizeof *m->acc);
        arena_cut_scratch(a, &m->scratch, product_rows, widest);
    }
}

// Room for n rows in a pass; what was in the memory before is lost.
static int make_room(encoder *e, int n, error *err) {
    if (n <= e->max_rows) return 0;
    mem_free_big(e->arena, e->arena_bytes);
    e->max_rows = n > LINEAR_MAX_ROWS ? n : LINEAR_MAX_ROWS;
    arena a = {0};
    cut_pass(e, &a);
    e->arena_bytes = a.used;
    e->arena = mem_alloc_big(e->arena_bytes);
    if (!e->arena) {
        e->max_rows = 0;
        return error_set(err, "no memory for a text of %d tokens (%zu MB); shorten it", n, e->arena_bytes >> 20);
    }
    a = (arena){.base = e->arena};
    cut_pass(e, &a);
    return 0;
}

// ---- texts ----

static int check(const encoder *e, const encoder_text *t, error *err) {
    if (t->n < 1) return error_set(err, "%s: a text has no tokens", model_file_path(e->file));
    if (t->n > e->config.n_ctx)
        return error_set(err, "%s: a text has %d tokens, the model reads %d; shorten it", model_file_path(e->file),
                         t->n, e->config.n_ctx);
    for (int i = 0; i < t->n; i++)
        if (t->ids[i] < 0 || t->ids[i] >= e->config.n_vocab)
            return error_set(err, "%s: token id %d is outside the vocabulary of %d", model_file_path(e->file),
                             (int)t->ids[i], e->config.n_vocab);
    return 0;
}

static void add_text(encoder *e, const encoder_text *t) {
    int first = e->n_rows, last = first + t->n - 1;
    memcpy(e->ids + first, t->ids, (size_t)t->n * sizeof *e->ids);
    for (int i = 0; i < t->n; i++) e->places[first + i] = i;
    for (int row = first; row <= last; row += ATTEND_ROWS) {
        int n = last - row + 1 < ATTEND_ROWS ? last - row + 1 : ATTEND_ROWS;
        e->pieces[e->n_pieces++] = (encoder_piece){row, n, first, last};
    }
    e->n_rows += t->n;
}

// Runs as many of the n texts as one pass holds, at least one; returns how many, -1 with a message.
static int run_some(encoder *e, const encoder_text *texts, int n, error *err) {
    int taken = 0, rows = 0;
    while (taken < n && (taken == 0 || texts[taken].n <= LINEAR_MAX_ROWS - rows)) {
        if (check(e, &texts[taken], err) != 0) return -1;
        rows += texts[taken++].n;
    }
    if (make_room(e, rows, err) != 0) return -1;
    e->n_rows = e->n_pieces = 0;
    for (int i = 0; i < taken; i++) add_text(e, &texts[i]);
    encoder_pass_run(e);
    return model_file_check(e->file, err) == 0 ? taken : -1; // what a file that shrank gave is nothing
}

// Sums are in double so that the mean of a long text loses nothing.
static void pool(const encoder *e, const float *x, int n, encoder_pooling pooling, float *out) {
    int width = e->config.n_embd;
    if (pooling == ENCODER_CLS) n = 1;
    for (int i = 0; i < width; i++) {
        double sum = 0;
        for (int t = 0; t < n; t++) sum += (double)x[(size_t)t * (size_t)width + (size_t)i];
        out[i] = (float)(sum / n);
    }
}

static double length_of(const float *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static int finish(const encoder *e, bool normalize, float *out, error *err) {
    int width = e->config.n_embd;
    double length = length_of(out, width);
    if (!isfinite(length))
        return error_set(err, "%s: the embedding of a text is no number: the weights are damaged; fetch them again",
                         model_file_path(e->file));
    if (normalize && length > 0)
        for (int i = 0; i < width; i++) out[i] = (float)((double)out[i] / length);
    return 0;
}

int encoder_embed(encoder *e, const encoder_text *texts, int n, encoder_pooling pooling, bool normalize, float *out,
                  error *err) {
    size_t width = (size_t)e->config.n_embd;
    for (int done = 0; done < n;) {
        int taken = run_some(e, texts + done, n - done, err);
        if (taken < 0) return -1;
        const float *x = e->x;
        for (int i = 0; i < taken; i++, done++, out += width) {
            pool(e, x, texts[done].n, pooling, out);
            if (finish(e, normalize, out, err) != 0) return -1;
            x += (size_t)texts[done].n * width;
        }
    }
    return 0;
}

int encoder_hidden(encoder *e, encoder_text text, const float **hidden, error *err) {
    if (run_some(e, &text, 1, err) < 0) return -1;
    *hidden = e->x;
    return 0;
}
