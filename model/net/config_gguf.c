// Settings from a GGUF file: the keys ARCH.block_count, ARCH.attention.head_count ... of the GGUF specification. What
// the keys leave out is either a rule (head width = width / heads) or seen from the tensors (size of the vocabulary,
// whether there is a head of its own).
#include "model/net/config_impl.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    const model_file *f;
    const gguf *g;
    const char *arch;
    net_config *c;
    error *err;
} reader;

enum { KEY_BYTES = 96 };

static void key_of(const reader *r, const char *name, char *key) {
    snprintf(key, KEY_BYTES, "%s.%s", r->arch, name);
}

// A count may be given once or once per layer; doppel's layers are all alike.
static int same_in_all_layers(const reader *r, const char *key, const gguf_array *a, int64_t *out) {
    bool integers =
        a->type != GGUF_STRING && a->type != GGUF_ARRAY && a->type != GGUF_FLOAT32 && a->type != GGUF_FLOAT64;
    if (a->n == 0 || !integers)
        return error_set(r->err, "%s: key %s is no list of integers: the file is damaged; fetch it again",
                         gguf_path(r->g), key);
    for (uint64_t i = 1; i < a->n; i++)
        if (gguf_array_int(a, i) != gguf_array_int(a, 0))
            return error_set(r->err, "%s: key %s differs from layer to layer, which doppel does not run",
                             gguf_path(r->g), key);
    *out = gguf_array_int(a, 0);
    return 1;
}

// 1 found, 0 absent (*out untouched), -1 with a message.
static int read_int(const reader *r, const char *name, int *out) {
    char key[KEY_BYTES];
    key_of(r, name, key);
    gguf_array a;
    int64_t v = 0;
    int found = gguf_get_array(r->g, key, &a, NULL);
    found = found == 1 ? same_in_all_layers(r, key, &a, &v) : gguf_get_int(r->g, key, &v, r->err);
    if (found != 1) return found;
    if (v < 0 || v > INT_MAX)
        return error_set(r->err, "%s: key %s is %lld, out of every range: the file is damaged; fetch it again",
                         gguf_path(r->g), key, (long long)v);
    *out = (int)v;
    return 1;
}

static int need_int(const reader *r, const char *name, int *out) {
    int found = read_int(r, name, out);
    if (found == 0)
        return error_set(r->err, "%s: key %s.%s is missing; take another conversion of the model", gguf_path(r->g),
                         r->arch, name);
    return found;
}

static int read_float(const reader *r, const char *name, float *out) {
    char key[KEY_BYTES];
    key_of(r, name, key);
    double v;
    int found = gguf_get_float(r->g, key, &v, r->err);
    if (found == 1) *out = (float)v;
    return found;
}

static int read_bool(const reader *r, const char *name, bool *out) {
    char key[KEY_BYTES];
    key_of(r, name, key);
    return gguf_get_bool(r->g, key, out, r->err);
}

static bool has_tensor(const reader *r, const char *name) {
    return model_file_tensor(r->f, name) != NULL;
}

static int read_sizes(const reader *r) {
    net_config *c = r->c;
    int experts = 0;
    const file_tensor *embedding = model_file_tensor(r->f, "token_embd.weight");
    if (!embedding)
        return error_set(r->err, "%s: tensor token_embd.weight is missing; the file holds no language model",
                         gguf_path(r->g));
    c->n_vocab = embedding->ne[1] > INT_MAX ? INT_MAX : (int)embedding->ne[1];
    if (need_int(r, "block_count", &c->n_layers) < 0 || need_int(r, "context_length", &c->n_ctx) < 0 ||
        need_int(r, "embedding_length", &c->n_embd) < 0 || need_int(r, "feed_forward_length", &c->n_ff) < 0 ||
        need_int(r, "attention.head_count", &c->n_heads) < 0)
        return -1;
    c->n_kv_heads = c->n_heads;
    c->head_dim = c->n_heads > 0 ? c->n_embd / c->n_heads : 0;
    int values = 0;
    if (read_int(r, "attention.head_count_kv", &c->n_kv_heads) < 0 ||
        read_int(r, "attention.key_length", &c->head_dim) < 0 || read_int(r, "attention.value_length", &values) < 0 ||
        read_int(r, "expert_count", &experts) < 0)
        return -1;
    if (values != 0 && values != c->head_dim)
        return error_set(r->err, "%s: keys have %d components and values %d, which doppel does not run",
                         gguf_path(r->g), c->head_dim, values);
    if (experts > 0)
        return error_set(r->err, "%s: a mixture of %d experts, which doppel does not run", gguf_path(r->g), experts);
    return 0;
}

static int read_norm_eps(const reader *r) {
    const char *name = r->c->norm == NORM_RMS ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
    int found = read_float(r, name, &r->c->norm_eps);
    if (found == 0)
        return error_set(r->err, "%s: key %s.%s is missing; take another conversion of the model", gguf_path(r->g),
                         r->arch, name);
    return found < 0 ? -1 : 0;
}

