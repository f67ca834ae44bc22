// GGUF files. From a GGUF everything is carried over but the types; from a directory the settings and the tokenizer are
// put into GGUF's words.
#include "model/learn/export_rows.h"
#include "model/math/quantize.h"
#include "model/net/config_write.h"
#include "model/text/tokenizer_write.h"
#include "model/text/chat_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// llama.cpp's numbers for general.file_type.
static int file_type(tensor_type type) {
    switch (type) {
    case TENSOR_F32: return 0;
    case TENSOR_F16: return 1;
    case TENSOR_Q4_0: return 2;
    case TENSOR_Q4_1: return 3;
    case TENSOR_Q8_0: return 7;
    case TENSOR_Q5_0: return 8;
    case TENSOR_Q5_1: return 9;
    case TENSOR_Q4_K: return 14;
    case TENSOR_BF16: return 32;
    default: return 1;
    }
}

static bool is_matrix(const file_tensor *t) {
    static const char *const not [] = {"position_embd.weight", "token_types.weight", "rope_freqs.weight"};
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (strcmp(t->name, not [i]) == 0) return false;
    return t->n_dims >= 2;
}

// What a tensor becomes in a file whose matrices are of the type.
static tensor_type type_for(const file_tensor *t, tensor_type type) {
    if (!is_matrix(t)) return TENSOR_F32;
    if (tensor_block_elements(type) == 1) return type;
    bool outer = strcmp(t->name, "token_embd.weight") == 0 || strcmp(t->name, "output.weight") == 0;
    if (outer) type = TENSOR_Q8_0;
    if (t->ne[0] % tensor_block_elements(type) == 0) return type;
    if (type == TENSOR_Q4_K && t->ne[0] % tensor_block_elements(TENSOR_Q5_1) == 0) return TENSOR_Q5_1;
    return TENSOR_F16;
}

// ---- settings ----

static bool starts(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

static void copy_keys(const gguf *g, gguf_writer *w) {
    for (size_t i = 0; i < gguf_n_keys(g); i++) {
        const char *key = gguf_key(g, i, NULL);
        if (strcmp(key, "general.file_type") == 0 || strcmp(key, "general.quantization_version") == 0 ||
            strcmp(key, "general.alignment") == 0 || starts(key, "split.") || starts(key, "quantize."))
            continue;
        gguf_write_copy(w, g, i);
    }
}

static int write_tokenizer(const export_source *s, gguf_writer *w, error *err) {
    const char *path = model_file_path(s->net->file);
    if (!s->tokenizer)
        return error_set(err, "%s: has no tokenizer, and a GGUF file needs one; export it with --format hf", path);
    buf template = {0};
    bool found = chat_format_template_of_dir(path, &template);
    int rc = tokenizer_write_gguf(s->tokenizer, found ? buf_str(&template) : NULL, template.len, s->net->config.n_vocab,
                                  path, w, err);
    buf_free(&template);
    return rc;
}

static void write_name(const char *path, gguf_writer *w) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    size_t at = n;
    while (at > 0 && path[at - 1] != '/') at--;
    gguf_write_text(w, "general.name", path + at, n - at);
}

static int write_settings(const export_source *s, tensor_type type, gguf_writer *w, error *err) {
    const gguf *g = model_file_gguf(s->net->file);
    if (g) {
        copy_keys(g, w);
    } else {
        if (config_write_gguf(s->net, w, err) != 0) return -1;
        gguf_write_text(w, "general.type", "model", 5);
        write_name(model_file_path(s->net->file), w);
        if (write_tokenizer(s, w, err) != 0) return -1;
    }
    gguf_write_int(w, "general.file_type", file_type(type));
    gguf_write_int(w, "general.quantization_version", 2);
    return 0;
}

// ---- tensors ----

// A head that is tied to the embedding is not written again.
static bool is_spare(const export_source *s, const file_tensor *t) {
    return s->net->config.tied_head && starts(t->name, "output.");
}

