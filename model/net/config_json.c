// Settings from a Hugging Face directory's config.json. Families spell the same setting in different ways, and newer
// versions of transformers move the rope settings into one object, rope_parameters; all spellings are looked for. What
// is left out has the value that transformers gives it.
#include "model/file/hfjson.h"
#include "model/file/hfnames.h"
#include "model/net/config_impl.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct reader {
    const model_file *f;
    const cJSON *json;
    net_config *c;
    error *err;
} reader;

// A setting's spellings, in the order they are looked for.
typedef const char *spellings[5];

static int wrong_kind(const reader *r, const char *name, const char *expected) {
    return error_set(r->err, "%s/config.json: %s is no %s; fetch the file again", model_file_path(r->f), name,
                     expected);
}

static int not_run(const reader *r, const char *what) {
    return error_set(r->err, "%s/config.json: %s, which doppel does not run", model_file_path(r->f), what);
}

// All readers: 1 found, 0 absent or null (*out untouched), -1 with a message.
static int read_int(const reader *r, const cJSON *o, const char *name, int *out) {
    int64_t v;
    int found = hfjson_get_int(o, name, &v);
    if (found < 0 || (found == 1 && (v < 0 || v > INT_MAX))) return wrong_kind(r, name, "whole number in range");
    if (found == 1) *out = (int)v;
    return found;
}

static int read_float(const reader *r, const cJSON *o, const char *name, float *out) {
    double v;
    int found = hfjson_get_number(o, name, &v);
    if (found < 0) return wrong_kind(r, name, "number");
    if (found == 1) *out = (float)v;
    return found;
}

static int read_bool(const reader *r, const cJSON *o, const char *name, bool *out) {
    int found = hfjson_get_bool(o, name, out);
    return found < 0 ? wrong_kind(r, name, "true or false") : found;
}

static int read_string(const reader *r, const cJSON *o, const char *name, const char **out) {
    int found = hfjson_get_string(o, name, out);
    return found < 0 ? wrong_kind(r, name, "string") : found;
}

static int read_spelled(const reader *r, const spellings names, int *out) {
    int found = 0;
    for (int i = 0; names[i] && found == 0; i++) found = read_int(r, r->json, names[i], out);
    return found;
}

static int need_spelled(const reader *r, const spellings names, int *out) {
    int found = read_spelled(r, names, out);
    if (found == 0)
        return error_set(r->err, "%s/config.json: %s is missing; fetch the file again", model_file_path(r->f),
                         names[0]);
    return found;
}

static bool is_family(const reader *r, const char *name) {
    return strcmp(r->c->family, name) == 0;
}

// There, even if null.
static bool is_given(const reader *r, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(r->json, name) != NULL;
}

static const cJSON *object_in(const cJSON *o, const char *name) {
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsObject(m) ? m : NULL;
}

static int read_vocabulary(const reader *r) {
    const file_tensor *t = model_file_tensor(r->f, "token_embd.weight");
    if (!t)
        return error_set(r->err,
                         "%s: has no tensor of token embeddings; the files do not belong together: fetch them again",
                         model_file_path(r->f));
    r->c->n_vocab = t->ne[1] > INT_MAX ? INT_MAX : (int)t->ne[1];
    int said = r->c->n_vocab;
    if (read_int(r, r->json, "vocab_size", &said) < 0) return -1;
    if (said == r->c->n_vocab) return 0;
    return error_set(r->err,
                     "%s/config.json: vocab_size is %d, but there are embeddings of %d tokens; fetch the files again",
                     model_file_path(r->f), said, r->c->n_vocab);
}

// How many positions a family has when max_position_embeddings is left out.
static int default_context(const reader *r) {
    if (is_family(r, "gpt2")) return 1024;
    if (is_family(r, "qwen2") || is_family(r, "qwen3")) return 32768;
    return is_family(r, "mistral") ? 131072 : 2048;
}

static int default_kv_heads(const reader *r) {
    if (is_given(r, "num_key_value_heads")) return r->c->n_heads; // null
    if (is_family(r, "mistral")) return 8;
    return is_family(r, "qwen2") || is_family(r, "qwen3") ? 32 : r->c->n_heads;
}

