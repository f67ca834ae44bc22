// Tiny models of the families with random weights, written as Hugging Face directories: for tests that need a net which
// has every part of its family but no meaning.
#ifndef DOPPEL_TEST_TINY_H
#define DOPPEL_TEST_TINY_H

#include "model/learn/random.h"
#include "tests/models.h"

#include <math.h>

enum { TINY_VOCAB = 24, TINY_LAYERS = 2 };

// Tensors one a line: "NAME ROWS COLS" (a vector has no COLS). A name with %d stands for one in every layer. Gains of
// norms (names that end in 1) are told by a + in front: their values lie around 1.
typedef struct tiny {
    const char *name, *config, *tensors;
} tiny;

static const tiny tiny_models[] = {
    {"gpt2",
     "{\"model_type\":\"gpt2\",\"n_layer\":2,\"n_head\":4,\"n_embd\":32,\"n_positions\":48,\"vocab_size\":24,"
     "\"layer_norm_epsilon\":1e-5,\"activation_function\":\"gelu_new\"}",
     "wte.weight 24 32\nwpe.weight 48 32\n+ln_f.weight 32\nln_f.bias 32\n+h.%d.ln_1.weight 32\nh.%d.ln_1.bias 32\n"
     "h.%d.attn.c_attn.weight 32 96\nh.%d.attn.c_attn.bias 96\nh.%d.attn.c_proj.weight 32 32\n"
     "h.%d.attn.c_proj.bias 32\n+h.%d.ln_2.weight 32\nh.%d.ln_2.bias 32\nh.%d.mlp.c_fc.weight 32 128\n"
     "h.%d.mlp.c_fc.bias 128\nh.%d.mlp.c_proj.weight 128 32\nh.%d.mlp.c_proj.bias 32\n"},
    {"gpt_neo", // a window in every other layer, scores that are not scaled
     "{\"model_type\":\"gpt_neo\",\"num_layers\":2,\"num_heads\":4,\"hidden_size\":32,\"max_position_embeddings\":48,"
     "\"vocab_size\":24,\"window_size\":5,\"attention_types\":[[[\"global\",\"local\"],1]],"
     "\"attention_layers\":[\"global\",\"local\"],\"layer_norm_epsilon\":1e-5,\"activation_function\":\"gelu_new\"}",
     "transformer.wte.weight 24 32\ntransformer.wpe.weight 48 32\n+transformer.ln_f.weight 32\n"
     "transformer.ln_f.bias 32\n+transformer.h.%d.ln_1.weight 32\ntransformer.h.%d.ln_1.bias 32\n"
     "transformer.h.%d.attn.attention.q_proj.weight 32 32\ntransformer.h.%d.attn.attention.k_proj.weight 32 32\n"
     "transformer.h.%d.attn.attention.v_proj.weight 32 32\ntransformer.h.%d.attn.attention.out_proj.weight 32 32\n"
     "transformer.h.%d.attn.attention.out_proj.bias 32\n+transformer.h.%d.ln_2.weight 32\n"
     "transformer.h.%d.ln_2.bias 32\ntransformer.h.%d.mlp.c_fc.weight 128 32\ntransformer.h.%d.mlp.c_fc.bias 128\n"
     "transformer.h.%d.mlp.c_proj.weight 32 128\ntransformer.h.%d.mlp.c_proj.bias 32\n"},
    {"gpt_neox", // two branches side by side, exact gelu, part of each head turned
     "{\"model_type\":\"gpt_neox\",\"hidden_size\":32,\"num_attention_heads\":2,\"num_hidden_layers\":2,"
     "\"intermediate_size\":64,\"rotary_pct\":0.5,\"rotary_emb_base\":1000,\"max_position_embeddings\":48,"
     "\"layer_norm_eps\":1e-5,\"hidden_act\":\"gelu\",\"use_parallel_residual\":true,\"vocab_size\":24,"
     "\"tie_word_embeddings\":false}",
     "gpt_neox.embed_in.weight 24 32\nembed_out.weight 24 32\n+gpt_neox.final_layer_norm.weight 32\n"
     "gpt_neox.final_layer_norm.bias 32\n+gpt_neox.layers.%d.input_layernorm.weight 32\n"
     "gpt_neox.layers.%d.input_layernorm.bias 32\n+gpt_neox.layers.%d.post_attention_layernorm.weight 32\n"
     "gpt_neox.layers.%d.post_attention_layernorm.bias 32\n"
     "gpt_neox.layers.%d.attention.query_key_value.weight 96 32\n"
     "gpt_neox.layers.%d.attention.query_key_value.bias 96\ngpt_neox.layers.%d.attention.dense.weight 32 32\n"
     "gpt_neox.layers.%d.attention.dense.bias 32\ngpt_neox.layers.%d.mlp.dense_h_to_4h.weight 64 32\n"
     "gpt_neox.layers.%d.mlp.dense_h_to_4h.bias 64\ngpt_neox.layers.%d.mlp.dense_4h_to_h.weight 32 64\n"
     "gpt_neox.layers.%d.mlp.dense_4h_to_h.bias 32\n"},
    {"gptj", // two branches that share a norm, neighbours turned, a head with a bias
     "{\"model_type\":\"gptj\",\"n_embd\":32,\"n_head\":2,\"n_layer\":2,\"n_positions\":48,\"rotary_dim\":8,"
     "\"activation_function\":\"gelu_new\",\"layer_norm_epsilon\":1e-5,\"vocab_size\":24}",
     "transformer.wte.weight 24 32\nlm_head.weight 24 32\nlm_head.bias 24\n+transformer.ln_f.weight 32\n"
     "transformer.ln_f.bias 32\n+transformer.h.%d.ln_1.weight 32\ntransformer.h.%d.ln_1.bias 32\n"
     "transformer.h.%d.attn.q_proj.weight 32 32\ntransformer.h.%d.attn.k_proj.weight 32 32\n"
     "transformer.h.%d.attn.v_proj.weight 32 32\ntransformer.h.%d.attn.out_proj.weight 32 32\n"
     "transformer.h.%d.mlp.fc_in.weight 128 32\ntransformer.h.%d.mlp.fc_in.bias 128\n"
     "transformer.h.%d.mlp.fc_out.weight 32 128\ntransformer.h.%d.mlp.fc_out.bias 32\n"},
    {"mpt", // ALiBi
     "{\"model_type\":\"mpt\",\"d_model\":32,\"n_heads\":4,\"n_layers\":2,\"expansion_ratio\":2,\"max_seq_len\":48,"
     "\"vocab_size\":24,\"no_bias\":true,\"attn_config\":{\"alibi\":true,\"alibi_bias_max\":8}}",
     "transformer.wte.weight 24 32\n+transformer.norm_f.weight 32\n+transformer.blocks.%d.norm_1.weight 32\n"
     "+transformer.blocks.%d.norm_2.weight 32\ntransformer.blocks.%d.attn.Wqkv.weight 96 32\n"
     "transformer.blocks.%d.attn.out_proj.weight 32 32\ntransformer.blocks.%d.ffn.up_proj.weight 64 32\n"
     "transformer.blocks.%d.ffn.down_proj.weight 32 64\n"},
    {"mpt-clip", // q, k and v cut off at a value
     "{\"model_type\":\"mpt\",\"d_model\":32,\"n_heads\":4,\"n_layers\":2,\"expansion_ratio\":2,\"max_seq_len\":48,"
     "\"vocab_size\":24,\"no_bias\":true,\"attn_config\":{\"alibi\":true,\"alibi_bias_max\":8,\"clip_qkv\":2.5}}",
     "transformer.wte.weight 24 32\n+transformer.norm_f.weight 32\n+transformer.blocks.%d.norm_1.weight 32\n"
     "+transformer.blocks.%d.norm_2.weight 32\ntransformer.blocks.%d.attn.Wqkv.weight 96 32\n"
     "transformer.blocks.%d.attn.out_proj.weight 32 32\ntransformer.blocks.%d.ffn.up_proj.weight 64 32\n"
     "transformer.blocks.%d.ffn.down_proj.weight 32 64\n"},
    {"llama", // RMS norms, a gated MLP, two heads of queries to one of keys, a head of its own
     "{\"model_type\":\"llama\",\"hidden_size\":32,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
     "\"num_hidden_layers\":2,\"intermediate_size\":64,\"rms_norm_eps\":1e-5,\"hidden_act\":\"silu\","
     "\"rope_theta\":100.0,\"max_position_embeddings\":48,\"vocab_size\":24,\"tie_word_embeddings\":false}",
     "model.embed_tokens.weight 24 32\nlm_head.weight 24 32\n+model.norm.weight 32\n"
     "+model.layers.%d.input_layernorm.weight 32\n+model.layers.%d.post_attention_layernorm.weight 32\n"
     "model.layers.%d.self_attn.q_proj.weight 32 32\nmodel.layers.%d.self_attn.k_proj.weight 16 32\n"
     "model.layers.%d.self_attn.v_proj.weight 16 32\nmodel.layers.%d.self_attn.o_proj.weight 32 32\n"
     "model.layers.%d.mlp.gate_proj.weight 64 32\nmodel.layers.%d.mlp.up_proj.weight 64 32\n"
     "model.layers.%d.mlp.down_proj.weight 32 64\n"},
    {"mistral", // a window in every layer
     "{\"model_type\":\"mistral\",\"hidden_size\":32,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
     "\"num_hidden_layers\":2,\"intermediate_size\":64,\"rms_norm_eps\":1e-5,\"hidden_act\":\"silu\","
     "\"rope_theta\":100.0,\"max_position_embeddings\":48,\"vocab_size\":24,\"sliding_window\":6,"
     "\"tie_word_embeddings\":true}",
     "model.embed_tokens.weight 24 32\n+model.norm.weight 32\n"
     "+model.layers.%d.input_layernorm.weight 32\n+model.layers.%d.post_attention_layernorm.weight 32\n"
     "model.layers.%d.self_attn.q_proj.weight 32 32\nmodel.layers.%d.self_attn.k_proj.weight 16 32\n"
     "model.layers.%d.self_attn.v_proj.weight 16 32\nmodel.layers.%d.self_attn.o_proj.weight 32 32\n"
     "model.layers.%d.mlp.gate_proj.weight 64 32\nmodel.layers.%d.mlp.up_proj.weight 64 32\n"
     "model.layers.%d.mlp.down_proj.weight 32 64\n"},
    {"qwen2", // biases of q, k and v alone
     "{\"model_type\":\"qwen2\",\"hidden_size\":32,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
     "\"num_hidden_layers\":2,\"intermediate_size\":64,\"rms_norm_eps\":1e-5,\"hidden_act\":\"silu\","
     "\"rope_theta\":100.0,\"max_position_embeddings\":48,\"vocab_size\":24,\"tie_word_embeddings\":true}",
     "model.embed_tokens.weight 24 32\n+model.norm.weight 32\n"
     "+model.layers.%d.input_layernorm.weight 32\n+model.layers.%d.post_attention_layernorm.weight 32\n"
     "model.layers.%d.self_attn.q_proj.weight 32 32\nmodel.layers.%d.self_attn.k_proj.weight 16 32\n"
     "model.layers.%d.self_attn.v_proj.weight 16 32\nmodel.layers.%d.self_attn.q_proj.bias 32\n"
     "model.layers.%d.self_attn.k_proj.bias 16\nmodel.layers.%d.self_attn.v_proj.bias 16\n"
     "model.layers.%d.self_attn.o_proj.weight 32 32\nmodel.layers.%d.mlp.gate_proj.weight 64 32\n"
     "model.layers.%d.mlp.up_proj.weight 64 32\nmodel.layers.%d.mlp.down_proj.weight 32 64\n"},
    {"qwen3", // norms of q and k, heads that are wider than their share
     "{\"model_type\":\"qwen3\",\"hidden_size\":32,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":16,"
     "\"num_hidden_layers\":2,\"intermediate_size\":64,\"rms_norm_eps\":1e-5,\"hidden_act\":\"silu\","
     "\"rope_theta\":100.0,\"max_position_embeddings\":48,\"vocab_size\":24,\"tie_word_embeddings\":true}",
     "model.embed_tokens.weight 24 32\n+model.norm.weight 32\n"
     "+model.layers.%d.input_layernorm.weight 32\n+model.layers.%d.post_attention_layernorm.weight 32\n"
     "model.layers.%d.self_attn.q_proj.weight 64 32\nmodel.layers.%d.self_attn.k_proj.weight 32 32\n"
     "model.layers.%d.self_attn.v_proj.weight 32 32\n+model.layers.%d.self_attn.q_norm.weight 16\n"
     "+model.layers.%d.self_attn.k_norm.weight 16\nmodel.layers.%d.self_attn.o_proj.weight 32 64\n"
     "model.layers.%d.mlp.gate_proj.weight 64 32\nmodel.layers.%d.mlp.up_proj.weight 64 32\n"
     "model.layers.%d.mlp.down_proj.weight 32 64\n"},
    {NULL, NULL, NULL},
};

