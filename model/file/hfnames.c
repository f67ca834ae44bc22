// Names are taken apart as [prefix][layers N .]module.leaf; tables give GGUF's name for the module. A module of a layer
// that no table has means arithmetic that doppel does not do, so it is an error; anything strange outside of the layers
// (poolers, classification heads) is left alone.
#include "model/file/hfnames.h"
#include "model/file/hfjson.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct name_rule {
    const char *from, *to; // to NULL: known and not needed
    name_change change;
} name_rule;

struct name_map {
    const char *family, *prefix, *layers;
    const name_rule *outer, *inner; // end with an empty rule
};

static const name_rule llama_outer[] = {
    {"embed_tokens", "token_embd", 0}, {"norm", "output_norm", 0}, {"lm_head", "output", 0}, {0}};
static const name_rule llama_inner[] = {
    {"input_layernorm", "attn_norm", 0},
    {"self_attn.q_proj", "attn_q", 0},
    {"self_attn.k_proj", "attn_k", 0},
    {"self_attn.v_proj", "attn_v", 0},
    {"self_attn.o_proj", "attn_output", 0},
    {"self_attn.q_norm", "attn_q_norm", 0},
    {"self_attn.k_norm", "attn_k_norm", 0},
    {"self_attn.rotary_emb", NULL, 0},
    {"post_attention_layernorm", "ffn_norm", 0},
    {"mlp.gate_proj", "ffn_gate", 0},
    {"mlp.up_proj", "ffn_up", 0},
    {"mlp.down_proj", "ffn_down", 0},
    {0},
};

static const name_rule gpt2_outer[] = {
    {"wte", "token_embd", 0}, {"wpe", "position_embd", 0}, {"ln_f", "output_norm", 0}, {"lm_head", "output", 0}, {0}};
static const name_rule gpt2_inner[] = {
    {"ln_1", "attn_norm", 0},
    {"attn", NULL, 0},
    {"attn.c_attn", "attn_qkv", CHANGE_TRANSPOSE},
    {"attn.c_proj", "attn_output", CHANGE_TRANSPOSE},
    {"ln_2", "ffn_norm", 0},
    {"mlp.c_fc", "ffn_up", CHANGE_TRANSPOSE},
    {"mlp.c_proj", "ffn_down", CHANGE_TRANSPOSE},
    {0},
};
static const name_rule gpt_neo_inner[] = {
    {"ln_1", "attn_norm", 0},
    {"attn.attention", NULL, 0},
    {"attn.attention.q_proj", "attn_q", 0},
    {"attn.attention.k_proj", "attn_k", 0},
    {"attn.attention.v_proj", "attn_v", 0},
    {"attn.attention.out_proj", "attn_output", 0},
    {"ln_2", "ffn_norm", 0},
    {"mlp.c_fc", "ffn_up", 0},
    {"mlp.c_proj", "ffn_down", 0},
    {0},
};
static const name_rule gptj_inner[] = {
    {"ln_1", "attn_norm", 0},
    {"attn", NULL, 0},
    {"attn.q_proj", "attn_q", 0},
    {"attn.k_proj", "attn_k", 0},
    {"attn.v_proj", "attn_v", 0},
    {"attn.out_proj", "attn_output", 0},
    {"mlp.fc_in", "ffn_up", 0},
    {"mlp.fc_out", "ffn_down", 0},
    {0},
};

static const name_rule gpt_neox_outer[] = {
    {"embed_in", "token_embd", 0}, {"final_layer_norm", "output_norm", 0}, {"embed_out", "output", 0}, {0}};
static const name_rule gpt_neox_inner[] = {
    {"input_layernorm", "attn_norm", 0},
    {"attention", NULL, 0},
    {"attention.rotary_emb", NULL, 0},
    {"attention.query_key_value", "attn_qkv", CHANGE_REGROUP},
    {"attention.dense", "attn_output", 0},
    {"post_attention_layernorm", "ffn_norm", 0},
    {"mlp.dense_h_to_4h", "ffn_up", 0},
    {"mlp.dense_4h_to_h", "ffn_down", 0},
    {0},
};

static const name_rule falcon_outer[] = {
    {"word_embeddings", "token_embd", 0}, {"ln_f", "output_norm", 0}, {"lm_head", "output", 0}, {0}};
static const name_rule falcon_inner[] = {
    {"input_layernorm", "attn_norm", 0},
    {"ln_attn", "attn_norm", 0},
    {"self_attention.rotary_emb", NULL, 0},
    {"self_attention.maybe_rotary", NULL, 0},
    {"self_attention.query_key_value", "attn_qkv", CHANGE_REGROUP},
    {"self_attention.dense", "attn_output", 0},
    {"ln_mlp", "ffn_norm", 0},
    {"post_attention_layernorm", "ffn_norm", 0},
    {"mlp.dense_h_to_4h", "ffn_up", 0},
    {"mlp.dense_4h_to_h", "ffn_down", 0},
    {0},
};