// Where it is left out, the weights tell; the old families' rule is four times the width.
static int read_feed_forward(const reader *r) {
    net_config *c = r->c;
    int found = read_spelled(r, (spellings){"intermediate_size", "n_inner", "ffn_hidden_size"}, &c->n_ff);
    if (found != 0) return found;
    if (c->mlp == MLP_GATED_SILU || is_family(r, "gpt_neox") || is_family(r, "phi"))
        return need_spelled(r, (spellings){"intermediate_size"}, &c->n_ff);
    const file_tensor *up = model_file_tensor(r->f, "blk.0.ffn_up.weight");
    int64_t rows = up ? up->ne[1] : 4 * (int64_t)c->n_embd;
    c->n_ff = rows > INT_MAX ? INT_MAX : (int)rows;
    return 0;
}

static int read_sizes(const reader *r) {
    net_config *c = r->c;
    if (need_spelled(r, (spellings){"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, &c->n_layers) < 0 ||
        need_spelled(r, (spellings){"hidden_size", "n_embd", "d_model"}, &c->n_embd) < 0 ||
        need_spelled(r, (spellings){"num_attention_heads", "n_head", "n_heads", "num_heads"}, &c->n_heads) < 0)
        return -1;
    c->n_ctx = default_context(r);
    c->n_kv_heads = c->n_heads;
    c->head_dim = c->n_heads > 0 ? c->n_embd / c->n_heads : 0;
    if (is_family(r, "qwen3") && !is_given(r, "head_dim")) c->head_dim = 128;
    if (read_spelled(r, (spellings){"max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"}, &c->n_ctx) < 0 ||
        read_int(r, r->json, "head_dim", &c->head_dim) < 0)
        return -1;
    if (c->mlp == MLP_GATED_SILU || is_family(r, "phi")) {
        c->n_kv_heads = is_family(r, "phi") ? c->n_heads : default_kv_heads(r);
        if (read_int(r, r->json, "num_key_value_heads", &c->n_kv_heads) < 0) return -1;
    }
    return read_feed_forward(r) < 0 ? -1 : read_vocabulary(r);
}

static int read_norm_eps(const reader *r) {
    const spellings names = {"rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps"};
    r->c->norm_eps = r->c->norm == NORM_RMS ? 1e-6f : 1e-5f;
    int found = 0;
    for (int i = 0; names[i] && found == 0; i++) found = read_float(r, r->json, names[i], &r->c->norm_eps);
    return found < 0 ? -1 : 0;
}

static int read_activation(const reader *r) {
    static const struct {
        const char *name;
        bool gated;
        mlp_kind kind;
    } known[] = {
        {"silu", true, MLP_GATED_SILU},
        {"swish", true, MLP_GATED_SILU},
        {"gelu_new", false, MLP_GELU_TANH},
        {"gelu_fast", false, MLP_GELU_TANH},
        {"gelu_pytorch_tanh", false, MLP_GELU_TANH},
        {"gelu_accurate", false, MLP_GELU_TANH},
        {"gelu", false, MLP_GELU_ERF},
        {"gelu_python", false, MLP_GELU_ERF},
    };
    const spellings names = {"hidden_act", "activation_function", "activation"};
    const char *name = NULL;
    int found = 0;
    for (int i = 0; names[i] && found == 0; i++) found = read_string(r, r->json, names[i], &name);
    if (found <= 0) return found;
    bool gated = r->c->mlp == MLP_GATED_SILU;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0 || known[i].gated != gated) continue;
        r->c->mlp = known[i].kind;
        return 0;
    }
    return error_set(r->err, "%s/config.json: the activation \"%.32s\" is not one that doppel has for %s; it has %s",
                     model_file_path(r->f), name, r->c->family,
                     gated ? "silu" : "gelu, gelu_new and gelu_pytorch_tanh");
}

static int read_linear_scaling(const reader *r, const cJSON *scaling) {
    r->c->rope_scale = ROPE_LINEAR;
    return read_float(r, scaling, "factor", &r->c->rope_factor) < 0 ? -1 : 0;
}

static int read_llama3_scaling(const reader *r, const cJSON *scaling) {
    net_config *c = r->c;
    c->rope_scale = ROPE_LLAMA3;
    c->rope_factor = 8;
    c->rope_low_freq = 1;
    c->rope_high_freq = 4;
    c->rope_original_ctx = c->n_ctx;
    if (read_float(r, scaling, "factor", &c->rope_factor) < 0 ||
        read_float(r, scaling, "low_freq_factor", &c->rope_low_freq) < 0 ||
        read_float(r, scaling, "high_freq_factor", &c->rope_high_freq) < 0 ||
        read_int(r, scaling, "original_max_position_embeddings", &c->rope_original_ctx) < 0)
        return -1;
    return 0;
}

