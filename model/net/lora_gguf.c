// GGUF LoRA files: NAME.lora_a and NAME.lora_b for every adapted weight NAME, one alpha for all.
#include "model/net/lora_impl.h"

#include <stdio.h>
#include <string.h>

static int read_tensor(lora *l, const net *n, const gguf *g, const file_tensor *t, lora_source s, error *err) {
    static const char *const suffix_a = ".lora_a", *const suffix_b = ".lora_b";
    size_t len = strlen(t->name), k = strlen(suffix_a);
    if (len > k && strcmp(t->name + len - k, suffix_b) == 0) return 0;
    if (len <= k || strcmp(t->name + len - k, suffix_a) != 0)
        return error_set(err, "%s: holds %s, which is no LoRA of a linear layer; doppel cannot use it", s.path,
                         t->name);
    char base[TENSOR_MAX_NAME], pair[TENSOR_MAX_NAME + 16];
    snprintf(base, sizeof base, "%.*s", (int)(len - k), t->name);
    snprintf(pair, sizeof pair, "%s%s", base, suffix_b);
    const file_tensor *u = gguf_tensor(g, pair);
    if (!u || u->ne[0] != t->ne[1] || t->ne[2] != 1 || u->ne[2] != 1 || t->ne[3] != 1 || u->ne[3] != 1)
        return error_set(err, "%s: %s has no fitting lora_b beside it; the file is damaged", s.path, t->name);
    if (tensor_block_elements(u->type) > 1 || tensor_block_elements(t->type) > 1)
        return error_set(err, "%s: %s is quantised; doppel reads adapters in f32, f16 and bf16", s.path, t->name);
    s.name = base;
    s.type_a = t->type;
    s.type_b = u->type;
    s.a = t->data;
    s.b = u->data;
    s.rank = t->ne[1];
    if (s.alpha == 0) s.alpha = (double)s.rank; // as llama.cpp has it
    s.cols = t->ne[0];
    s.rows = u->ne[1];
    return lora_add(l, n, &s, err);
}

int lora_read_gguf(lora *l, const char *path, const net *n, error *err) {
    gguf *g = gguf_open(path, err);
    if (!g) return -1;
    const char *type = "";
    size_t len = 0;
    lora_source s = {.path = path, .layout = ROWS_GGUF};
    int rc = 0;
    if (gguf_get_string(g, "general.type", &type, &len, NULL) != 1 || len != 7 || memcmp(type, "adapter", 7) != 0)
        rc = error_set(err, "%s: is a GGUF file, but no adapter; give it as the model with -m", path);
    if (rc == 0 && gguf_get_float(g, "adapter.lora.alpha", &s.alpha, err) < 0) rc = -1;
    for (size_t i = 0; rc == 0 && i < gguf_n_tensors(g); i++) rc = read_tensor(l, n, g, gguf_tensor_at(g, i), s, err);
    gguf_close(g);
    return rc;
}
