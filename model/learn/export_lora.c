// An adapter as a GGUF LoRA. The format has one alpha for all layers; where an adapter has several, the difference goes
// into B.
#include "model/learn/export.h"
#include "model/math/quantize.h"
#include "model/net/config_write.h"
#include "model/net/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What alpha / rank has to be multiplied with the rank for: alpha as GGUF means it.
static double alpha_of(const lora *l, const lora_part *p) {
    return lora_scale(l, p) * p->rank;
}

static void describe(const lora_part *p, const char *which, int rows, int cols, tensor_type type, gguf_writer *w) {
    char name[TENSOR_MAX_NAME + 16];
    snprintf(name, sizeof name, "%s.lora_%s", p->name, which);
    gguf_write_tensor(w, name, type, 2, (int64_t[]){cols, rows});
}

// factor * x, n numbers.
static void write_scaled(const float *x, int n, float factor, tensor_type type, gguf_writer *w) {
    float *scaled = mem_calloc((size_t)n, sizeof *scaled);
    void *out = mem_calloc((size_t)n, sizeof(float));
    for (int i = 0; i < n; i++) scaled[i] = factor * x[i];
    quantize_row(type, scaled, n, out);
    gguf_write_data(w, out, tensor_row_bytes(type, n));
    free(scaled);
    free(out);
}

static void write_part(const net *n, const lora_part *p, float factor, tensor_type type, gguf_writer *w) {
    row_layout from = model_file_gguf(n->file) ? ROWS_GGUF : ROWS_HF;
    int *row_at = mem_calloc((size_t)p->rows, sizeof *row_at);
    for (int r = 0; r < p->rows; r++) row_at[rows_place(&n->config, from, ROWS_GGUF, p->name, r)] = r;
    for (int k = 0; k < p->rank; k++) write_scaled(p->a + (size_t)k * (size_t)p->cols, p->cols, 1, type, w);
    gguf_write_pad(w);
    for (int r = 0; r < p->rows; r++)
        write_scaled(p->b + (size_t)row_at[r] * (size_t)p->rank, p->rank, factor, type, w);
    gguf_write_pad(w);
    free(row_at);
}

// general.architecture as the base has it.
static int write_architecture(const net *n, gguf_writer *w, error *err) {
    const gguf *g = model_file_gguf(n->file);
    const char *arch;
    size_t len;
    if (g && gguf_get_string(g, "general.architecture", &arch, &len, err) != 1) return -1;
    if (!g && !(arch = config_gguf_name(&n->config)))
        return error_set(err, "%s: GGUF has no place for %s models; export the adapter with --format peft",
                         model_file_path(n->file), n->config.family);
    if (!g) len = strlen(arch);
    gguf_write_text(w, "general.architecture", arch, len);
    return 0;
}

int export_gguf_lora(const net *n, const lora *l, float strength, tensor_type type, const char *path, error *err) {
    gguf_writer w = {0};
    double alpha = l->n ? alpha_of(l, &l->parts[0]) : 0;
    int rc = write_architecture(n, &w, err);
    // An alpha of zero would mean none at all to readers of the format.
    if (rc == 0 && alpha * (double)strength == 0)
        rc = error_set(err, "%s: an adapter of no effect cannot be written as a GGUF LoRA; give it a strength", path);
    if (rc == 0) {
        gguf_write_text(&w, "general.type", "adapter", 7);
        gguf_write_text(&w, "adapter.type", "lora", 4);
        gguf_write_float(&w, "adapter.lora.alpha", alpha * (double)strength);
        for (size_t i = 0; i < l->n; i++) {
            describe(&l->parts[i], "a", l->parts[i].rank, l->parts[i].cols, type, &w);
            describe(&l->parts[i], "b", l->parts[i].rows, l->parts[i].rank, type, &w);
        }
        rc = gguf_write_begin(&w, path, err);
    }
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        write_part(n, &l->parts[i], (float)(alpha_of(l, &l->parts[i]) / alpha), type, &w);
    if (rc == 0) rc = gguf_write_commit(&w, err);
    gguf_write_free(&w);
    return rc;
}
