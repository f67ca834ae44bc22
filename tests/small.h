// A small Llama with random weights, attention and all, as a GGUF file: four layers whose logits depend on every token
// before. Tokens are the letters A..Z, a..z and ten digits, one id each.
#ifndef DOPPEL_TEST_SMALL_H
#define DOPPEL_TEST_SMALL_H

#include "model/math/half.h"
#include "model/model.h"
#include "model/net/adapter.h"
#include "tests/models.h"

enum {
    SMALL_VOCAB = 64,
    SMALL_EMBD = 128,
    SMALL_HEADS = 4,
    SMALL_KV = 64,
    SMALL_FF = 256,
    SMALL_LAYERS = 4,
    SMALL_CTX = 512
};

typedef struct small {
    char *folder, *path;
    model model;
} small;

typedef struct small_options {
    uint32_t seed;
    bool floats;  // weights in F32, otherwise Q4_0
    int head_dim; // 0: 32; heads = SMALL_EMBD / head_dim
    int window;   // sliding window; 0: none
    float width;  // that weights of layers are spread over, from block to block more or less; 0: 0.45, the same in all
} small_options;

typedef struct small_tensor {
    char name[40];
    int rows, cols;
    bool norm;
} small_tensor;

static inline float small_random(uint32_t *seed) {
    *seed = *seed * 1664525 + 1013904223;
    return (float)(*seed >> 8) / (1 << 24) - 0.5f;
}

static inline void small_write_rows(buf *out, const small_tensor *t, const small_options *o, uint32_t *seed) {
    float width = strstr(t->name, "token_embd") ? 0.7f : o->width > 0 ? o->width : 0.45f;
    if (t->norm || o->floats) {
        for (int i = 0; i < t->rows * t->cols; i++) {
            float x = t->norm ? 1 : small_random(seed) * width;
            buf_append(out, &x, sizeof x);
        }
        return;
    }
    for (int i = 0; i < t->rows * t->cols / 32; i++) {
        float range = o->width > 0 ? width * (1 + small_random(seed)) : width;
        uint16_t d = f32_to_f16(range / 15);
        buf_append(out, &d, sizeof d);
        for (int k = 0; k < 16; k++) buf_putc(out, (char)(int)(small_random(seed) * 255));
    }
}

static inline int small_tensors(small_tensor *t) {
    static const struct {
        const char *name;
        int rows, cols;
    } parts[] = {
        {"attn_q.weight", SMALL_EMBD, SMALL_EMBD}, {"attn_k.weight", SMALL_KV, SMALL_EMBD},
        {"attn_v.weight", SMALL_KV, SMALL_EMBD},   {"attn_output.weight", SMALL_EMBD, SMALL_EMBD},
        {"ffn_gate.weight", SMALL_FF, SMALL_EMBD}, {"ffn_up.weight", SMALL_FF, SMALL_EMBD},
        {"ffn_down.weight", SMALL_EMBD, SMALL_FF}, {"attn_norm.weight", 0, SMALL_EMBD},
        {"ffn_norm.weight", 0, SMALL_EMBD},
    };
    int n = 0;
    t[n++] = (small_tensor){"token_embd.weight", SMALL_VOCAB, SMALL_EMBD, false};
    t[n++] = (small_tensor){"output_norm.weight", 1, SMALL_EMBD, true};
    for (int i = 0; i < SMALL_LAYERS; i++)
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            bool norm = parts[k].rows == 0;
            t[n] = (small_tensor){"", norm ? 1 : parts[k].rows, parts[k].cols, norm};
            snprintf(t[n++].name, sizeof t->name, "blk.%d.%s", i, parts[k].name);
        }
    return n;
}