// 1 + 0.1 m ln(factor), the factor on cos and sin unless the file gives one; DeepSeek's form has one such term above
// and one below.
static float yarn_gain(double factor, double above, double below) {
    if (above == 0 || below == 0) return config_yarn_gain(factor);
    return (float)((1 + above * (double)(config_yarn_gain(factor) - 1)) /
                   (1 + below * (double)(config_yarn_gain(factor) - 1)));
}

static int read_yarn_scaling(const reader *r, const cJSON *scaling) {
    net_config *c = r->c;
    float above = 0, below = 0;
    bool truncate = true;
    c->rope_scale = ROPE_YARN;
    c->rope_low_freq = 1;
    c->rope_high_freq = 32;
    c->rope_original_ctx = c->n_ctx;
    if (read_int(r, scaling, "original_max_position_embeddings", &c->rope_original_ctx) < 0) return -1;
    c->rope_factor = c->rope_original_ctx > 0 ? (float)c->n_ctx / (float)c->rope_original_ctx : 0;
    if (read_float(r, scaling, "factor", &c->rope_factor) < 0 ||
        read_float(r, scaling, "beta_slow", &c->rope_low_freq) < 0 ||
        read_float(r, scaling, "beta_fast", &c->rope_high_freq) < 0 || read_float(r, scaling, "mscale", &above) < 0 ||
        read_float(r, scaling, "mscale_all_dim", &below) < 0 || read_bool(r, scaling, "truncate", &truncate) < 0)
        return -1;
    if (!truncate) return not_run(r, "YaRN with truncate off");
    c->rope_attn_factor = yarn_gain((double)c->rope_factor, (double)above, (double)below);
    return read_float(r, scaling, "attention_factor", &c->rope_attn_factor) < 0 ? -1 : 0;
}

static int read_rope_scaling(const reader *r, const cJSON *scaling) {
    const char *type = "default";
    int found = read_string(r, scaling, "rope_type", &type);
    if (found == 0) found = read_string(r, scaling, "type", &type);
    if (found < 0) return -1;
    // "dynamic" differs from the default only beyond the positions the model was trained for, which doppel never uses.
    if (strcmp(type, "default") == 0 || strcmp(type, "dynamic") == 0) return 0;
    if (strcmp(type, "linear") == 0) return read_linear_scaling(r, scaling);
    if (strcmp(type, "llama3") == 0) return read_llama3_scaling(r, scaling);
    if (strcmp(type, "yarn") == 0) return read_yarn_scaling(r, scaling);
    return error_set(r->err,
                     "%s/config.json: rope scaling \"%.32s\" is not known; linear, llama3, yarn and dynamic are",
                     model_file_path(r->f), type);
}

static int read_rope(const reader *r) {
    net_config *c = r->c;
    const cJSON *all = object_in(r->json, "rope_parameters"), *scaling = object_in(r->json, "rope_scaling");
    float part = is_family(r, "gpt_neox") ? 0.25f : is_family(r, "phi") ? 0.5f : 1.0f;
    if (object_in(all, "full_attention") || object_in(all, "sliding_attention"))
        return not_run(r, "rope parameters that differ by the kind of layer");
    int found = read_float(r, all, "rope_theta", &c->rope_theta);
    if (found == 0) found = read_float(r, r->json, "rope_theta", &c->rope_theta);
    if (found == 0) found = read_float(r, r->json, "rotary_emb_base", &c->rope_theta);
    if (found < 0) return -1;
    found = read_float(r, all, "partial_rotary_factor", &part);
    if (found == 0) found = read_float(r, r->json, "partial_rotary_factor", &part);
    if (found == 0) found = read_float(r, r->json, "rotary_pct", &part);
    if (found < 0) return -1;
    c->rope_dim = part > 0 && part <= 1 ? (int)((float)c->head_dim * part) : 0;
    if (is_family(r, "gptj")) {
        c->rope_dim = 64;
        if (read_int(r, r->json, "rotary_dim", &c->rope_dim) < 0) return -1;
    }
    return read_rope_scaling(r, all ? all : scaling);
}

