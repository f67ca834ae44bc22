// A model whose every next token is known: a Llama directory with one layer of zeros and one-hot embeddings, so that the
// logits depend on the last token alone and are the numbers that the test wrote down.
//
// Token i has row i of the identity as its embedding; the RMS norm makes that sqrt(N); the head's column i, divided by
// sqrt(N), holds what follows token i.
#ifndef DOPPEL_TEST_BIGRAM_H
#define DOPPEL_TEST_BIGRAM_H

#include "model/model.h"
#include "tests/models.h"

#include <math.h>

enum { BIGRAM_VOCAB = 64, BIGRAM_FF = 32, BIGRAM_CTX = 600 };

typedef struct bigram {
    const char *tokens[BIGRAM_VOCAB];         // as vocab.json writes them; NULL: unused
    float logits[BIGRAM_VOCAB][BIGRAM_VOCAB]; // [last][next]
    char *folder;
    model model;
} bigram;

// Every logit at -30 but those that bigram_follow sets.
static inline void bigram_clear(bigram *b) {
    *b = (bigram){0};
    for (int i = 0; i < BIGRAM_VOCAB; i++)
        for (int j = 0; j < BIGRAM_VOCAB; j++) b->logits[i][j] = -30;
}

static inline int bigram_id(const bigram *b, const char *token) {
    for (int i = 0; i < BIGRAM_VOCAB; i++)
        if (b->tokens[i] && strcmp(b->tokens[i], token) == 0) return i;
    abort();
}

static inline void bigram_follow(bigram *b, const char *last, const char *next, float logit) {
    b->logits[bigram_id(b, last)][bigram_id(b, next)] = logit;
}

typedef struct bigram_tensor {
    const char *name;
    int rows, cols; // rows 0: a vector
} bigram_tensor;

static inline void bigram_write_weights(const bigram *b) {
    enum { V = BIGRAM_VOCAB };
    static const bigram_tensor tensors[] = {
        {"model.embed_tokens.weight", V, V},
        {"model.layers.0.input_layernorm.weight", 0, V},
        {"model.layers.0.self_attn.q_proj.weight", V, V},
        {"model.layers.0.self_attn.k_proj.weight", V, V},
        {"model.layers.0.self_attn.v_proj.weight", V, V},
        {"model.layers.0.self_attn.o_proj.weight", V, V},
        {"model.layers.0.post_attention_layernorm.weight", 0, V},
        {"model.layers.0.mlp.gate_proj.weight", BIGRAM_FF, V},
        {"model.layers.0.mlp.up_proj.weight", BIGRAM_FF, V},
        {"model.layers.0.mlp.down_proj.weight", V, BIGRAM_FF},
        {"model.norm.weight", 0, V},
        {"lm_head.weight", V, V},
    };
    enum { N = sizeof tensors / sizeof *tensors };
    buf header = {0}, data = {0}, file = {0};
    for (int t = 0; t < N; t++) {
        int rows = tensors[t].rows ? tensors[t].rows : 1, cols = tensors[t].cols;
        bool embedding = t == 0, head = t == N - 1, norm = strstr(tensors[t].name, "norm") != NULL;
        buf_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", t ? "," : "{", tensors[t].name);
        if (tensors[t].rows) buf_printf(&header, "%d,", rows);
        buf_printf(&header, "%d],\"data_offsets\":[%zu,", cols, data.len);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                float x = norm || (embedding && i == j) ? 1 : head ? b->logits[j][i] / sqrtf(V) : 0;
                buf_append(&data, &x, sizeof x);
            }
        buf_printf(&header, "%zu]}", data.len);
    }
    buf_puts(&header, "}");
    while (header.len % 8) buf_putc(&header, ' ');
    put_safetensors(&file, header.data, data.data, data.len);
    write_file(b->folder, "model.safetensors", file.data, file.len);
    buf_free(&header);
    buf_free(&data);
    buf_free(&file);
}

static inline void bigram_write_words(const bigram *b) {
    buf vocab = {0};
    buf_putc(&vocab, '{');
    for (int i = 0; i < BIGRAM_VOCAB; i++) {
        char unused[16];
        snprintf(unused, sizeof unused, "<unused%d>", i);
        const char *word = b->tokens[i] ? b->tokens[i] : unused;
        if (i) buf_putc(&vocab, ',');
        buf_json_string(&vocab, word, strlen(word));
        buf_printf(&vocab, ":%d", i);
    }
    buf_putc(&vocab, '}');
    write_file(b->folder, "vocab.json", vocab.data, vocab.len);
    write_file(b->folder, "merges.txt", "#version: 0.2\n", 14);
    buf_free(&vocab);
}

// Writes the folder and opens the model. eos: the id that ends a text.
static inline void bigram_open(bigram *b, int eos) {
    b->folder = make_folder();
    buf config = {0};
    buf_printf(&config,
               "{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":%d,"
               "\"intermediate_size\":%d,\"num_hidden_layers\":1,\"num_attention_heads\":2,\"num_key_value_heads\":2,"
               "\"vocab_size\":%d,\"max_position_embeddings\":%d,\"rms_norm_eps\":1e-9,\"rope_theta\":10000,"
               "\"hidden_act\":\"silu\",\"tie_word_embeddings\":false,\"eos_token_id\":%d}",
               BIGRAM_VOCAB, BIGRAM_FF, BIGRAM_VOCAB, BIGRAM_CTX, eos);
    write_file(b->folder, "config.json", config.data, config.len);
    buf_free(&config);
    bigram_write_weights(b);
    bigram_write_words(b);
    error err;
    if (model_open(&b->model, b->folder, 1, 0, &err) == 0) return;
    printf("%s\n", err.text);
    abort();
}

static inline void bigram_close(bigram *b) {
    static const char *const files[] = {"config.json", "model.safetensors", "vocab.json", "merges.txt"};
    model_close(&b->model);
    for (int i = 0; i < 4; i++) remove_file(b->folder, files[i]);
    rmdir(b->folder);
    free(b->folder);
}

#endif