// The name in the file; Falcon's two norms of parallel layers have other names there than doppel gives them (file.c).
static void name_in_gguf(const export_source *s, const file_tensor *t, char out[TENSOR_MAX_NAME]) {
    const net_config *c = &s->net->config;
    int layer, end = 0;
    char leaf[16];
    snprintf(out, TENSOR_MAX_NAME, "%s", t->name);
    if (strcmp(c->family, "falcon") != 0 || !c->parallel_residual || c->shared_norm) return;
    if (sscanf(t->name, "blk.%4d.attn_norm.%15s%n", &layer, leaf, &end) == 2 && t->name[end] == '\0')
        snprintf(out, TENSOR_MAX_NAME, "blk.%d.attn_norm_2.%s", layer, leaf);
    else if (sscanf(t->name, "blk.%4d.ffn_norm.%15s%n", &layer, leaf, &end) == 2 && t->name[end] == '\0')
        snprintf(out, TENSOR_MAX_NAME, "blk.%d.attn_norm.%s", layer, leaf);
}

static void describe(const export_source *s, tensor_type type, int n_factors, gguf_writer *w) {
    const model_file *f = s->net->file;
    for (size_t i = 0; i < model_file_n_tensors(f); i++) {
        const file_tensor *t = model_file_tensor_at(f, i);
        char name[TENSOR_MAX_NAME];
        name_in_gguf(s, t, name);
        if (!is_spare(s, t)) gguf_write_tensor(w, name, type_for(t, type), t->n_dims, t->ne);
    }
    if (n_factors) gguf_write_tensor(w, "rope_freqs.weight", TENSOR_F32, 1, &(int64_t){n_factors});
}

static int write_tensor(const export_source *s, const file_tensor *t, tensor_type type, gguf_writer *w,
                        const char *path, error *err) {
    export_rows r;
    export_rows_open(&r, s, t, ROWS_GGUF);
    size_t each = tensor_row_bytes(type, r.cols);
    float *x = mem_calloc((size_t)r.cols, sizeof *x);
    void *out = mem_calloc(each, 1);
    int rc = 0;
    for (int64_t row = 0; rc == 0 && row < r.rows && outfile_ok(w->file); row++) {
        if (export_rows_write(&r, row, type, x, out))
            gguf_write_data(w, out, each);
        else
            rc = export_rows_overflow(path, t->name, type, err);
    }
    gguf_write_pad(w);
    model_file_drop(s->net->file, t);
    free(x);
    free(out);
    export_rows_close(&r);
    return rc;
}

static int write_tensors(const export_source *s, tensor_type type, const float *factors, int n_factors, gguf_writer *w,
                         const char *path, error *err) {
    const model_file *f = s->net->file;
    size_t n = model_file_n_tensors(f);
    for (size_t i = 0; i < n; i++) {
        const file_tensor *t = model_file_tensor_at(f, i);
        if (export_rows_progress(s, i, n, err) != 0) return -1;
        if (!is_spare(s, t) && write_tensor(s, t, type_for(t, type), w, path, err) != 0) return -1;
    }
    if (n_factors) gguf_write_data(w, factors, (size_t)n_factors * sizeof *factors);
    gguf_write_pad(w);
    return 0;
}

int export_gguf(const export_source *s, tensor_type type, const char *path, error *err) {
    gguf_writer w = {0};
    int n_factors = s->net->config.rope_dim / 2;
    float *factors = mem_calloc((size_t)n_factors, sizeof *factors);
    if (!config_rope_factors(s->net, factors)) n_factors = 0;
    int rc = write_settings(s, type, &w, err);
    if (rc == 0) {
        describe(s, type, n_factors, &w);
        rc = gguf_write_begin(&w, path, err);
    }
    if (rc == 0) rc = write_tensors(s, type, factors, n_factors, &w, path, err);
    if (rc == 0) rc = gguf_write_commit(&w, err);
    gguf_write_free(&w);
    free(factors);
    return rc;
}