// One window for the layers that layer_types calls sliding, or for all from first_layer on where there is no such list.
static int read_windows(const reader *r, int window, int first_layer) {
    net_config *c = r->c;
    const cJSON *types = cJSON_GetObjectItemCaseSensitive(r->json, "layer_types");
    int i = 0;
    if (!cJSON_IsArray(types)) {
        for (i = first_layer; i >= 0 && i < c->n_layers && i < NET_MAX_LAYERS; i++) c->window[i] = window;
        return 0;
    }
    for (const cJSON *type = types->child; type; type = type->next) {
        const char *name = cJSON_IsString(type) ? type->valuestring : "";
        bool sliding = strcmp(name, "sliding_attention") == 0;
        if (!sliding && strcmp(name, "full_attention") != 0) return not_run(r, "a kind of layer in layer_types");
        if (i < NET_MAX_LAYERS) c->window[i++] = sliding ? window : 0;
    }
    if (i == c->n_layers) return 0;
    return error_set(r->err, "%s/config.json: layer_types has %d entries for %d layers; fetch the file again",
                     model_file_path(r->f), i, c->n_layers);
}

static int read_mistral(const reader *r) {
    int window = is_given(r, "sliding_window") ? 0 : 4096;
    if (read_int(r, r->json, "sliding_window", &window) < 0) return -1;
    return read_windows(r, window, 0);
}

static int read_qwen(const reader *r) {
    bool uses = false;
    int window = is_given(r, "sliding_window") ? 0 : 4096, first = 28;
    if (read_bool(r, r->json, "use_sliding_window", &uses) < 0 || read_int(r, r->json, "sliding_window", &window) < 0 ||
        read_int(r, r->json, "max_window_layers", &first) < 0)
        return -1;
    return read_windows(r, uses ? window : 0, first);
}

static int read_gpt2(const reader *r) {
    bool scaled = true, by_layer = false;
    if (read_bool(r, r->json, "scale_attn_weights", &scaled) < 0 ||
        read_bool(r, r->json, "scale_attn_by_inverse_layer_idx", &by_layer) < 0)
        return -1;
    if (by_layer) return not_run(r, "scale_attn_by_inverse_layer_idx");
    if (!scaled) r->c->attn_scale = 1;
    return 0;
}

// The window of a layer of this kind: 0 for "global"; -1 for no kind at all.
static int neo_window(const cJSON *kind, int window) {
    const char *name = cJSON_IsString(kind) ? kind->valuestring : "";
    if (strcmp(name, "global") == 0) return 0;
    return strcmp(name, "local") == 0 ? window : -1;
}

// One entry of attention_types, [["global", "local"], 6]: the kinds of so many pairs of layers from *layer on.
static int read_neo_entry(const reader *r, const cJSON *entry, int window, int *layer) {
    const cJSON *kinds = entry->child;
    int64_t times = kinds ? hfjson_count(kinds->next) : -1;
    if (!cJSON_IsArray(kinds) || times < 0) return wrong_kind(r, "attention_types", "list of lists and numbers");
    for (int64_t n = 0; n < times && kinds->child && *layer <= NET_MAX_LAYERS; n++) {
        for (const cJSON *kind = kinds->child; kind && *layer <= NET_MAX_LAYERS; kind = kind->next, ++*layer) {
            int w = neo_window(kind, window);
            if (w < 0) return wrong_kind(r, "attention_types", "list of global and local");
            if (*layer < NET_MAX_LAYERS) r->c->window[*layer] = w;
        }
    }
    return 0;
}

// Every other layer is local where attention_types is left out.
static int read_gpt_neo(const reader *r) {
    net_config *c = r->c;
    const cJSON *types = cJSON_GetObjectItemCaseSensitive(r->json, "attention_types");
    int window = 256, layer = 0;
    c->attn_scale = 1;
    if (read_int(r, r->json, "window_size", &window) < 0) return -1;
    if (!cJSON_IsArray(types)) {
        for (int i = 1; i < c->n_layers && i < NET_MAX_LAYERS; i += 2) c->window[i] = window;
        return 0;
    }
    for (const cJSON *entry = types->child; entry; entry = entry->next)
        if (read_neo_entry(r, entry, window, &layer) != 0) return -1;
    if (layer == c->n_layers) return 0;
    return error_set(
        r->err, "%s/config.json: attention_types describes other layers than the %d there are; fetch the file again",
        model_file_path(r->f), c->n_layers);
}

