// Hugging Face directories. From a directory its config.json is kept but for the type of the weights, and the
// tokenizer's files are copied; from a GGUF both are written anew. config.json comes last, so that a directory that was
// left in the middle is not taken for a model.
#include "model/file/hfdir.h"
#include "model/file/hfjson.h"
#include "model/file/hfnames.h"
#include "model/file/safetensors_write.h"
#include "model/learn/export_rows.h"
#include "model/net/config_write.h"
#include "model/text/text_file.h"
#include "model/text/tokenizer_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// A tensor that is written.
typedef struct target {
    const file_tensor *tensor;
    char name[TENSOR_MAX_NAME];
    bool transposed;
} target;

typedef struct writer {
    const export_source *s;
    tensor_type type;
    const char *dir;
    target *targets;
    size_t n;
    error *err;
} writer;

static int write_file(const writer *w, const char *name, const char *bytes, size_t n) {
    buf path = {0};
    buf_printf(&path, "%s/%s", w->dir, name);
    int rc = outfile_replace(path.data, bytes, n, w->err);
    buf_free(&path);
    return rc;
}

// ---- weights ----

// Falcon's two norms of parallel layers are ln_attn and ln_mlp; those of serial ones go by the first names of the table
// but for the second.
static void name_falcon_norm(const net_config *c, const char *name, char out[TENSOR_MAX_NAME]) {
    bool mlp = strstr(name, ".ffn_norm.") != NULL, attention = strstr(name, ".attn_norm.") != NULL;
    const char *leaf = strrchr(name, '.') + 1;
    int layer = 0;
    sscanf(name, "blk.%4d.", &layer);
    if (c->parallel_residual && !c->shared_norm && (mlp || attention))
        snprintf(out, TENSOR_MAX_NAME, "transformer.h.%d.%s.%s", layer, mlp ? "ln_mlp" : "ln_attn", leaf);
    else if (!c->parallel_residual && mlp)
        snprintf(out, TENSOR_MAX_NAME, "transformer.h.%d.post_attention_layernorm.%s", layer, leaf);
}

static int name_target(const writer *w, const name_map *names, const file_tensor *t, target *out) {
    const net_config *c = &w->s->net->config;
    name_change change;
    if (!names || !hfnames_original(names, t->name, out->name, &change))
        return error_set(w->err,
                         "%s: tensor %s has no place in a %s model of Hugging Face's; export it with "
                         "--format gguf",
                         model_file_path(w->s->net->file), t->name, c->family);
    if (strcmp(c->family, "falcon") == 0) name_falcon_norm(c, t->name, out->name);
    out->tensor = t;
    out->transposed = change == CHANGE_TRANSPOSE && t->n_dims == 2;
    return 0;
}

// Rope divisors are a setting here, and a tied head is not written again.
static bool is_spare(const net *n, const file_tensor *t) {
    return strcmp(t->name, "rope_freqs.weight") == 0 ||
           (n->config.tied_head && strncmp(t->name, "output.", strlen("output.")) == 0);
}

static int find_targets(writer *w) {
    const net *n = w->s->net;
    const name_map *names = hfnames_of(n->config.family);
    w->targets = mem_calloc(model_file_n_tensors(n->file), sizeof *w->targets);
    for (size_t i = 0; i < model_file_n_tensors(n->file); i++) {
        const file_tensor *t = model_file_tensor_at(n->file, i);
        if (is_spare(n, t)) continue;
        if (name_target(w, names, t, &w->targets[w->n]) != 0) return -1;
        w->n++;
    }
    return 0;
}

static int write_rows(const writer *w, const export_rows *r, outfile *o) {
    size_t each = tensor_row_bytes(w->type, r->cols);
    float *x = mem_calloc((size_t)r->cols, sizeof *x);
    void *out = mem_calloc(each, 1);
    int rc = 0;
    for (int64_t row = 0; rc == 0 && row < r->rows && outfile_ok(o); row++) {
        if (export_rows_write(r, row, w->type, x, out))
            outfile_write(o, out, each);
        else
            rc = export_rows_overflow(w->dir, r->tensor->name, w->type, w->err);
    }
    free(x);
    free(out);
    return rc;
}