static const name_rule mpt_outer[] = {
    {"wte", "token_embd", 0}, {"wpe", "position_embd", 0}, {"norm_f", "output_norm", 0}, {"lm_head", "output", 0}, {0}};
static const name_rule mpt_inner[] = {
    {"norm_1", "attn_norm", 0},
    {"attn.Wqkv", "attn_qkv", 0},
    {"attn.out_proj", "attn_output", 0},
    {"norm_2", "ffn_norm", 0},
    {"ffn.up_proj", "ffn_up", 0},
    {"ffn.down_proj", "ffn_down", 0},
    {0},
};

static const name_rule phi_outer[] = {
    {"embed_tokens", "token_embd", 0}, {"final_layernorm", "output_norm", 0}, {"lm_head", "output", 0}, {0}};
static const name_rule phi_inner[] = {
    {"input_layernorm", "attn_norm", 0},
    {"self_attn.q_proj", "attn_q", 0},
    {"self_attn.k_proj", "attn_k", 0},
    {"self_attn.v_proj", "attn_v", 0},
    {"self_attn.dense", "attn_output", 0},
    {"self_attn.rotary_emb", NULL, 0},
    {"mlp.fc1", "ffn_up", 0},
    {"mlp.fc2", "ffn_down", 0},
    {0},
};

static const name_rule bert_outer[] = {
    {"embeddings.word_embeddings", "token_embd", 0},
    {"embeddings.token_type_embeddings", "token_types", 0},
    {"embeddings.position_embeddings", "position_embd", 0},
    {"embeddings.LayerNorm", "token_embd_norm", 0},
    {0},
};
static const name_rule bert_inner[] = {
    {"attention.self.query", "attn_q", 0},
    {"attention.self.key", "attn_k", 0},
    {"attention.self.value", "attn_v", 0},
    {"attention.output.dense", "attn_output", 0},
    {"attention.output.LayerNorm", "attn_output_norm", 0},
    {"intermediate.dense", "ffn_up", 0},
    {"output.dense", "ffn_down", 0},
    {"output.LayerNorm", "layer_output_norm", 0},
    {0},
};
static const name_rule distilbert_inner[] = {
    {"attention.q_lin", "attn_q", 0},
    {"attention.k_lin", "attn_k", 0},
    {"attention.v_lin", "attn_v", 0},
    {"attention.out_lin", "attn_output", 0},
    {"sa_layer_norm", "attn_output_norm", 0},
    {"ffn.lin1", "ffn_up", 0},
    {"ffn.lin2", "ffn_down", 0},
    {"output_layer_norm", "layer_output_norm", 0},
    {0},
};

static const name_map maps[] = {
    {"llama", "model.", "layers.", llama_outer, llama_inner},
    {"mistral", "model.", "layers.", llama_outer, llama_inner},
    {"qwen2", "model.", "layers.", llama_outer, llama_inner},
    {"qwen3", "model.", "layers.", llama_outer, llama_inner},
    {"gpt2", "transformer.", "h.", gpt2_outer, gpt2_inner},
    {"gpt_neo", "transformer.", "h.", gpt2_outer, gpt_neo_inner},
    {"gptj", "transformer.", "h.", gpt2_outer, gptj_inner},
    {"gpt_neox", "gpt_neox.", "layers.", gpt_neox_outer, gpt_neox_inner},
    {"falcon", "transformer.", "h.", falcon_outer, falcon_inner},
    {"mpt", "transformer.", "blocks.", mpt_outer, mpt_inner},
    {"phi", "model.", "layers.", phi_outer, phi_inner},
    {"bert", "bert.", "encoder.layer.", bert_outer, bert_inner},
    {"distilbert", "distilbert.", "transformer.layer.", bert_outer, distilbert_inner},
};
enum { N_MAPS = sizeof maps / sizeof *maps };

const char *hfnames_family(const cJSON *config) {
    const char *type = NULL;
    if (hfjson_get_string(config, "model_type", &type) != 1) return NULL;
    if (strcmp(type, "RefinedWeb") == 0 || strcmp(type, "RefinedWebModel") == 0) return "falcon";
    return type;
}

const name_map *hfnames_of(const char *family) {
    for (int i = 0; i < N_MAPS; i++)
        if (strcmp(maps[i].family, family) == 0) return &maps[i];
    return NULL;
}

void hfnames_list(buf *out) {
    for (int i = 0; i < N_MAPS; i++) buf_printf(out, "%s%s", i ? ", " : "", maps[i].family);
}

