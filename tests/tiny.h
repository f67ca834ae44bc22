// A small Llama with random weights, attention and all, as a GGUF file: four layers whose logits depend on every token
// before. Tokens are the letters A..Z, a..z and ten digits, one id each.
#ifndef DOPPEL_TEST_TINY_H
#define DOPPEL_TEST_TINY_H

#include "model/math/half.h"
#include "model/model.h"
#include "tests/models.h"

enum { TINY_VOCAB = 64, TINY_EMBD = 128, TINY_HEADS = 4, TINY_KV = 64, TINY_FF = 256, TINY_LAYERS = 4, TINY_CTX = 512 };

typedef struct tiny {
    char *folder, *path;
    model model;
} tiny;

typedef struct tiny_options {
    uint32_t seed;
    bool floats;  // weights in F32, otherwise Q4_0
    int head_dim; // 0: 32; heads = TINY_EMBD / head_dim
    int window;   // sliding window; 0: none
} tiny_options;

typedef struct tiny_tensor {
    char name[40];
    int rows, cols;
    bool norm;
} tiny_tensor;

static inline float tiny_random(uint32_t *seed) {
    *seed = *seed * 1664525 + 1013904223;
    return (float)(*seed >> 8) / (1 << 24) - 0.5f;
}

static inline void tiny_write_rows(buf *out, const tiny_tensor *t, const tiny_options *o, uint32_t *seed) {
    float width = strstr(t->name, "token_embd") ? 0.7f : 0.45f;
    if (t->norm || o->floats) {
        for (int i = 0; i < t->rows * t->cols; i++) {
            float x = t->norm ? 1 : tiny_random(seed) * width;
            buf_append(out, &x, sizeof x);
        }
        return;
    }
    for (int i = 0; i < t->rows * t->cols / 32; i++) {
        uint16_t d = f32_to_f16(width / 15);
        buf_append(out, &d, sizeof d);
        for (int k = 0; k < 16; k++) buf_putc(out, (char)(int)(tiny_random(seed) * 255));
    }
}

static inline int tiny_tensors(tiny_tensor *t) {
    static const struct {
        const char *name;
        int rows, cols;
    } parts[] = {
        {"attn_q.weight", TINY_EMBD, TINY_EMBD}, {"attn_k.weight", TINY_KV, TINY_EMBD},
        {"attn_v.weight", TINY_KV, TINY_EMBD},   {"attn_output.weight", TINY_EMBD, TINY_EMBD},
        {"ffn_gate.weight", TINY_FF, TINY_EMBD}, {"ffn_up.weight", TINY_FF, TINY_EMBD},
        {"ffn_down.weight", TINY_EMBD, TINY_FF}, {"attn_norm.weight", 0, TINY_EMBD},
        {"ffn_norm.weight", 0, TINY_EMBD},
    };
    int n = 0;
    t[n++] = (tiny_tensor){"token_embd.weight", TINY_VOCAB, TINY_EMBD, false};
    t[n++] = (tiny_tensor){"output_norm.weight", 1, TINY_EMBD, true};
    for (int i = 0; i < TINY_LAYERS; i++)
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            bool norm = parts[k].rows == 0;
            t[n] = (tiny_tensor){"", norm ? 1 : parts[k].rows, parts[k].cols, norm};
            snprintf(t[n++].name, sizeof t->name, "blk.%d.%s", i, parts[k].name);
        }
    return n;
}

static inline void tiny_write(const char *folder, const char *name, const tiny_options *o) {
    static tiny_tensor tensors[2 + TINY_LAYERS * 9];
    int n = tiny_tensors(tensors), head_dim = o->head_dim ? o->head_dim : 32, n_keys = 14 + (o->window > 0);
    uint32_t seed = o->seed + 1;
    buf head = {0}, data = {0};
    put_header(&head, 3, (uint64_t)n, (uint64_t)n_keys);
    put_key_text(&head, "general.architecture", "llama");
    put_key_u32(&head, "llama.block_count", TINY_LAYERS);
    put_key_u32(&head, "llama.context_length", TINY_CTX);
    put_key_u32(&head, "llama.embedding_length", TINY_EMBD);
    put_key_u32(&head, "llama.feed_forward_length", TINY_FF);
    put_key_u32(&head, "llama.attention.head_count", (uint32_t)(TINY_EMBD / head_dim));
    put_key_u32(&head, "llama.attention.head_count_kv", (uint32_t)(TINY_KV / head_dim));
    put_key_u32(&head, "llama.rope.dimension_count", (uint32_t)head_dim);
    put_key_f32(&head, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    if (o->window > 0) put_key_u32(&head, "llama.attention.sliding_window", (uint32_t)o->window);
    put_key_text(&head, "tokenizer.ggml.model", "gpt2");
    put_key_text(&head, "tokenizer.ggml.pre", "gpt-2");
    put_key(&head, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put_u32(&head, GGUF_STRING);
    put_u64(&head, TINY_VOCAB);
    for (int i = 0; i < TINY_VOCAB; i++) {
        char word[16] = {(char)(i < 26 ? 'A' + i : i < 52 ? 'a' + i - 26 : '0' + i - 52)};
        if (i >= 62) snprintf(word, sizeof word, "<|%d|>", i);
        put_text(&head, word);
    }
    put_key(&head, "tokenizer.ggml.merges", GGUF_ARRAY);
    put_u32(&head, GGUF_STRING);
    put_u64(&head, 0);
    put_key_u32(&head, "tokenizer.ggml.eos_token_id", TINY_VOCAB - 1);
    for (int i = 0; i < n; i++) {
        tiny_tensor *t = &tensors[i];
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
        tiny_write_rows(&data, t, o, &seed);
    }
    put_padding(&head, 32);
    put_padding(&data, 32);
    buf_append(&head, data.data, data.len);
    write_file(folder, name, head.data, head.len);
    buf_free(&head);
    buf_free(&data);
}

static inline void tiny_open(tiny *t, tiny_options o) {
    t->folder = make_folder();
    tiny_write(t->folder, "tiny.gguf", &o);
    t->path = path_of(t->folder, "tiny.gguf");
    error err;
    if (model_open(&t->model, t->path, 1, 0, &err) == 0) return;
    printf("%s\n", err.text);
    abort();
}

static inline void tiny_close(tiny *t) {
    model_close(&t->model);
    remove_file(t->folder, "tiny.gguf");
    rmdir(t->folder);
    free(t->path);
    free(t->folder);
}

#endif
