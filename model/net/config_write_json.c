// The reverse of config_json.c, for nets that came without a config.json.
#include "model/net/config_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    const net *net;
    const net_config *c;
    const char *dtype;
    buf *out;
    error *err;
} writer;

static void put_int(const writer *w, const char *name, int64_t v) {
    buf_printf(w->out, "  \"%s\": %lld,\n", name, (long long)v);
}

// The shortest text that gives the float again.
static void put_float(const writer *w, const char *name, float v) {
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    buf_printf(w->out, "  \"%s\": %s,\n", name, text);
}

static void put_text(const writer *w, const char *name, const char *v) {
    buf_printf(w->out, "  \"%s\": \"%s\",\n", name, v);
}

static void put_bool(const writer *w, const char *name, bool v) {
    buf_printf(w->out, "  \"%s\": %s,\n", name, v ? "true" : "false");
}

static int cannot(const writer *w, const char *what) {
    return error_set(w->err, "%s: %s, for which doppel writes no config.json; export it with --format gguf",
                     model_file_path(w->net->file), what);
}

static bool has(const writer *w, const char *tensor) {
    return model_file_tensor(w->net->file, tensor) != NULL;
}

static void put_kind(const writer *w, const char *type, const char *class) {
    buf_printf(w->out, "  \"architectures\": [\"%s\"],\n", class);
    put_text(w, "model_type", type);
}

// ---- rope ----

// Whether Llama 3's rule with these numbers gives the divisors that the GGUF holds as a tensor.
static bool explains(const net_config *c, const float *inv_freq, float factor, int original) {
    for (int i = 0; i < c->rope_dim / 2; i++) {
        float f = 1.0f / powf(c->rope_theta, (float)(2 * i) / (float)c->rope_dim);
        float wavelength = 6.283185307179586f / f, context = (float)original, want;
        float blend = (context / wavelength - 1) / 3;
        if (wavelength < context / 4)
            want = f;
        else if (wavelength > context)
            want = f / factor;
        else
            want = (1 - blend) * f / factor + blend * f;
        if (!(fabsf(inv_freq[i] / want - 1) < 1e-4f)) return false;
    }
    return true;
}

// Finds those numbers: the frequency boundaries are 1 and 4 in every model of the kind.
static int put_llama3(const writer *w) {
    const net_config *c = w->c;
    int last = c->rope_dim / 2 - 1;
    float factor = 1.0f / powf(c->rope_theta, (float)(2 * last) / (float)c->rope_dim) / w->net->inv_freq[last];
    factor = roundf(factor * 1000) / 1000;
    for (int original = 16; original <= 1 << 20; original *= 2) {
        if (!explains(c, w->net->inv_freq, factor, original)) continue;
        buf_printf(w->out,
                   "  \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": %.9g, \"low_freq_factor\": 1.0, "
                   "\"high_freq_factor\": 4.0, \"original_max_position_embeddings\": %d},\n",
                   (double)factor, original);
        return 0;
    }
    return cannot(w, "its rope frequencies follow no rule that is known");
}

static int put_rope(const writer *w) {
    const net_config *c = w->c;
    put_float(w, "rope_theta", c->rope_theta);
    if (has(w, "rope_freqs.weight")) return put_llama3(w);
    if (c->rope_scale == ROPE_LINEAR)
        buf_printf(w->out, "  \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": %.9g},\n",
                   (double)c->rope_factor);
    else if (c->rope_scale == ROPE_YARN)
        buf_printf(
            w->out,
            "  \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": %.9g, \"beta_slow\": %.9g, \"beta_fast\": "
            "%.9g, \"attention_factor\": %.9g, \"original_max_position_embeddings\": %d},\n",
            (double)c->rope_factor, (double)c->rope_low_freq, (double)c->rope_high_freq, (double)c->rope_attn_factor,
            c->rope_original_ctx);
    return 0;
}

// ---- families ----

// hidden_size and its like, as all but the oldest families spell them.
static void put_sizes(const writer *w) {
    const net_config *c = w->c;
    put_int(w, "hidden_size", c->n_embd);
    put_int(w, "intermediate_size", c->n_ff);
    put_int(w, "num_hidden_layers", c->n_layers);
    put_int(w, "num_attention_heads", c->n_heads);
    put_int(w, "max_position_embeddings", c->n_ctx);
}