// GPT-2's matrices lie (in, out): all rows are made first.
static int write_transposed(const writer *w, const export_rows *r, outfile *o) {
    size_t each = tensor_block_bytes(w->type), rows = (size_t)r->rows, cols = (size_t)r->cols;
    float *x = mem_calloc(cols, sizeof *x);
    char *row = mem_calloc(cols, each), *whole = mem_alloc_big(rows * cols * each);
    int rc =
        whole ? 0 : error_set(w->err, "%s: no memory for turning %s; take a smaller model", w->dir, r->tensor->name);
    for (size_t i = 0; rc == 0 && i < rows; i++) {
        if (!export_rows_write(r, (int64_t)i, w->type, x, row))
            rc = export_rows_overflow(w->dir, r->tensor->name, w->type, w->err);
        for (size_t k = 0; k < cols; k++) memcpy(whole + (k * rows + i) * each, row + k * each, each);
    }
    if (rc == 0) outfile_write(o, whole, rows * cols * each);
    mem_free_big(whole, rows * cols * each);
    free(x);
    free(row);
    return rc;
}

static void write_header(const writer *w, outfile *o) {
    safetensors_entry *entries = mem_calloc(w->n, sizeof *entries);
    for (size_t i = 0; i < w->n; i++) {
        const target *t = &w->targets[i];
        int64_t rows = t->tensor->ne[1], cols = t->tensor->ne[0];
        bool vector = t->tensor->n_dims == 1;
        entries[i] = (safetensors_entry){.name = t->name, .type = w->type, .n_dims = vector ? 1 : 2};
        entries[i].shape[0] = vector || t->transposed ? cols : rows;
        entries[i].shape[1] = t->transposed ? rows : cols;
    }
    safetensors_write_header(o, entries, w->n);
    free(entries);
}

static int write_weights(const writer *w) {
    buf path = {0};
    buf_printf(&path, "%s/model.safetensors", w->dir);
    outfile *o = outfile_open(path.data, w->err);
    buf_free(&path);
    if (!o) return -1;
    write_header(w, o);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        export_rows r;
        if ((rc = export_rows_progress(w->s, i, w->n, w->err)) != 0) break;
        export_rows_open(&r, w->s, w->targets[i].tensor, ROWS_HF);
        rc = w->targets[i].transposed ? write_transposed(w, &r, o) : write_rows(w, &r, o);
        export_rows_close(&r);
        model_file_drop(w->s->net->file, w->targets[i].tensor);
    }
    if (rc == 0) return outfile_commit(o, w->err);
    outfile_discard(o);
    return -1;
}

// ---- what belongs to the weights ----

static int copy_tokenizer(const writer *w) {
    const char *from = model_file_path(w->s->net->file);
    buf text = {0};
    int rc = 0;
    for (const char *const *name = hfdir_side_files; rc == 0 && *name; name++) {
        int found = text_file_read(from, *name, &text, w->err);
        rc = found < 0 ? -1 : found == 0 ? 0 : write_file(w, *name, buf_str(&text), text.len);
    }
    buf_free(&text);
    return rc;
}

// The directory's own config.json, with the type of the weights as it is now.
static void copy_config(const writer *w, const char *dtype, buf *out) {
    cJSON *config = cJSON_Duplicate(model_file_json(w->s->net->file), true);
    const char *key = cJSON_GetObjectItemCaseSensitive(config, "dtype") ? "dtype" : "torch_dtype";
    cJSON_DeleteItemFromObjectCaseSensitive(config, key);
    cJSON_AddStringToObject(config, key, dtype);
    char *text = cJSON_Print(config);
    buf_puts(out, text);
    buf_putc(out, '\n');
    free(text);
    cJSON_Delete(config);
}

static int make_config(const writer *w, buf *out) {
    const char *dtype = w->type == TENSOR_F32 ? "float32" : w->type == TENSOR_F16 ? "float16" : "bfloat16";
    if (model_file_gguf(w->s->net->file)) return config_write_json(w->s->net, dtype, out, w->err);
    copy_config(w, dtype, out);
    return 0;
}

static int write_tokenizer(const writer *w) {
    const gguf *g = model_file_gguf(w->s->net->file);
    return g ? tokenizer_write_dir(g, w->s->tokenizer, w->dir, w->err) : copy_tokenizer(w);
}

int export_hf(const export_source *s, tensor_type type, const char *dir, error *err) {
    writer w = {.s = s, .type = type, .dir = dir, .err = err};
    buf config = {0};
    // What can be refused is refused before anything is written.
    int rc = find_targets(&w) != 0 || make_config(&w, &config) != 0 ? -1 : 0;
    if (rc == 0 && mkdir(dir, 0700) != 0 && errno != EEXIST)
        rc = error_set(err, "%s: cannot be made: %s", dir, strerror(errno));
    if (rc == 0) rc = write_tokenizer(&w);
    if (rc == 0) rc = write_weights(&w);
    if (rc == 0) rc = write_file(&w, "config.json", config.data, config.len);
    buf_free(&config);
    free(w.targets);
    return rc;
}
