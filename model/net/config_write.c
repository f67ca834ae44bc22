// The reverse of config_gguf.c.
#include "model/net/config_write.h"
#include "model/net/config_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct writer {
    const net *net;
    const net_config *c;
    const char *arch;
    gguf_writer *w;
    error *err;
} writer;

enum { KEY_BYTES = 96 };

static void put_int(const writer *w, const char *name, int64_t v) {
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%s.%s", w->arch, name);
    gguf_write_int(w->w, key, v);
}

static void put_float(const writer *w, const char *name, float v) {
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%s.%s", w->arch, name);
    gguf_write_float(w->w, key, (double)v);
}

static void put_text(const writer *w, const char *name, const char *text) {
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%s.%s", w->arch, name);
    gguf_write_text(w->w, key, text, strlen(text));
}

static int cannot(const writer *w, const char *what) {
    return error_set(w->err, "%s: %s, which GGUF's settings cannot say; export it with --format hf",
                     model_file_path(w->net->file), what);
}

static void put_sizes(const writer *w) {
    const net_config *c = w->c;
    put_int(w, "vocab_size", c->n_vocab);
    put_int(w, "context_length", c->n_ctx);
    put_int(w, "embedding_length", c->n_embd);
    put_int(w, "block_count", c->n_layers);
    put_int(w, "feed_forward_length", c->n_ff);
    put_int(w, "attention.head_count", c->n_heads);
    put_int(w, "attention.head_count_kv", c->n_kv_heads);
    if (c->head_dim * c->n_heads != c->n_embd) {
        put_int(w, "attention.key_length", c->head_dim);
        put_int(w, "attention.value_length", c->head_dim);
    }
    bool rms = c->norm == NORM_RMS;
    put_float(w, rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", c->norm_eps);
}

static void put_rope(const writer *w) {
    const net_config *c = w->c;
    put_int(w, "rope.dimension_count", c->rope_dim);
    put_float(w, "rope.freq_base", c->rope_theta);
    if (c->rope_scale != ROPE_LINEAR && c->rope_scale != ROPE_YARN) return;
    put_text(w, "rope.scaling.type", c->rope_scale == ROPE_YARN ? "yarn" : "linear");
    put_float(w, "rope.scaling.factor", c->rope_factor);
    if (c->rope_scale != ROPE_YARN) return;
    put_int(w, "rope.scaling.original_context_length", c->rope_original_ctx);
    put_float(w, "rope.scaling.yarn_beta_slow", c->rope_low_freq);
    put_float(w, "rope.scaling.yarn_beta_fast", c->rope_high_freq);
    put_float(w, "rope.scaling.attn_factor", c->rope_attn_factor / config_yarn_gain((double)c->rope_factor));
}

// Only Llama's keys have a window, and one for all layers.
static int put_window(const writer *w) {
    const net_config *c = w->c;
    int window = c->window[0];
    for (int i = 1; i < c->n_layers; i++)
        if (c->window[i] != window) return cannot(w, "its layers have attention windows of their own");
    if (window == 0 || window >= c->n_ctx) return 0;
    if (strcmp(w->arch, "llama") != 0) return cannot(w, "it has an attention window");
    put_int(w, "attention.sliding_window", window);
    return 0;
}

static int put_attention(const writer *w, const family *fam) {
    const net_config *c = w->c;
    if (c->alibi_scaled) return cannot(w, "its positions are given by ALiBi");
    if (c->mlp != fam->mlp) return cannot(w, "its activation is not its family's usual one");
    if (strcmp(w->arch, "gptneox") == 0) {
        gguf_write_bool(w->w, "gptneox.use_parallel_residual", c->parallel_residual);
    } else if (c->parallel_residual != fam->parallel_residual) {
        return cannot(w, "its residual connections are not its family's usual ones");
    }
    if (fabsf(c->attn_scale * sqrtf((float)c->head_dim) - 1) > 1e-5f) put_float(w, "attention.scale", c->attn_scale);
    if (strcmp(w->arch, "mpt") == 0)
        put_float(w, "attention.max_alibi_bias", c->position == POSITION_ALIBI ? c->alibi_max_bias : 0);
    if (c->attn_clip > 0) put_float(w, "attention.clamp_kqv", c->attn_clip);
    if (c->position == POSITION_ROPE) put_rope(w);
    return put_window(w);
}

// Mistral is Llama with a window, and GGUF files of it call themselves so.
static const family *gguf_family(const net_config *c) {
    return family_by_name(strcmp(c->family, "mistral") == 0 ? "llama" : c->family);
}

const char *config_gguf_name(const net_config *c) {
    const family *fam = gguf_family(c);
    return fam ? fam->gguf_name : NULL;
}

int config_write_gguf(const net *n, gguf_writer *out, error *err) {
    const net_config *c = &n->config;
    const family *fam = gguf_family(c);
    if (!fam || !fam->gguf_name)
        return error_set(err, "%s: GGUF has no place for %s models; export it with --format hf",
                         model_file_path(n->file), c->family);
    writer w = {n, c, fam->gguf_name, out, err};
    gguf_write_text(out, "general.architecture", w.arch, strlen(w.arch));
    put_sizes(&w);
    return put_attention(&w, fam);
}

bool config_rope_factors(const net *n, float *out) {
    const net_config *c = &n->config;
    if (c->position != POSITION_ROPE || c->rope_scale != ROPE_LLAMA3) return false;
    for (int i = 0; i < c->rope_dim / 2; i++)
        out[i] = 1.0f / powf(c->rope_theta, (float)(2 * i) / (float)c->rope_dim) / n->inv_freq[i];
    return true;
}