static int read_yarn(const reader *r) {
    net_config *c = r->c;
    float gain = 1;
    c->rope_low_freq = 1;
    c->rope_high_freq = 32;
    if (read_float(r, "rope.scaling.yarn_beta_slow", &c->rope_low_freq) < 0 ||
        read_float(r, "rope.scaling.yarn_beta_fast", &c->rope_high_freq) < 0 ||
        read_float(r, "rope.scaling.attn_factor", &gain) < 0)
        return -1;
    c->rope_scale = ROPE_YARN;
    c->rope_attn_factor = gain * config_yarn_gain((double)c->rope_factor);
    return 0;
}

// Llama 3's scaling is not here: converters write it as a tensor of divisors, rope_freqs.weight.
static int read_rope_scaling(const reader *r) {
    net_config *c = r->c;
    char key[KEY_BYTES];
    key_of(r, "rope.scaling.type", key);
    const char *type = "linear";
    size_t len = strlen(type);
    int factors = read_float(r, "rope.scaling.factor", &c->rope_factor);
    if (factors == 0) factors = read_float(r, "rope.scale_linear", &c->rope_factor);
    if (factors < 0 || gguf_get_string(r->g, key, &type, &len, r->err) < 0) return -1;
    c->rope_original_ctx = c->n_ctx;
    if (read_int(r, "rope.scaling.original_context_length", &c->rope_original_ctx) < 0) return -1;
    if (c->rope_factor == 0) c->rope_factor = 1;
    if (len == 4 && memcmp(type, "none", 4) == 0) {
        c->rope_factor = 1;
        return 0;
    }
    if (len == 4 && memcmp(type, "yarn", 4) == 0) return read_yarn(r);
    if (len == 6 && memcmp(type, "linear", 6) == 0) {
        c->rope_scale = c->rope_factor == 1 ? ROPE_PLAIN : ROPE_LINEAR;
        return 0;
    }
    return error_set(r->err, "%s: rope scaling \"%.*s\" is not known; none, linear and yarn are", gguf_path(r->g),
                     (int)(len < 32 ? len : 32), type);
}

static int read_rope(const reader *r) {
    net_config *c = r->c;
    c->rope_dim = c->head_dim;
    if (read_int(r, "rope.dimension_count", &c->rope_dim) < 0 || read_float(r, "rope.freq_base", &c->rope_theta) < 0)
        return -1;
    return read_rope_scaling(r);
}

static int read_alibi(const reader *r) {
    net_config *c = r->c;
    if (read_float(r, "attention.max_alibi_bias", &c->alibi_max_bias) < 0 ||
        read_float(r, "attention.clamp_kqv", &c->attn_clip) < 0)
        return -1;
    if (c->alibi_max_bias == 0 && has_tensor(r, "position_embd.weight")) c->position = POSITION_LEARNED;
    return 0;
}

static int read_attention(const reader *r) {
    net_config *c = r->c;
    float scale = 0;
    int window = 0;
    if (read_float(r, "attention.scale", &scale) < 0) return -1;
    c->attn_scale = scale > 0 ? scale : c->head_dim > 0 ? 1 / sqrtf((float)c->head_dim) : 0;
    // Only Mistral's window (its files call themselves llama) holds for all layers.
    if (strcmp(r->arch, "llama") == 0 && read_int(r, "attention.sliding_window", &window) < 0) return -1;
    for (int i = 0; i < NET_MAX_LAYERS; i++) c->window[i] = window;
    return 0;
}

int config_read_gguf(net_config *c, const model_file *f, error *err) {
    const gguf *g = model_file_gguf(f);
    const char *name;
    size_t len;
    int found = gguf_get_string(g, "general.architecture", &name, &len, err);
    if (found < 0) return -1;
    if (found == 0)
        return error_set(err, "%s: key general.architecture is missing; the file is no model", gguf_path(g));
    const family *fam = family_by_gguf_name(name, len);
    if (!fam) return family_unknown(f, name, len, err);
    config_start(c, fam);
    c->rope_neox = fam->neox_in_gguf;
    reader r = {f, g, fam->gguf_name, c, err};
    c->tied_head = !has_tensor(&r, "output.weight");
    if (read_sizes(&r) != 0 || read_norm_eps(&r) != 0 || read_attention(&r) != 0) return -1;
    if (c->position == POSITION_ROPE && read_rope(&r) != 0) return -1;
    if (c->position == POSITION_ALIBI && read_alibi(&r) != 0) return -1;
    if (read_bool(&r, "use_parallel_residual", &c->parallel_residual) < 0) return -1;
    if (c->parallel_residual) c->shared_norm = !has_tensor(&r, "blk.0.ffn_norm.weight");
    return 0;
}