// One tensor into the header and the data.
static inline void tiny_put(buf *header, buf *data, const char *name, int rows, int cols, bool gain, uint64_t *random) {
    size_t n = (size_t)rows * (size_t)(cols ? cols : 1), at = data->len;
    float spread = gain ? 0.2f : cols ? 1.2f / sqrtf((float)cols) : 0.2f;
    for (size_t i = 0; i < n; i++) {
        float x = spread * random_normal(random) + (gain ? 1 : 0);
        buf_append(data, &x, sizeof x);
    }
    buf_printf(header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%d", header->len > 1 ? "," : "", name, rows);
    if (cols) buf_printf(header, ",%d", cols);
    buf_printf(header, "],\"data_offsets\":[%zu,%zu]}", at, data->len);
}

// Writes config.json and model.safetensors to folder.
static inline void tiny_write(const tiny *t, const char *folder, uint64_t seed) {
    buf header = {0}, data = {0}, file = {0};
    uint64_t random = random_seed(seed, 0);
    buf_putc(&header, '{');
    for (const char *line = t->tensors; *line; line = strchr(line, '\n') + 1) {
        char pattern[96], name[128];
        int rows, cols = 0;
        bool gain = *line == '+';
        sscanf(line + gain, "%95s %d%*[ ]%d", pattern, &rows, &cols);
        char *mark = strstr(pattern, "%d");
        for (int i = 0; i < (mark ? TINY_LAYERS : 1); i++) {
            if (mark)
                snprintf(name, sizeof name, "%.*s%d%s", (int)(mark - pattern), pattern, i, mark + 2);
            else
                snprintf(name, sizeof name, "%s", pattern);
            tiny_put(&header, &data, name, rows, cols, gain, &random);
        }
    }
    buf_putc(&header, '}');
    while (header.len % 8) buf_putc(&header, ' ');
    put_safetensors(&file, header.data, data.data, data.len);
    write_file(folder, "model.safetensors", file.data, file.len);
    write_file(folder, "config.json", t->config, strlen(t->config));
    buf_free(&header);
    buf_free(&data);
    buf_free(&file);
}

// Tokens for the letters a to w and the space.
static inline void tiny_write_tokenizer(const char *folder) {
    buf b = {0};
    buf_putc(&b, '{');
    for (int i = 0; i < TINY_VOCAB - 1; i++) buf_printf(&b, "\"%c\":%d,", 'a' + i, i);
    buf_printf(&b, "\"\u0120\":%d}", TINY_VOCAB - 1);
    write_file(folder, "vocab.json", b.data, b.len);
    write_file(folder, "merges.txt", "#version: 0.2\n", 14);
    buf_free(&b);
}

static inline void tiny_remove(char *folder) {
    remove_file(folder, "vocab.json");
    remove_file(folder, "merges.txt");
    remove_file(folder, "model.safetensors");
    remove_file(folder, "config.json");
    rmdir(folder);
    free(folder);
}

static inline const tiny *tiny_find(const char *name) {
    const tiny *t = tiny_models;
    while (strcmp(t->name, name) != 0) t++;
    return t;
}

#endif