static inline void small_write(const char *folder, const char *name, const small_options *o) {
    static small_tensor tensors[2 + SMALL_LAYERS * 9];
    int n = small_tensors(tensors), head_dim = o->head_dim ? o->head_dim : 32, n_keys = 14 + (o->window > 0);
    uint32_t seed = o->seed + 1;
    buf head = {0}, data = {0};
    put_header(&head, 3, (uint64_t)n, (uint64_t)n_keys);
    put_key_text(&head, "general.architecture", "llama");
    put_key_u32(&head, "llama.block_count", SMALL_LAYERS);
    put_key_u32(&head, "llama.context_length", SMALL_CTX);
    put_key_u32(&head, "llama.embedding_length", SMALL_EMBD);
    put_key_u32(&head, "llama.feed_forward_length", SMALL_FF);
    put_key_u32(&head, "llama.attention.head_count", (uint32_t)(SMALL_EMBD / head_dim));
    put_key_u32(&head, "llama.attention.head_count_kv", (uint32_t)(SMALL_KV / head_dim));
    put_key_u32(&head, "llama.rope.dimension_count", (uint32_t)head_dim);
    put_key_f32(&head, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    if (o->window > 0) put_key_u32(&head, "llama.attention.sliding_window", (uint32_t)o->window);
    put_key_text(&head, "tokenizer.ggml.model", "gpt2");
    put_key_text(&head, "tokenizer.ggml.pre", "gpt-2");
    put_key(&head, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put_u32(&head, GGUF_STRING);
    put_u64(&head, SMALL_VOCAB);
    for (int i = 0; i < SMALL_VOCAB; i++) {
        char word[16] = {(char)(i < 26 ? 'A' + i : i < 52 ? 'a' + i - 26 : '0' + i - 52)};
        if (i >= 62) snprintf(word, sizeof word, "<|%d|>", i);
        put_text(&head, word);
    }
    put_key(&head, "tokenizer.ggml.merges", GGUF_ARRAY);
    put_u32(&head, GGUF_STRING);
    put_u64(&head, 0);
    put_key_u32(&head, "tokenizer.ggml.eos_token_id", SMALL_VOCAB - 1);
    for (int i = 0; i < n; i++) {
        small_tensor *t = &tensors[i];
        put_padding(&data, 32);
        uint32_t type = t->norm || o->floats ? 0 : 2;
        if (t->norm) {
            put_text(&head, t->name);
            put_u32(&head, 1);
            put_u64(&head, (uint64_t)t->cols);
            put_u32(&head, type);
            put_u64(&head, data.len);
        } else {
            put_tensor(&head, t->name, (uint64_t)t->cols, (uint64_t)t->rows, type, data.len);
        }
        small_write_rows(&data, t, o, &seed);
    }
    put_padding(&head, 32);
    put_padding(&data, 32);
    buf_append(&head, data.data, data.len);
    write_file(folder, name, head.data, head.len);
    buf_free(&head);
    buf_free(&data);
}

static inline void small_open(small *t, small_options o) {
    t->folder = make_folder();
    small_write(t->folder, "small.gguf", &o);
    t->path = path_of(t->folder, "small.gguf");
    error err;
    if (model_open(&t->model, t->path, 1, 0, &err) == 0) return;
    printf("%s\n", err.text);
    abort();
}

// Writes a LoRA for the queries and the last product of the first layer, its numbers around value, to FOLDER/name.
static inline void small_write_adapter(const char *folder, const char *name, float value) {
    enum { RANK = 4, Q = SMALL_EMBD, DOWN = SMALL_FF };
    buf file = {0};
    put_header(&file, 3, 4, 3);
    put_key_text(&file, "general.type", "adapter");
    put_key_text(&file, "general.architecture", "llama");
    put_key_f32(&file, "adapter.lora.alpha", RANK);
    put_tensor(&file, "blk.0.attn_q.weight.lora_a", SMALL_EMBD, RANK, 0, 0);
    put_tensor(&file, "blk.0.attn_q.weight.lora_b", RANK, Q, 0, RANK * SMALL_EMBD * 4);
    put_tensor(&file, "blk.0.ffn_down.weight.lora_a", DOWN, RANK, 0, RANK * (SMALL_EMBD + Q) * 4);
    put_tensor(&file, "blk.0.ffn_down.weight.lora_b", RANK, SMALL_EMBD, 0, RANK * (SMALL_EMBD + Q + DOWN) * 4);
    put_padding(&file, 32);
    for (int i = 0; i < RANK * (SMALL_EMBD + Q + DOWN + SMALL_EMBD); i++) {
        float x = value * (float)(i % 7 - 3);
        buf_append(&file, &x, sizeof x);
    }
    write_file(folder, name, file.data, file.len);
    buf_free(&file);
}

// One of these, opened. Close with adapter_close.
static inline adapter *small_adapter(const small *t, float value) {
    small_write_adapter(t->folder, "lora.gguf", value);
    char *path = path_of(t->folder, "lora.gguf");
    error err;
    adapter *a = adapter_open(path, t->model.net, &err);
    if (!a) {
        printf("%s\n", err.text);
        abort();
    }
    remove_file(t->folder, "lora.gguf");
    free(path);
    return a;
}

static inline void small_close(small *t) {
    model_close(&t->model);
    remove_file(t->folder, "small.gguf");
    rmdir(t->folder);
    free(t->path);
    free(t->folder);
}

#endif
