// Building a net from a file: every tensor is looked up by name and its shape compared with the config (loader.c),
// quantised ones repacked, which drops their pages of the file.
#include "model/net/weights.h"
#include "model/net/loader.h"
#include "model/net/rope.h"
#include "model/net/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

static bool has(const net *n, const char *name) {
    return model_file_tensor(n->file, name) != NULL;
}

static int read_attention(const loader *l, const net_config *c, int i, layer *y) {
    int q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    char fused[TENSOR_MAX_NAME];
    snprintf(fused, sizeof fused, "blk.%d.attn_qkv.weight", i);
    if (model_file_tensor(l->file, fused)) {
        if (loader_linear(l, q + 2 * kv, c->n_embd, &y->qkv, "blk.%d.attn_qkv", i) != 0) return -1;
    } else {
        if (loader_linear(l, q, c->n_embd, &y->qkv, "blk.%d.attn_q", i) != 0) return -1;
        if (loader_linear(l, kv, c->n_embd, &y->qkv, "blk.%d.attn_k", i) != 0) return -1;
        if (loader_linear(l, kv, c->n_embd, &y->qkv, "blk.%d.attn_v", i) != 0) return -1;
    }
    if (c->qk_norm) {
        norm q_norm = {0}, k_norm = {0};
        int rc = loader_norm(l, c->head_dim, &q_norm, "blk.%d.attn_q_norm", i);
        if (rc == 0) rc = loader_norm(l, c->head_dim, &k_norm, "blk.%d.attn_k_norm", i);
        y->q_norm = q_norm.weight;
        y->k_norm = k_norm.weight;
        free(q_norm.bias);
        free(k_norm.bias);
        if (rc != 0) return -1;
    }
    return loader_linear(l, c->n_embd, q, &y->out, "blk.%d.attn_output", i);
}

static int read_layer(const loader *l, const net_config *c, int i, layer *y) {
    if (loader_norm(l, c->n_embd, &y->attn_norm, "blk.%d.attn_norm", i) != 0) return -1;
    if (!c->shared_norm && loader_norm(l, c->n_embd, &y->ffn_norm, "blk.%d.ffn_norm", i) != 0) return -1;
    if (read_attention(l, c, i, y) != 0) return -1;
    if (c->mlp == MLP_GATED_SILU && loader_linear(l, c->n_ff, c->n_embd, &y->up, "blk.%d.ffn_gate", i) != 0) return -1;
    if (loader_linear(l, c->n_ff, c->n_embd, &y->up, "blk.%d.ffn_up", i) != 0) return -1;
    return loader_linear(l, c->n_embd, c->n_ff, &y->down, "blk.%d.ffn_down", i);
}

// Positions may be more than the context uses.
static int read_positions(const loader *l, net *n) {
    const net_config *c = &n->config;
    const file_tensor *t = model_file_tensor(n->file, "position_embd.weight");
    int rows = t && t->ne[1] > c->n_ctx && t->ne[1] < 1 << 24 ? (int)t->ne[1] : c->n_ctx;
    if (loader_table(l, rows, c->n_embd, &t, "position_embd.weight") != 0) return -1;
    size_t row_bytes = tensor_row_bytes(t->type, c->n_embd);
    n->positions = mem_calloc((size_t)c->n_ctx * (size_t)c->n_embd, sizeof(float));
    for (int p = 0; p < c->n_ctx; p++)
        quant_dequantize(t->type, (const char *)t->data + (size_t)p * row_bytes, 0, c->n_embd,
                         n->positions + (size_t)p * (size_t)c->n_embd);
    return 0;
}

static int read_embedding(const loader *l, net *n) {
    const net_config *c = &n->config;
    if (c->tied_head || !has(n, "output.weight"))
        return loader_linear(l, c->n_vocab, c->n_embd, &n->embedding, "token_embd");
    if (loader_table(l, c->n_vocab, c->n_embd, &n->raw_embedding, "token_embd.weight") != 0) return -1;
    return loader_linear(l, c->n_vocab, c->n_embd, &n->head, "output");
}

static int read_rope(const loader *l, net *n) {
    const net_config *c = &n->config;
    float *factors;
    if (loader_vector(l, c->rope_dim / 2, &factors, "rope_freqs.weight") != 0) return -1;
    n->inv_freq = mem_calloc((size_t)(c->rope_dim / 2), sizeof(float));
    rope_frequencies(c, factors, n->inv_freq);
    free(factors);
    return 0;
}

static int read_all(const loader *l, net *n) {
    const net_config *c = &n->config;
    if (read_embedding(l, n) != 0) return -1;
    if (c->position == POSITION_LEARNED && read_positions(l, n) != 0) return -1;
    if (c->position == POSITION_ROPE && read_rope(l, n) != 0) return -1;
    if (c->position == POSITION_ALIBI) {
        n->alibi_slopes = mem_calloc((size_t)c->n_heads, sizeof(float));
        alibi_slopes(c, n->alibi_slopes);
    }
    if (has(n, "token_embd_norm.weight") && loader_norm(l, c->n_embd, &n->embedding_norm, "token_embd_norm") != 0)
        return -1;
    if (loader_norm(l, c->n_embd, &n->output_norm, "output_norm") != 0) return -1;
    for (int i = 0; i < c->n_layers; i++)
        if (read_layer(l, c, i, &n->layers[i]) != 0) return -1;
    tensor_type type = n->layers[0].qkv.part[0].type;
    n->float_weights = type == TENSOR_F32 || type == TENSOR_BF16;
    return 0;
}

net *net_open(const model_file *f, int threads, error *err) {
    net *n = mem_calloc(1, sizeof *n);
    n->file = f;
    if (net_config_read(&n->config, f, err) != 0 || loader_check_memory(f, err) != 0) {
        free(n);
        return NULL;
    }
    n->hash = snapshot_hash_model(n);
    model_file_drop_all(f); // the samples lie all over it
    n->layers = mem_calloc((size_t)n->config.n_layers, sizeof *n->layers);
    loader l = {f, team_open(threads > 0 ? threads : team_cores(), err), err};
    int rc = l.team ? read_all(&l, n) : -1;
    team_close(l.team);
    model_file_drop_all(f);
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

int net_check(const net *n, error *err) {
    return model_file_check(n->file, err);
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
