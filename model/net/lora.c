// What both kinds of file have in common: finding the matrix that is meant, checking shapes and numbers, and bringing
// the rows of B into the net's order.
#include "model/net/lora_impl.h"
#include "model/net/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double MAX_SCALE = 1e6;

bool lora_find_place(const net *n, const char *name, lora_place *out) {
    static const struct {
        const char *name;
        int slot, part;
    } places[] = {
        {"attn_q.weight", ADAPTED_QKV, 0},   {"attn_k.weight", ADAPTED_QKV, 1},      {"attn_v.weight", ADAPTED_QKV, 2},
        {"attn_qkv.weight", ADAPTED_QKV, 0}, {"attn_output.weight", ADAPTED_OUT, 0}, {"ffn_gate.weight", ADAPTED_UP, 0},
        {"ffn_up.weight", ADAPTED_UP, 1},    {"ffn_down.weight", ADAPTED_DOWN, 0},
    };
    int at = 0, index;
    if (sscanf(name, "blk.%4d.%n", &index, &at) != 1 || at == 0) return false;
    if (index < 0 || index >= n->config.n_layers) return false;
    const layer *y = &n->layers[index];
    const linear *slots[ADAPTED_LAYERS] = {&y->qkv, &y->out, &y->up, &y->down};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(name + at, places[i].name) != 0) continue;
        int slot = places[i].slot, part = places[i].part;
        const linear *l = slots[slot];
        if (slot == ADAPTED_UP && l->n_parts == 1) part -= 1; // there is no gate
        bool fused = strcmp(places[i].name, "attn_qkv.weight") == 0;
        if (slot == ADAPTED_QKV && fused != (l->n_parts == 1)) return false;
        if (part < 0 || part >= l->n_parts) return false;
        *out = (lora_place){index, slot, part, &l->part[part]};
        return true;
    }
    return false;
}

// Row `row` of a (rows, n) tensor that may lie at any address, as floats. bytes: room for a row of it.
static void read_row(tensor_type type, const void *data, int64_t row, int n, void *bytes, float *out) {
    size_t each = tensor_row_bytes(type, n);
    memcpy(bytes, (const char *)data + (size_t)row * each, each);
    quant_dequantize(type, bytes, 0, n, out);
}

static bool all_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static int check_shape(const lora_source *s, const matrix *m, error *err) {
    if (s->rank >= 1 && s->rank <= LORA_MAX_RANK && s->cols == m->cols && s->rows == m->rows) return 0;
    return error_set(
        err, "%s: %s is adapted as %lld x %lld with rank %lld, the model has %d x %d; use it with its own model",
        s->path, s->name, (long long)s->rows, (long long)s->cols, (long long)s->rank, m->rows, m->cols);
}

int lora_add(lora *l, const net *n, const lora_source *s, error *err) {
    lora_place place;
    if (!lora_find_place(n, s->name, &place))
        return error_set(err, "%s: adapts %s, which this model does not have; use it with its own model", s->path,
                         s->name);
    if (check_shape(s, place.matrix, err) != 0) return -1;
    if (lora_find(l, s->name)) return error_set(err, "%s: adapts %s twice; the file is damaged", s->path, s->name);
    int rank = (int)s->rank, rows = (int)s->rows, cols = (int)s->cols;
    lora_part p = {.place = place, .rank = rank, .rows = rows, .cols = cols, .alpha = s->alpha};
    snprintf(p.name, sizeof p.name, "%s", s->name);
    p.a = mem_calloc((size_t)rank * (size_t)cols, sizeof *p.a);
    p.b = mem_calloc((size_t)rows * (size_t)rank, sizeof *p.b);
    l->parts = mem_reserve(l->parts, &l->cap, l->n + 1, sizeof *l->parts);
    l->parts[l->n++] = p;
    float *bytes = mem_calloc((size_t)(cols > rank ? cols : rank), sizeof *bytes);
    row_layout mine = model_file_gguf(n->file) ? ROWS_GGUF : ROWS_HF;
    for (int k = 0; k < rank; k++) read_row(s->type_a, s->a, k, cols, bytes, p.a + (size_t)k * (size_t)cols);
    for (int r = 0; r < rows; r++)
        read_row(s->type_b, s->b, rows_place(&n->config, mine, s->layout, s->name, r), rank, bytes,
                 p.b + (size_t)r * (size_t)rank);
    free(bytes);
    if (!(fabs(lora_scale(l, &p)) <= MAX_SCALE))
        return error_set(err, "%s: the alpha of %s is %g, out of every range; the adapter is damaged", s->path, s->name,
                         p.alpha);
    if (all_finite(p.a, (size_t)rank * (size_t)cols) && all_finite(p.b, (size_t)rows * (size_t)rank)) return 0;
    return error_set(err, "%s: what it adds to %s holds values that are no numbers; the adapter is damaged", s->path,
                     s->name);
}

int lora_open(lora *l, const char *path, const net *n, error *err) {
    struct stat st;
    *l = (lora){0};
    if (stat(path, &st) != 0)
        return error_set(
            err, "%s: there is no such adapter; give a name under adapters/, a PEFT directory or a GGUF LoRA file",
            path);
    if ((S_ISDIR(st.st_mode) ? lora_read_peft(l, path, n, err) : lora_read_gguf(l, path, n, err)) != 0) return -1;
    return l->n > 0 ? 0 : error_set(err, "%s: holds no adapter tensors", path);
}

void lora_free(lora *l) {
    for (size_t i = 0; i < l->n; i++) {
        free(l->parts[i].a);
        free(l->parts[i].b);
    }
    free(l->parts);
    *l = (lora){0};
}

double lora_scale(const lora *l, const lora_part *p) {
    return l->rs ? p->alpha / sqrt(p->rank) : p->alpha / p->rank;
}

const lora_part *lora_find(const lora *l, const char *name) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->parts[i].name, name) == 0) return &l->parts[i];
    return NULL;
}