static int read_falcon(const reader *r) {
    net_config *c = r->c;
    bool grouped = false, shared = true, alibi = false, parallel = true;
    name_grouping g;
    if (read_bool(r, r->json, "new_decoder_architecture", &grouped) < 0 ||
        read_bool(r, r->json, "multi_query", &shared) < 0 || read_bool(r, r->json, "alibi", &alibi) < 0 ||
        read_bool(r, r->json, "parallel_attn", &parallel) < 0)
        return -1;
    if (hfnames_grouping("falcon", r->json, &g) != 0) return not_run(r, "numbers of heads that make no sense");
    c->n_kv_heads = g.n_groups ? g.n_groups : 1;
    c->parallel_residual = parallel || grouped || g.queries > 1;
    if (!alibi) return 0;
    c->position = POSITION_ALIBI;
    c->alibi_max_bias = 8;
    c->alibi_scaled = true;
    return 0;
}

static int read_mpt(const reader *r) {
    net_config *c = r->c;
    const cJSON *attn = object_in(r->json, "attn_config"),
                *logits = cJSON_GetObjectItemCaseSensitive(r->json, "logit_scale");
    const char *kind = "multihead_attention";
    bool alibi = true, norms = false, prefix = false;
    c->alibi_max_bias = 8;
    if (read_string(r, attn, "attn_type", &kind) < 0 || read_bool(r, attn, "alibi", &alibi) < 0 ||
        read_bool(r, attn, "qk_ln", &norms) < 0 || read_bool(r, attn, "prefix_lm", &prefix) < 0 ||
        read_float(r, attn, "alibi_bias_max", &c->alibi_max_bias) < 0 ||
        read_float(r, attn, "clip_qkv", &c->attn_clip) < 0 || read_float(r, attn, "softmax_scale", &c->attn_scale) < 0)
        return -1;
    if (strcmp(kind, "multihead_attention") != 0) return not_run(r, "an attn_type other than multihead_attention");
    if (norms || prefix) return not_run(r, "qk_ln or prefix_lm");
    if (logits && !cJSON_IsNull(logits)) return not_run(r, "logit_scale");
    if (!alibi && model_file_tensor(r->f, "position_embd.weight")) c->position = POSITION_LEARNED;
    return 0;
}

static int read_parallel(const reader *r) {
    bool norms = false;
    if (read_bool(r, r->json, "use_parallel_residual", &r->c->parallel_residual) < 0 ||
        read_bool(r, r->json, "qk_layernorm", &norms) < 0)
        return -1;
    return norms ? not_run(r, "qk_layernorm") : 0;
}

// What only one family has.
static int read_family(const reader *r) {
    static const struct {
        const char *family;
        int (*read)(const reader *r);
    } readers[] = {
        {"mistral", read_mistral}, {"qwen2", read_qwen},        {"qwen3", read_qwen},
        {"gpt2", read_gpt2},       {"gpt_neo", read_gpt_neo},   {"falcon", read_falcon},
        {"mpt", read_mpt},         {"gpt_neox", read_parallel}, {"phi", read_parallel},
    };
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (is_family(r, readers[i].family)) return readers[i].read(r);
    return 0;
}

static int read_head(const reader *r, const family *fam) {
    net_config *c = r->c;
    c->tied_head = fam->tied_by_default;
    if (read_bool(r, r->json, "tie_word_embeddings", &c->tied_head) < 0) return -1;
    if (c->tied_head || model_file_tensor(r->f, "output.weight")) return 0;
    return error_set(r->err,
                     "%s: has no output matrix (lm_head), and config.json does not tie it; fetch the files again",
                     model_file_path(r->f));
}

int config_read_json(net_config *c, const model_file *f, error *err) {
    const cJSON *json = model_file_json(f);
    const char *name = hfnames_family(json);
    const family *fam = name ? family_by_name(name) : NULL;
    if (!fam) return family_unknown(f, name ? name : "", name ? strlen(name) : 0, err);
    config_start(c, fam);
    c->rope_neox = fam->neox_in_json;
    reader r = {f, json, c, err};
    if (read_sizes(&r) != 0 || read_norm_eps(&r) != 0 || read_activation(&r) < 0 || read_head(&r, fam) != 0) return -1;
    c->attn_scale = c->head_dim > 0 ? 1 / sqrtf((float)c->head_dim) : 0;
    if (read_family(&r) != 0) return -1;
    if (c->position == POSITION_ROPE && read_rope(&r) != 0) return -1;
    if (c->parallel_residual) c->shared_norm = !model_file_tensor(f, "blk.0.ffn_norm.weight");
    return 0;
}
