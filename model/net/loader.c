#include "model/net/loader.h"
#include "model/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int loader_check_memory(const model_file *f, error *err) {
    size_t need = 0;
    int64_t there;
    for (size_t i = 0; i < model_file_n_tensors(f); i++) need += model_file_tensor_at(f, i)->size;
    if (memory_suffices(need, &there)) return 0;
    return error_set(err, "%s: its weights need %s of memory, there is %s; close other programs or use a smaller model",
                     model_file_path(f), memory_amount((double)need).text, memory_amount((double)there).text);
}

typedef struct tensor_name {
    char text[TENSOR_MAX_NAME];
} tensor_name;

static tensor_name name_of(const char *fmt, va_list ap) {
    tensor_name n;
    vsnprintf(n.text, sizeof n.text, fmt, ap);
    return n;
}

static const file_tensor *find(const loader *l, const tensor_name *n, const char *leaf) {
    char full[TENSOR_MAX_NAME + 8];
    snprintf(full, sizeof full, "%s%s", n->text, leaf);
    return model_file_tensor(l->file, full);
}

static int missing(const loader *l, const tensor_name *n, const char *leaf) {
    return error_set(l->err, "%s: tensor %s%s is missing: the file is incomplete or of another kind; fetch it again",
                     model_file_path(l->file), n->text, leaf);
}

static int check_shape(const loader *l, const file_tensor *t, int rows, int cols) {
    if (t->ne[0] == cols && t->ne[1] == rows && t->ne[2] == 1 && t->ne[3] == 1) return 0;
    return error_set(l->err,
                     "%s: tensor %s is %lld x %lld, the settings ask for %d x %d: the file is damaged; fetch it again",
                     model_file_path(l->file), t->name, (long long)t->ne[1], (long long)t->ne[0], rows, cols);
}

static int copy_vector(const loader *l, const file_tensor *t, int n, float *out) {
    if (check_shape(l, t, 1, n) != 0) return -1;
    quant_dequantize(t->type, t->data, 0, n, out);
    return 0;
}

// t NULL gives NULL.
static int take_vector(const loader *l, const file_tensor *t, int n, float **out) {
    *out = NULL;
    if (!t) return 0;
    *out = mem_calloc((size_t)n, sizeof **out);
    return copy_vector(l, t, n, *out);
}

int loader_table(const loader *l, int rows, int cols, const file_tensor **out, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    tensor_name n = name_of(fmt, ap);
    va_end(ap);
    *out = find(l, &n, "");
    return *out ? check_shape(l, *out, rows, cols) : missing(l, &n, "");
}

int loader_vector(const loader *l, int n, float **out, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    tensor_name name = name_of(fmt, ap);
    va_end(ap);
    return take_vector(l, find(l, &name, ""), n, out);
}

int loader_norm(const loader *l, int n, norm *out, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    tensor_name name = name_of(fmt, ap);
    va_end(ap);
    const file_tensor *weight = find(l, &name, ".weight");
    if (!weight) return missing(l, &name, ".weight");
    if (take_vector(l, weight, n, &out->weight) != 0) return -1;
    return take_vector(l, find(l, &name, ".bias"), n, &out->bias);
}

int loader_linear(const loader *l, int rows, int cols, linear *into, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    tensor_name name = name_of(fmt, ap);
    va_end(ap);
    const file_tensor *weight = find(l, &name, ".weight"), *bias = find(l, &name, ".bias");
    size_t before = (size_t)into->rows, all = before + (size_t)rows;
    if (!weight) return missing(l, &name, ".weight");
    if (check_shape(l, weight, rows, cols) != 0 || linear_add_part(into, l->file, weight, l->team, l->err) != 0)
        return -1;
    if (!bias && !into->bias) return 0;
    // Parts without a bias beside one that has it get zeros.
    float *grown = mem_calloc(all, sizeof *grown);
    if (into->bias) memcpy(grown, into->bias, before * sizeof *grown);
    free(into->bias);
    into->bias = grown;
    return bias ? copy_vector(l, bias, rows, grown + before) : 0;
}
