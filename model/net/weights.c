// Building a net from a file: every tensor is looked up by name, its shape compared with the config, quantised ones
// repacked (which drops their pages of the file), small ones copied to float32.
#include "model/net/weights.h"
#include "model/net/rope.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct loader {
    net *n;
    const model_file *f;
    team *team;
    error *err;
} loader;

static const file_tensor *find(const loader *l, const char *fmt, va_list ap) {
    char name[TENSOR_MAX_NAME];
    vsnprintf(name, sizeof name, fmt, ap);
    return model_file_tensor(l->f, name);
}

__attribute__((format(printf, 2, 3))) static const file_tensor *tensor(const loader *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const file_tensor *t = find(l, fmt, ap);
    va_end(ap);
    return t;
}

static int missing(const loader *l, const char *name, int layer) {
    return error_set(l->err, "%s: tensor blk.%d.%s is missing; the file is incomplete or of an unsupported kind",
                     model_file_path(l->f), layer, name);
}

static int wrong_shape(const loader *l, const file_tensor *t, int rows, int cols) {
    return error_set(l->err, "%s: tensor %s is %lld x %lld, the settings ask for %d x %d; the file is damaged",
                     model_file_path(l->f), t->name, (long long)t->ne[1], (long long)t->ne[0], rows, cols);
}

// A vector of n floats, copied. t NULL gives NULL.
static int read_vector(const loader *l, const file_tensor *t, int n, float **out) {
    *out = NULL;
    if (!t) return 0;
    if (t->ne[0] != n || t->ne[1] != 1 || t->ne[2] != 1 || t->ne[3] != 1) return wrong_shape(l, t, 1, n);
    *out = mem_calloc((size_t)n, sizeof **out);
    quant_dequantize(t->type, t->data, 0, n, *out);
    return 0;
}

static int add_part(const loader *l, linear *into, const file_tensor *t, int rows, int cols) {
    if (t->ne[0] != cols || t->ne[1] != rows || t->ne[2] != 1 || t->ne[3] != 1) return wrong_shape(l, t, rows, cols);
    return linear_add_part(into, l->f, t, l->team, l->err);
}

// A layer of one matrix blk.I.NAME.weight with blk.I.NAME.bias if there is one.
static int read_linear(const loader *l, int i, const char *name, int rows, int cols, linear *out) {
    const file_tensor *w = tensor(l, "blk.%d.%s.weight", i, name);
    if (!w) return missing(l, name, i);
    if (add_part(l, out, w, rows, cols) != 0) return -1;
    return read_vector(l, tensor(l, "blk.%d.%s.bias", i, name), rows, &out->bias);
}

static int read_norm(const loader *l, const char *name, norm *out) {
    int n = l->n->config.n_embd;
    const file_tensor *w = tensor(l, "%s.weight", name);
    if (!w) return 0;
    if (read_vector(l, w, n, &out->weight) != 0) return -1;
    return read_vector(l, tensor(l, "%s.bias", name), n, &out->bias);
}

static int read_layer_norm(const loader *l, int i, const char *name, norm *out) {
    char full[TENSOR_MAX_NAME];
    snprintf(full, sizeof full, "blk.%d.%s", i, name);
    return read_norm(l, full, out);
}

// Several matrices that read the same input, and their biases side by side.
static int read_parts(const loader *l, int i, const char *const *names, const int *rows, int n, int cols, linear *out) {
    int total = 0;
    for (int k = 0; k < n; k++) total += rows[k];
    for (int k = 0, at = 0; k < n; at += rows[k++]) {
        const file_tensor *w = tensor(l, "blk.%d.%s.weight", i, names[k]);
        if (!w) return missing(l, names[k], i);
        if (add_part(l, out, w, rows[k], cols) != 0) return -1;
        float *bias;
        if (read_vector(l, tensor(l, "blk.%d.%s.bias", i, names[k]), rows[k], &bias) != 0) return -1;
        if (!bias) continue;
        if (!out->bias) out->bias = mem_calloc((size_t)total, sizeof *out->bias);
        memcpy(out->bias + at, bias, (size_t)rows[k] * sizeof *bias);
        free(bias);
    }
    return 0;
}

static int read_layer(const loader *l, int i) {
    const net_config *c = &l->n->config;
    layer *y = &l->n->layers[i];
    int q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    if (read_layer_norm(l, i, "attn_norm", &y->attn_norm) != 0) return -1;
    if (read_layer_norm(l, i, "ffn_norm", &y->ffn_norm) != 0) return -1;
    if (!y->attn_norm.weight) return missing(l, "attn_norm.weight", i);
    if (!y->ffn_norm.weight && !c->shared_norm) return missing(l, "ffn_norm.weight", i);
    if (c->qk_norm) {
        if (read_vector(l, tensor(l, "blk.%d.attn_q_norm.weight", i), c->head_dim, &y->q_norm) != 0) return -1;
        if (read_vector(l, tensor(l, "blk.%d.attn_k_norm.weight", i), c->head_dim, &y->k_norm) != 0) return -1;
        if (!y->q_norm || !y->k_norm) return missing(l, "attn_q_norm", i);
    }
    if (tensor(l, "blk.%d.attn_qkv.weight", i)) {
        if (read_linear(l, i, "attn_qkv", q + 2 * kv, c->n_embd, &y->qkv) != 0) return -1;
    } else {
        const char *const names[] = {"attn_q", "attn_k", "attn_v"};
        if (read_parts(l, i, names, (const int[]){q, kv, kv}, 3, c->n_embd, &y->qkv) != 0) return -1;
    }
    if (read_linear(l, i, "attn_output", c->n_embd, q, &y->out) != 0) return -1;
    if (c->mlp == MLP_GATED_SILU) {
        const char *const names[] = {"ffn_gate", "ffn_up"};
        if (read_parts(l, i, names, (const int[]){c->n_ff, c->n_ff}, 2, c->n_embd, &y->up) != 0) return -1;
    } else if (read_linear(l, i, "ffn_up", c->n_ff, c->n_embd, &y->up) != 0) {
        return -1;
    }
    return read_linear(l, i, "ffn_down", c->n_embd, c->n_ff, &y->down);
}

