// The families doppel runs, and the checks that every description passes wherever it was read from.
#include "model/net/config.h"
#include "model/net/config_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const family families[] = {
    {.name = "llama", .gguf_name = "llama", .neox_in_json = true},
    {.name = "mistral", .neox_in_json = true},
    {.name = "qwen2", .gguf_name = "qwen2", .neox_in_gguf = true, .neox_in_json = true},
    {.name = "qwen3", .gguf_name = "qwen3", .neox_in_gguf = true, .neox_in_json = true, .qk_norm = true},
    {.name = "gpt2",
     .gguf_name = "gpt2",
     .norm = NORM_LAYER,
     .position = POSITION_LEARNED,
     .mlp = MLP_GELU_TANH,
     .tied_by_default = true},
    {.name = "gpt_neo",
     .norm = NORM_LAYER,
     .position = POSITION_LEARNED,
     .mlp = MLP_GELU_TANH,
     .tied_by_default = true},
    {.name = "gptj",
     .gguf_name = "gptj",
     .norm = NORM_LAYER,
     .mlp = MLP_GELU_TANH,
     .parallel_residual = true,
     .shared_norm = true},
    {.name = "gpt_neox",
     .gguf_name = "gptneox",
     .norm = NORM_LAYER,
     .mlp = MLP_GELU_ERF,
     .neox_in_gguf = true,
     .neox_in_json = true,
     .parallel_residual = true},
    {.name = "falcon",
     .gguf_name = "falcon",
     .norm = NORM_LAYER,
     .mlp = MLP_GELU_ERF,
     .neox_in_gguf = true,
     .neox_in_json = true,
     .parallel_residual = true,
     .tied_by_default = true},
    {.name = "mpt",
     .gguf_name = "mpt",
     .norm = NORM_LAYER,
     .position = POSITION_ALIBI,
     .mlp = MLP_GELU_ERF,
     .tied_by_default = true},
    {.name = "phi",
     .gguf_name = "phi2",
     .norm = NORM_LAYER,
     .mlp = MLP_GELU_TANH,
     .neox_in_gguf = true,
     .neox_in_json = true,
     .parallel_residual = true,
     .shared_norm = true},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

const family *family_by_name(const char *name) {
    for (int i = 0; i < N_FAMILIES; i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    return NULL;
}

const family *family_by_gguf_name(const char *name, size_t len) {
    for (int i = 0; i < N_FAMILIES; i++) {
        const char *known = families[i].gguf_name;
        if (known && strlen(known) == len && memcmp(known, name, len) == 0) return &families[i];
    }
    return NULL;
}

int family_unknown(const model_file *f, const char *name, size_t len, error *err) {
    char known[256] = "";
    for (int i = 0; i < N_FAMILIES; i++) {
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", families[i].name);
    }
    int shown = (int)(len < 64 ? len : 64);
    if (len >= 4 && memcmp(name + len - 4, "bert", 4) == 0)
        return error_set(
            err, "%s: a %.*s encoder, which makes embeddings and writes no text; the families that write are %s",
            model_file_path(f), shown, name, known);
    return error_set(err, "%s: a model of the family \"%.*s\", which doppel does not run; it runs %s",
                     model_file_path(f), shown, name, known);
}

void config_start(net_config *c, const family *fam) {
    *c = (net_config){
        .norm = fam->norm,
        .position = fam->position,
        .mlp = fam->mlp,
        .parallel_residual = fam->parallel_residual,
        .shared_norm = fam->shared_norm,
        .qk_norm = fam->qk_norm,
        .rope_theta = 10000,
        .rope_factor = 1,
        .rope_attn_factor = 1,
        .norm_eps = 1e-5f,
    };
    snprintf(c->family, sizeof c->family, "%s", fam->name);
}

float config_yarn_gain(double factor) {
    return factor > 1 ? (float)(0.1 * log(factor) + 1) : 1;
}

static int check_sizes(const net_config *c, const char *path, error *err) {
    const struct {
        const char *what;
        int value, max;
    } sizes[] = {
        {"layers", c->n_layers, NET_MAX_LAYERS},
        {"embedding components", c->n_embd, 1 << 16},
        {"attention heads", c->n_heads, 1 << 10},
        {"key/value heads", c->n_kv_heads, c->n_heads},
        {"components of a head", c->head_dim, 1 << 10},
        {"feed-forward components", c->n_ff, 1 << 20},
        {"tokens", c->n_vocab, 1 << 22},
        {"positions", c->n_ctx, 1 << 24},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].max)
            return error_set(
                err, "%s: the settings ask for %d %s, 1 to %d are possible: the file is damaged; fetch it again", path,
                sizes[i].value, sizes[i].what, sizes[i].max);
    if (c->n_heads % c->n_kv_heads != 0)
        return error_set(
            err, "%s: %d attention heads cannot share %d key/value heads evenly: the file is damaged; fetch it again",
            path, c->n_heads, c->n_kv_heads);
    for (int i = 0; i < c->n_layers; i++)
        if (c->window[i] < 0)
            return error_set(err, "%s: layer %d has an attention window of %d: the file is damaged; fetch it again",
                             path, i, c->window[i]);
    return 0;
}