static int put_llama(const writer *w) {
    const net_config *c = w->c;
    bool qwen2 = strcmp(c->family, "qwen2") == 0, qwen3 = strcmp(c->family, "qwen3") == 0;
    bool windowed = c->window[0] > 0 && !qwen2 && !qwen3;
    put_kind(w, windowed ? "mistral" : c->family,
             qwen2      ? "Qwen2ForCausalLM"
             : qwen3    ? "Qwen3ForCausalLM"
             : windowed ? "MistralForCausalLM"
                        : "LlamaForCausalLM");
    put_sizes(w);
    put_int(w, "num_key_value_heads", c->n_kv_heads);
    put_int(w, "head_dim", c->head_dim);
    put_text(w, "hidden_act", "silu");
    put_float(w, "rms_norm_eps", c->norm_eps);
    put_bool(w, "attention_bias", has(w, "blk.0.attn_output.bias"));
    if (!windowed && !qwen2 && !qwen3) put_bool(w, "mlp_bias", has(w, "blk.0.ffn_up.bias"));
    if (windowed) put_int(w, "sliding_window", c->window[0]);
    if (qwen2 || qwen3) put_bool(w, "use_sliding_window", false);
    return put_rope(w);
}

static int put_gpt2(const writer *w) {
    const net_config *c = w->c;
    put_kind(w, "gpt2", "GPT2LMHeadModel");
    put_int(w, "n_embd", c->n_embd);
    put_int(w, "n_inner", c->n_ff);
    put_int(w, "n_layer", c->n_layers);
    put_int(w, "n_head", c->n_heads);
    put_int(w, "n_positions", c->n_ctx);
    put_float(w, "layer_norm_epsilon", c->norm_eps);
    put_text(w, "activation_function", "gelu_new");
    return 0;
}

static int put_gptj(const writer *w) {
    const net_config *c = w->c;
    put_kind(w, "gptj", "GPTJForCausalLM");
    put_int(w, "n_embd", c->n_embd);
    put_int(w, "n_inner", c->n_ff);
    put_int(w, "n_layer", c->n_layers);
    put_int(w, "n_head", c->n_heads);
    put_int(w, "n_positions", c->n_ctx);
    put_int(w, "rotary_dim", c->rope_dim);
    put_float(w, "layer_norm_epsilon", c->norm_eps);
    put_text(w, "activation_function", "gelu_new");
    return 0;
}

static int put_neox(const writer *w) {
    const net_config *c = w->c;
    put_kind(w, "gpt_neox", "GPTNeoXForCausalLM");
    put_sizes(w);
    put_float(w, "rotary_pct", (float)c->rope_dim / (float)c->head_dim);
    put_float(w, "rotary_emb_base", c->rope_theta);
    put_float(w, "layer_norm_eps", c->norm_eps);
    put_text(w, "hidden_act", "gelu");
    put_bool(w, "use_parallel_residual", c->parallel_residual);
    return put_rope(w);
}

static int put_phi(const writer *w) {
    const net_config *c = w->c;
    put_kind(w, "phi", "PhiForCausalLM");
    put_sizes(w);
    put_float(w, "partial_rotary_factor", (float)c->rope_dim / (float)c->head_dim);
    put_float(w, "layer_norm_eps", c->norm_eps);
    put_text(w, "hidden_act", "gelu_new");
    return put_rope(w);
}

// The tokens that begin and end a text, where the GGUF names them.
static void put_ids(const writer *w) {
    static const char *const names[] = {"bos_token_id", "eos_token_id"};
    for (int i = 0; i < 2; i++) {
        char key[64];
        int64_t id;
        snprintf(key, sizeof key, "tokenizer.ggml.%s", names[i]);
        if (gguf_get_int(model_file_gguf(w->net->file), key, &id, NULL) == 1) put_int(w, names[i], id);
    }
}

int config_write_json(const net *n, const char *dtype, buf *out, error *err) {
    static const struct {
        const char *family;
        int (*put)(const writer *w);
    } families[] = {
        {"llama", put_llama}, {"qwen2", put_llama},   {"qwen3", put_llama}, {"gpt2", put_gpt2},
        {"gptj", put_gptj},   {"gpt_neox", put_neox}, {"phi", put_phi},
    };
    writer w = {n, &n->config, dtype, out, err};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strcmp(families[i].family, n->config.family) != 0) continue;
        buf_puts(out, "{\n");
        if (families[i].put(&w) != 0) return -1;
        put_ids(&w);
        put_bool(&w, "tie_word_embeddings", n->config.tied_head);
        put_text(&w, "torch_dtype", dtype);
        buf_printf(out, "  \"vocab_size\": %d\n}\n", n->config.n_vocab);
        return 0;
    }
    char what[64];
    snprintf(what, sizeof what, "it is a %s model", n->config.family);
    return cannot(&w, what);
}