static int read_positions(const loader *l) {
    const net_config *c = &l->n->config;
    const file_tensor *t = tensor(l, "position_embd.weight");
    if (!t) return error_set(l->err, "%s: tensor position_embd.weight is missing", model_file_path(l->f));
    if (t->ne[0] != c->n_embd || t->ne[1] < c->n_ctx) return wrong_shape(l, t, c->n_ctx, c->n_embd);
    size_t row_bytes = tensor_row_bytes(t->type, c->n_embd);
    l->n->positions = mem_calloc((size_t)c->n_ctx * (size_t)c->n_embd, sizeof(float));
    for (int p = 0; p < c->n_ctx; p++)
        quant_dequantize(t->type, (const char *)t->data + (size_t)p * row_bytes, 0, c->n_embd,
                         l->n->positions + (size_t)p * (size_t)c->n_embd);
    return 0;
}

static int read_embedding(const loader *l) {
    net *n = l->n;
    const net_config *c = &n->config;
    const file_tensor *t = tensor(l, "token_embd.weight");
    if (!t) return error_set(l->err, "%s: tensor token_embd.weight is missing", model_file_path(l->f));
    if (t->ne[0] != c->n_embd || t->ne[1] != c->n_vocab) return wrong_shape(l, t, c->n_vocab, c->n_embd);
    const file_tensor *head = tensor(l, "output.weight");
    if (c->tied_head || !head) return add_part(l, &n->embedding, t, c->n_vocab, c->n_embd);
    n->raw_embedding = t;
    if (add_part(l, &n->head, head, c->n_vocab, c->n_embd) != 0) return -1;
    return read_vector(l, tensor(l, "output.bias"), c->n_vocab, &n->head.bias);
}

static int read_rope(const loader *l) {
    const net_config *c = &l->n->config;
    float *factors;
    const file_tensor *t = tensor(l, "rope_freqs.weight");
    if (read_vector(l, t, c->rope_dim / 2, &factors) != 0) return -1;
    l->n->inv_freq = mem_calloc((size_t)(c->rope_dim / 2), sizeof(float));
    rope_frequencies(c, factors, l->n->inv_freq);
    free(factors);
    return 0;
}

static int read_all(const loader *l) {
    net *n = l->n;
    const net_config *c = &n->config;
    if (read_embedding(l) != 0) return -1;
    if (c->position == POSITION_LEARNED && read_positions(l) != 0) return -1;
    if (c->position == POSITION_ROPE && read_rope(l) != 0) return -1;
    if (c->position == POSITION_ALIBI) {
        n->alibi_slopes = mem_calloc((size_t)c->n_heads, sizeof(float));
        alibi_slopes(c->n_heads, c->alibi_max_bias, n->alibi_slopes);
    }
    if (read_norm(l, "token_embd_norm", &n->embedding_norm) != 0) return -1;
    if (read_norm(l, "output_norm", &n->output_norm) != 0) return -1;
    if (!n->output_norm.weight)
        return error_set(l->err, "%s: tensor output_norm.weight is missing", model_file_path(l->f));
    for (int i = 0; i < c->n_layers; i++)
        if (read_layer(l, i) != 0) return -1;
    n->float_weights = n->layers[0].qkv.part[0].type == TENSOR_F32;
    return 0;
}

net *net_open(const model_file *f, int threads, error *err) {
    net *n = mem_calloc(1, sizeof *n);
    n->file = f;
    if (net_config_read(&n->config, f, err) != 0) {
        free(n);
        return NULL;
    }
    n->layers = mem_calloc((size_t)n->config.n_layers, sizeof *n->layers);
    loader l = {n, f, team_open(threads > 0 ? threads : team_cores(), err), err};
    int rc = l.team ? read_all(&l) : -1;
    team_close(l.team);
    if (rc != 0) {
        net_close(n);
        return NULL;
    }
    return n;
}

static void norm_close(norm *n) {
    free(n->weight);
    free(n->bias);
}

void net_close(net *n) {
    if (!n) return;
    for (int i = 0; i < n->config.n_layers; i++) {
        layer *y = &n->layers[i];
        norm_close(&y->attn_norm);
        norm_close(&y->ffn_norm);
        free(y->q_norm);
        free(y->k_norm);
        linear_close(&y->qkv);
        linear_close(&y->out);
        linear_close(&y->up);
        linear_close(&y->down);
    }
    free(n->layers);
    linear_close(&n->embedding);
    linear_close(&n->head);
    norm_close(&n->embedding_norm);
    norm_close(&n->output_norm);
    free(n->positions);
    free(n->inv_freq);
    free(n->alibi_slopes);
    free(n);
}

const net_config *net_get_config(const net *n) {
    return &n->config;
}

const linear *net_head(const net *n) {
    return n->head.n_parts ? &n->head : &n->embedding;
}

size_t net_bytes_per_token(const net *n) {
    size_t bytes = linear_bytes(net_head(n));
    for (int i = 0; i < n->config.n_layers; i++) {
        const layer *y = &n->layers[i];
        bytes += linear_bytes(&y->qkv) + linear_bytes(&y->out) + linear_bytes(&y->up) + linear_bytes(&y->down);
    }
    return bytes;
}

const char *net_kernels(void) {
    return kernels_get()->name;
}
