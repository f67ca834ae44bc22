// Rows are read from the net's file (or the training's parameters), B A is added for every adapter, and the order is
// that of the layout which is written.
#include "model/learn/export_rows.h"
#include "model/math/quant.h"
#include "model/math/quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const param *find_param(const param_set *set, const char *name) {
    for (size_t i = 0; set && i < set->n; i++)
        if (strcmp(set->items[i]->name, name) == 0) return set->items[i];
    return NULL;
}

// NULL when no row moves.
static int64_t *find_places(const net *n, const char *name, int64_t count, row_layout to) {
    row_layout from = model_file_gguf(n->file) ? ROWS_GGUF : ROWS_HF;
    int64_t *place = mem_calloc((size_t)count, sizeof *place);
    bool moved = false;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = rows_place(&n->config, from, to, name, i);
        place[at] = i;
        moved = moved || at != i;
    }
    if (moved) return place;
    free(place);
    return NULL;
}

void export_rows_open(export_rows *r, const export_source *s, const file_tensor *t, row_layout to) {
    bool vector = t->n_dims == 1;
    *r = (export_rows){.source = s, .tensor = t, .rows = t->ne[1], .cols = t->ne[0]};
    r->param = find_param(s->params, t->name);
    r->changed = r->param != NULL;
    r->parts = mem_calloc((size_t)s->n_merges, sizeof *r->parts);
    for (int i = 0; i < s->n_merges; i++) {
        if (s->merges[i].strength != 0) r->parts[i] = lora_find(s->merges[i].lora, t->name);
        r->changed = r->changed || r->parts[i];
    }
    r->place = find_places(s->net, t->name, vector ? r->cols : r->rows, to);
}

void export_rows_close(export_rows *r) {
    free(r->place);
    free(r->parts);
}

static const void *file_row(const export_rows *r, int64_t row) {
    const file_tensor *t = r->tensor;
    return (const char *)t->data + (size_t)row * tensor_row_bytes(t->type, t->ne[0]);
}

// out += strength * scale * (row of B) A.
static void add_lora(const export_merge *m, const lora_part *p, int64_t row, float *out) {
    double scale = (double)m->strength * lora_scale(m->lora, p);
    const float *b = p->b + (size_t)row * (size_t)p->rank;
    for (int k = 0; k < p->rank; k++) {
        const float *a = p->a + (size_t)k * (size_t)p->cols;
        float factor = (float)(scale * (double)b[k]);
        for (int i = 0; i < p->cols; i++) out[i] += factor * a[i];
    }
}

// Row `row` of the net.
static void read_net_row(const export_rows *r, int64_t row, float *out) {
    const export_source *s = r->source;
    if (r->param && row < r->param->rows)
        memcpy(out, r->param->w + (size_t)row * (size_t)r->cols, (size_t)r->cols * sizeof *out);
    else
        quant_dequantize(r->tensor->type, file_row(r, row), 0, r->cols, out);
    for (int i = 0; i < s->n_merges; i++)
        if (r->parts[i]) add_lora(&s->merges[i], r->parts[i], row, out);
}

void export_rows_read(const export_rows *r, int64_t row, float *out) {
    bool vector = r->tensor->n_dims == 1;
    if (!vector || !r->place) {
        read_net_row(r, r->place ? r->place[row] : row, out);
        return;
    }
    float *x = mem_calloc((size_t)r->cols, sizeof *x);
    read_net_row(r, 0, x);
    for (int64_t i = 0; i < r->cols; i++) out[i] = x[r->place[i]];
    free(x);
}

static const float largest_f16 = 65504;

bool export_rows_write(const export_rows *r, int64_t row, tensor_type type, float *x, void *out) {
    if (!r->changed && r->tensor->type == type && !(r->place && r->tensor->n_dims == 1)) {
        memcpy(out, file_row(r, r->place ? r->place[row] : row), tensor_row_bytes(type, r->cols));
        return true;
    }
    export_rows_read(r, row, x);
    for (int64_t i = 0; i < r->cols; i++)
        if (!isfinite(x[i]) || (type == TENSOR_F16 && fabsf(x[i]) > largest_f16)) return false;
    quantize_row(type, x, r->cols, out);
    return true;
}

int export_rows_overflow(const char *path, const char *name, tensor_type type, error *err) {
    return error_set(err, "%s: %s holds values that %s cannot; export it as %s", path, name, tensor_type_name(type),
                     type == TENSOR_F16 ? "f32 or bf16" : "another type, from a base that is whole");
}

int export_rows_progress(const export_source *s, size_t done, size_t total, error *err) {
    if (!s->progress || s->progress(s->arg, done, total)) return 0;
    return error_set(err, "the export was stopped; nothing is written");
}