// NaN fails every comparison and so is outside of every range.
static bool within(float x, float low, float high) {
    return x >= low && x <= high;
}

static int check_numbers(const net_config *c, const char *path, error *err) {
    const struct {
        const char *what;
        float value, low, high;
    } numbers[] = {
        {"the epsilon of the norms", c->norm_eps, 1e-30f, 0.5f},
        {"the scale of the attention scores", c->attn_scale, 1e-6f, 1e6f},
        {"the bound on queries, keys and values", c->attn_clip, 0, 1e9f},
        {"the largest ALiBi bias", c->position == POSITION_ALIBI ? c->alibi_max_bias : 1, 1e-6f, 1e6f},
        {"the rope base", c->rope_theta, 1.0001f, 1e15f},
        {"the rope scaling factor", c->rope_factor, 1e-6f, 1e6f},
        {"the rope attention factor", c->rope_attn_factor, 1e-6f, 1e6f},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!within(numbers[i].value, numbers[i].low, numbers[i].high))
            return error_set(err, "%s: %s is %g, %g to %g are possible: the file is damaged; fetch it again", path,
                             numbers[i].what, (double)numbers[i].value, (double)numbers[i].low,
                             (double)numbers[i].high);
    return 0;
}

static int check_rope(const net_config *c, const char *path, error *err) {
    if (c->rope_dim < 2 || c->rope_dim > c->head_dim || c->rope_dim % 2 != 0)
        return error_set(err,
                         "%s: rope is to turn %d of the %d components of a head, an even number up to them is possible",
                         path, c->rope_dim, c->head_dim);
    if (c->rope_scale != ROPE_LLAMA3 && c->rope_scale != ROPE_YARN) return 0;
    if (c->rope_original_ctx < 1)
        return error_set(err, "%s: rope scaling from a context of %d: the file is damaged; fetch it again", path,
                         c->rope_original_ctx);
    if (!within(c->rope_low_freq, 1e-6f, 1e6f) || !within(c->rope_high_freq, 1e-6f, 1e6f) ||
        c->rope_low_freq >= c->rope_high_freq)
        return error_set(err, "%s: rope scaling between the frequencies %g and %g: the file is damaged; fetch it again",
                         path, (double)c->rope_low_freq, (double)c->rope_high_freq);
    return 0;
}

int net_config_read(net_config *c, const model_file *f, error *err) {
    const char *path = model_file_path(f);
    int rc = model_file_gguf(f) ? config_read_gguf(c, f, err) : config_read_json(c, f, err);
    if (rc != 0 || check_sizes(c, path, err) != 0 || check_numbers(c, path, err) != 0) return -1;
    return c->position == POSITION_ROPE ? check_rope(c, path, err) : 0;
}