static bool starts(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

// Reads "N." at the front; NULL when it is not there or N has more than four digits.
static const char *skip_layer(const char *s, int *layer) {
    int n = 0, digits = 0;
    for (; s[digits] >= '0' && s[digits] <= '9' && digits < 5; digits++) n = n * 10 + (s[digits] - '0');
    if (digits < 1 || digits > 4 || s[digits] != '.') return NULL;
    *layer = n;
    return s + digits + 1;
}

// "weight" or "bias" (older BERTs say gamma and beta); NULL for buffers, masks and whatever else.
static const char *leaf_of(const char *s) {
    if (strcmp(s, "weight") == 0 || strcmp(s, "gamma") == 0) return "weight";
    if (strcmp(s, "bias") == 0 || strcmp(s, "beta") == 0) return "bias";
    return NULL;
}

static const name_rule *rule_of(const name_rule *rules, const char *module, size_t len) {
    for (; rules->from; rules++)
        if (strlen(rules->from) == len && memcmp(rules->from, module, len) == 0) return rules;
    return NULL;
}

int hfnames_translate(const name_map *m, const char *name, char out[TENSOR_MAX_NAME], name_change *change) {
    int layer = -1;
    if (starts(name, m->prefix)) name += strlen(m->prefix);
    if (starts(name, m->layers)) {
        const char *rest = skip_layer(name + strlen(m->layers), &layer);
        if (!rest) return -1;
        name = rest;
    }
    const char *dot = strrchr(name, '.');
    const name_rule *rule = dot ? rule_of(layer < 0 ? m->outer : m->inner, name, (size_t)(dot - name)) : NULL;
    if (!rule) return layer < 0 ? 0 : -1;
    if (!rule->to) return 0;
    const char *leaf = leaf_of(dot + 1);
    if (!leaf) return -1;
    if (layer < 0)
        snprintf(out, TENSOR_MAX_NAME, "%s.%s", rule->to, leaf);
    else
        snprintf(out, TENSOR_MAX_NAME, "blk.%d.%s.%s", layer, rule->to, leaf);
    *change = rule->change;
    return 1;
}

// The rule that leads to GGUF's name `to` (len bytes).
static const name_rule *rule_to(const name_rule *rules, const char *to, size_t len) {
    for (; rules->from; rules++)
        if (rules->to && strlen(rules->to) == len && memcmp(rules->to, to, len) == 0) return rules;
    return NULL;
}

bool hfnames_original(const name_map *m, const char *name, char out[TENSOR_MAX_NAME], name_change *change) {
    int layer = -1;
    if (starts(name, "blk.") && !(name = skip_layer(name + 4, &layer))) return false;
    const char *dot = strrchr(name, '.');
    const name_rule *rule = dot ? rule_to(layer < 0 ? m->outer : m->inner, name, (size_t)(dot - name)) : NULL;
    if (!rule) return false;
    int n;
    if (layer >= 0)
        n = snprintf(out, TENSOR_MAX_NAME, "%s%s%d.%s%s", m->prefix, m->layers, layer, rule->from, dot);
    else // the head stands beside the model that the prefix names
        n = snprintf(out, TENSOR_MAX_NAME, "%s%s%s", strcmp(rule->to, "output") == 0 ? "" : m->prefix, rule->from, dot);
    *change = rule->change;
    return n < TENSOR_MAX_NAME;
}

// An integer under either of two names, in 1..INT_MAX.
static int count_of(const cJSON *config, const char *name, const char *older, int64_t *out) {
    int found = hfjson_get_int(config, name, out);
    if (found == 0) found = hfjson_get_int(config, older, out);
    return found == 1 && (*out < 1 || *out > INT_MAX) ? -1 : found;
}

// Falcon: one k and v for all heads (7b: in order), for each group of heads (40b), or for each head (rw).
static int falcon_grouping(const cJSON *config, int64_t heads, name_grouping *g) {
    bool grouped = false, shared = true;
    int64_t kv = heads;
    if (hfjson_get_bool(config, "new_decoder_architecture", &grouped) < 0 ||
        hfjson_get_bool(config, "multi_query", &shared) < 0 || count_of(config, "num_kv_heads", "n_head_kv", &kv) < 0)
        return -1;
    // The configs of the first 40b releases say so only by their number of key/value heads.
    if (!grouped && hfjson_get_int(config, "n_head_kv", &kv) == 1) grouped = true;
    if (grouped) {
        if (heads % kv != 0) return -1;
        *g = (name_grouping){(int)kv, (int)(heads / kv)};
    } else if (!shared) {
        *g = (name_grouping){(int)heads, 1};
    }
    return 0;
}

int hfnames_grouping(const char *family, const cJSON *config, name_grouping *g) {
    int64_t heads;
    *g = (name_grouping){0, 0};
    bool neox = strcmp(family, "gpt_neox") == 0;
    if (!neox && strcmp(family, "falcon") != 0) return 0;
    if (count_of(config, "num_attention_heads", "n_head", &heads) != 1) return -1;
    if (!neox) return falcon_grouping(config, heads, g);
    *g = (name_grouping){(int)heads, 1};
    return 0;
}
