#include "app/train_base.h"
#include "app/train_data.h"
#include "model/learn/scratch.h"
#include "model/text/bpe_train.h"
#include "model/text/chars.h"

#include <stdlib.h>
#include <string.h>

// ---- what it is

// FNV-1a.
static uint64_t mix(uint64_t h, const void *bytes, size_t n) {
    const unsigned char *s = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3u;
    return h;
}

void train_base_describe(train_base *b, const char *path, const model_file *f) {
    enum { LOOK = 4096 };
    char *whole = realpath(path, NULL);
    *b = (train_base){.path = whole ? whole : mem_strdup(path), .fingerprint = 0xcbf29ce484222325u};
    b->n_tensors = model_file_n_tensors(f);
    for (size_t i = 0; i < b->n_tensors; i++) {
        const file_tensor *t = model_file_tensor_at(f, i);
        size_t elements = 1;
        for (int k = 0; k < t->n_dims; k++) elements *= (size_t)t->ne[k];
        b->parameters += elements;
        b->bytes += t->size;
        b->fingerprint = mix(b->fingerprint, t->name, strlen(t->name));
        b->fingerprint = mix(b->fingerprint, t->ne, sizeof t->ne);
        b->fingerprint = mix(b->fingerprint, t->data, t->size < LOOK ? t->size : LOOK);
    }
}

void train_base_free(train_base *b) {
    free(b->path);
    *b = (train_base){0};
}

// ---- from scratch

int train_base_make(const char *folder, const train_settings *s, error *err) {
    buf text = {0}, tokenizer = {0};
    scratch_shape shape = {
        .layers = s->layers, .heads = s->heads, .width = s->embed, .context = s->block_size, .end = -1};
    int rc = train_data_text(s, &text, err);
    if (rc == 0 && s->bpe_size > 0) {
        shape.vocab = bpe_train_tokenizer_json(buf_str(&text), text.len, s->bpe_size, &tokenizer, err);
        shape.end = shape.vocab - 1;
        rc = shape.vocab < 0 ? -1 : 0;
    } else if (rc == 0) {
        shape.vocab = chars_tokenizer_json(buf_str(&text), text.len, &tokenizer);
    }
    if (rc == 0) rc = scratch_write(folder, &shape, tokenizer.data, tokenizer.len, (uint64_t)s->seed, err);
    buf_free(&text);
    buf_free(&tokenizer);
    return rc;
}
