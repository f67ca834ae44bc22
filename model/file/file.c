// One front for both kinds of model. The tensors of a GGUF file are copied into a table of our own (the descriptions,
// not the data), because a few files use a name in another sense than the rest.
#include "model/file/file.h"
#include "model/file/hfdir.h"
#include "model/file/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct model_file {
    char *path;
    gguf *gguf;
    hfdir *dir;
    tensor_table own; // a GGUF's; empty for a directory
};

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// Falcon-40b's two norms are called attn_norm_2 (read by attention) and attn_norm (read by the MLP) in GGUF files; in
// every other family attn_norm is attention's and the MLP's is ffn_norm.
static void rename_falcon_norms(char *name) {
    int layer, end = 0;
    char leaf[16];
    if (sscanf(name, "blk.%d.attn_norm_2.%15s%n", &layer, leaf, &end) == 2 && name[end] == '\0')
        snprintf(name, TENSOR_MAX_NAME, "blk.%d.attn_norm.%s", layer, leaf);
    else if (sscanf(name, "blk.%d.attn_norm.%15s%n", &layer, leaf, &end) == 2 && name[end] == '\0')
        snprintf(name, TENSOR_MAX_NAME, "blk.%d.ffn_norm.%s", layer, leaf);
}

static int list_gguf_tensors(model_file *f, error *err) {
    size_t n = gguf_n_tensors(f->gguf);
    bool swapped_norms = gguf_tensor(f->gguf, "blk.0.attn_norm_2.weight") != NULL;
    tensor_table_init(&f->own, n);
    for (size_t i = 0; i < n; i++) {
        file_tensor t = *gguf_tensor_at(f->gguf, i);
        if (swapped_norms) rename_falcon_norms(t.name);
        if (!tensor_table_add(&f->own, &t))
            return error_set(err, "%s: tensor %s is there twice: the file is damaged; fetch it again", f->path, t.name);
    }
    return 0;
}

static int open_gguf(model_file *f, error *err) {
    int64_t parts = 1;
    f->gguf = gguf_open(f->path, err);
    if (!f->gguf) return -1;
    if (gguf_get_int(f->gguf, "split.count", &parts, err) < 0) return -1;
    if (parts > 1)
        return error_set(err, "%s: is one of %lld parts; join them into one file first (gguf-split --merge)", f->path,
                         (long long)parts);
    if (gguf_n_tensors(f->gguf) == 0)
        return error_set(err, "%s: holds no tensors, only settings; take the file with the weights", f->path);
    return list_gguf_tensors(f, err);
}

model_file *model_file_open(const char *path, error *err) {
    model_file *f = mem_calloc(1, sizeof *f);
    f->path = mem_strdup(path);
    int rc;
    if (is_directory(path)) {
        f->dir = hfdir_open(path, err);
        rc = f->dir ? 0 : -1;
    } else {
        rc = open_gguf(f, err);
    }
    if (rc == 0) return f;
    model_file_close(f);
    return NULL;
}

void model_file_close(model_file *f) {
    if (!f) return;
    tensor_table_free(&f->own);
    gguf_close(f->gguf);
    hfdir_close(f->dir);
    free(f->path);
    free(f);
}

bool model_file_is_torn(const model_file *f) {
    return f->dir ? hfdir_is_torn(f->dir) : f->gguf && gguf_is_torn(f->gguf);
}

int model_file_check(const model_file *f, error *err) {
    bool changed = f->dir ? hfdir_has_changed(f->dir) : f->gguf && gguf_has_changed(f->gguf);
    if (!changed) return 0;
    return error_set(err, "%s: was cut off or written to while it was in use; see that it is whole and load it again",
                     f->path);
}

const char *model_file_path(const model_file *f) {
    return f->path;
}

const gguf *model_file_gguf(const model_file *f) {
    return f->gguf;
}

const cJSON *model_file_json(const model_file *f) {
    return f->dir ? hfdir_config(f->dir) : NULL;
}

static const tensor_table *table_of(const model_file *f) {
    return f->dir ? hfdir_tensors(f->dir) : &f->own;
}

const file_tensor *model_file_tensor(const model_file *f, const char *name) {
    return tensor_table_find(table_of(f), name);
}

size_t model_file_n_tensors(const model_file *f) {
    return table_of(f)->n;
}

const file_tensor *model_file_tensor_at(const model_file *f, size_t i) {
    return &table_of(f)->tensors[i];
}

void model_file_drop(const model_file *f, const file_tensor *t) {
    if (f->dir)
        hfdir_drop(f->dir, t);
    else
        gguf_drop(f->gguf, t);
}

void model_file_drop_all(const model_file *f) {
    if (f->dir)
        hfdir_drop_all(f->dir);
    else
        gguf_drop_all(f->gguf);
}
