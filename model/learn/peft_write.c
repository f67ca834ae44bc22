// Writing PEFT directories. PEFT finds the layers to adapt by target_modules, the ends of module names; an adapter that
// such a list cannot describe (some kinds of layers adapted in some layers only) gets the full names in it.
#include "model/learn/peft_write.h"
#include "model/file/hfnames.h"
#include "model/file/safetensors_write.h"
#include "model/net/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// A part and what PEFT calls it.
typedef struct module {
    const lora_part *part;
    char *name;       // transformer.h.0.attn.c_attn
    const char *kind; // in name, behind the layer's number: attn.c_attn
    const char *leaf; // in name: c_attn
    name_change change;
} module;

typedef struct writer {
    const lora *lora;
    const net *net;
    module *modules; // sorted by name, as PEFT's files are
    size_t n;
    error *err;
} writer;

static int by_name(const void *a, const void *b) {
    return strcmp(((const module *)a)->name, ((const module *)b)->name);
}

static int name_module(const writer *w, const lora_part *p, module *m) {
    const name_map *names = hfnames_of(w->net->config.family);
    char full[TENSOR_MAX_NAME];
    if (!names || !hfnames_original(names, p->name, full, &m->change))
        return error_set(w->err, "%s models have no name for %s in PEFT's form", w->net->config.family, p->name);
    m->part = p;
    m->name = mem_strndup(full, strlen(full) - strlen(".weight"));
    char *digit = strpbrk(m->name, "0123456789");
    m->kind = digit + strspn(digit, "0123456789") + 1;
    m->leaf = strrchr(m->name, '.') + 1;
    return 0;
}

static int name_modules(writer *w) {
    w->modules = mem_calloc(w->lora->n, sizeof *w->modules);
    for (size_t i = 0; i < w->lora->n; i++, w->n++)
        if (name_module(w, &w->lora->parts[i], &w->modules[i]) != 0) return -1;
    qsort(w->modules, w->n, sizeof *w->modules, by_name);
    return 0;
}

static int layer_of(const module *m) {
    int layer = 0;
    sscanf(m->part->name, "blk.%4d.", &layer);
    return layer;
}

// ---- adapter_config.json ----

static bool has_kind(const writer *w, int layer, const char *kind) {
    for (size_t i = 0; i < w->n; i++)
        if (layer_of(&w->modules[i]) == layer && strcmp(w->modules[i].kind, kind) == 0) return true;
    return false;
}

static bool has_layer(const writer *w, int layer) {
    for (size_t i = 0; i < w->n; i++)
        if (layer_of(&w->modules[i]) == layer) return true;
    return false;
}

// Whether every adapted layer has every adapted kind.
static bool is_regular(const writer *w) {
    for (int layer = 0; layer < w->net->config.n_layers; layer++)
        for (size_t i = 0; i < w->n && has_layer(w, layer); i++)
            if (!has_kind(w, layer, w->modules[i].kind)) return false;
    return true;
}

// Whether the model has a module of that leaf (GPT-2's attn.c_proj and mlp.c_proj) that is not adapted in this layer.
static bool is_ambiguous(const writer *w, const module *m) {
    static const char *const all[] = {"attn_q",      "attn_k",   "attn_v", "attn_qkv",
                                      "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
    const name_map *names = hfnames_of(w->net->config.family);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[TENSOR_MAX_NAME], full[TENSOR_MAX_NAME];
        name_change change;
        lora_place place;
        snprintf(name, sizeof name, "blk.%d.%s.weight", layer_of(m), all[i]);
        if (!lora_find_place(w->net, name, &place) || !hfnames_original(names, name, full, &change)) continue;
        full[strlen(full) - strlen(".weight")] = '\0';
        const char *kind = full + (m->kind - m->name), *leaf = strrchr(full, '.') + 1;
        if (strcmp(leaf, m->leaf) == 0 && !has_kind(w, layer_of(m), kind)) return true;
    }
    return false;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_targets(const writer *w, buf *out) {
    bool regular = is_regular(w);
    const char **targets = mem_calloc(w->n, sizeof *targets);
    for (size_t i = 0; i < w->n; i++) {
        const module *m = &w->modules[i];
        targets[i] = !regular ? m->name : is_ambiguous(w, m) ? m->kind : m->leaf;
    }
    qsort(targets, w->n, sizeof *targets, by_text);
    buf_puts(out, "  \"target_modules\": [");
    for (size_t i = 0; i < w->n; i++)
        if (i == 0 || strcmp(targets[i], targets[i - 1]) != 0)
            buf_printf(out, "%s\n    \"%s\"", i ? "," : "", targets[i]);
    buf_puts(out, "\n  ],\n");
    free(targets);
}

static void put_layers(const writer *w, buf *out) {
    int n_layers = w->net->config.n_layers, n = 0, n_put = 0;
    for (int i = 0; i < n_layers; i++) n += has_layer(w, i);
    if (n == n_layers || !is_regular(w)) {
        buf_puts(out, "  \"layers_to_transform\": null,\n");
        return;
    }
    buf_puts(out, "  \"layers_to_transform\": [");
    for (int i = 0; i < n_layers; i++)
        if (has_layer(w, i)) buf_printf(out, "%s%d", n_put++ ? ", " : "", i);
    buf_puts(out, "],\n");
}

// Modules whose rank or alpha is not that of the first one.
static void put_pattern(const writer *w, const char *key, bool alpha, buf *out) {
    const lora_part *first = w->modules[0].part;
    int n_put = 0;
    buf_printf(out, "  \"%s\": {", key);
    for (size_t i = 0; i < w->n; i++) {
        const lora_part *p = w->modules[i].part;
        if (alpha ? p->alpha == first->alpha : p->rank == first->rank) continue;
        buf_printf(out, "%s\n    \"%s\": %.15g", n_put++ ? "," : "", w->modules[i].name, alpha ? p->alpha : p->rank);
    }
    buf_puts(out, n_put ? "\n  },\n" : "},\n");
}

static void put_config(const writer *w, const char *base, buf *out) {
    const lora_part *first = w->modules[0].part;
    bool transposed = false;
    for (size_t i = 0; i < w->n; i++) transposed = transposed || w->modules[i].change == CHANGE_TRANSPOSE;
    buf_puts(out, "{\n");
    put_pattern(w, "alpha_pattern", true, out);
    buf_puts(out, "  \"auto_mapping\": null,\n  \"base_model_name_or_path\": ");
    if (base)
        buf_json_string(out, base, strlen(base));
    else
        buf_puts(out, "null");
    buf_printf(out, ",\n  \"bias\": \"none\",\n  \"fan_in_fan_out\": %s,\n", transposed ? "true" : "false");
    buf_puts(out, "  \"inference_mode\": true,\n  \"init_lora_weights\": true,\n  \"layers_pattern\": null,\n");
    put_layers(w, out);
    buf_printf(out, "  \"lora_alpha\": %.15g,\n  \"lora_dropout\": %.15g,\n", first->alpha, w->lora->dropout);
    buf_puts(out, "  \"modules_to_save\": null,\n  \"peft_type\": \"LORA\",\n");
    buf_printf(out, "  \"r\": %d,\n", first->rank);
    put_pattern(w, "rank_pattern", false, out);
    buf_puts(out, "  \"revision\": null,\n");
    put_targets(w, out);
    buf_printf(out, "  \"task_type\": \"CAUSAL_LM\",\n  \"use_dora\": false,\n  \"use_rslora\": %s\n}\n",
               w->lora->rs ? "true" : "false");
}

// ---- adapter_model.safetensors ----

// B with its rows in the order of the Hugging Face model.
static void write_b(const writer *w, const lora_part *p, outfile *o) {
    row_layout mine = model_file_gguf(w->net->file) ? ROWS_GGUF : ROWS_HF;
    int *row_at = mem_calloc((size_t)p->rows, sizeof *row_at);
    for (int r = 0; r < p->rows; r++) row_at[rows_place(&w->net->config, mine, ROWS_HF, p->name, r)] = r;
    for (int r = 0; r < p->rows; r++)
        outfile_write(o, p->b + (size_t)row_at[r] * (size_t)p->rank, (size_t)p->rank * sizeof *p->b);
    free(row_at);
}

static int write_weights(const writer *w, const char *path) {
    outfile *o = outfile_open(path, w->err);
    if (!o) return -1;
    safetensors_entry *entries = mem_calloc(2 * w->n, sizeof *entries);
    char **names = mem_calloc(2 * w->n, sizeof *names);
    for (size_t i = 0; i < 2 * w->n; i++) {
        const module *m = &w->modules[i / 2];
        bool b = i % 2;
        buf name = {0};
        buf_printf(&name, "base_model.model.%s.lora_%c.weight", m->name, b ? 'B' : 'A');
        names[i] = buf_take(&name);
        entries[i] = (safetensors_entry){
            names[i], TENSOR_F32, 2, {b ? m->part->rows : m->part->rank, b ? m->part->rank : m->part->cols}};
    }
    safetensors_write_header(o, entries, 2 * w->n);
    for (size_t i = 0; i < w->n; i++) {
        const lora_part *p = w->modules[i].part;
        outfile_write(o, p->a, (size_t)p->rank * (size_t)p->cols * sizeof *p->a);
        write_b(w, p, o);
    }
    for (size_t i = 0; i < 2 * w->n; i++) free(names[i]);
    free(names);
    free(entries);
    return outfile_commit(o, w->err);
}

// ----

static int write_both(const writer *w, const char *dir, const char *base) {
    buf path = {0}, config = {0};
    buf_printf(&path, "%s/adapter_model.safetensors", dir);
    int rc = write_weights(w, path.data);
    if (rc == 0) {
        buf_clear(&path);
        buf_printf(&path, "%s/adapter_config.json", dir);
        put_config(w, base, &config);
        rc = outfile_replace(path.data, config.data, config.len, w->err);
    }
    buf_free(&path);
    buf_free(&config);
    return rc;
}

int peft_write(const char *dir, const lora *l, const net *n, const char *base, error *err) {
    writer w = {.lora = l, .net = n, .err = err};
    if (l->n == 0) return error_set(err, "%s: there is no adapter to write", dir);
    int rc = name_modules(&w);
    if (rc == 0 && mkdir(dir, 0700) != 0 && errno != EEXIST)
        rc = error_set(err, "%s: cannot be made: %s", dir, strerror(errno));
    if (rc == 0) rc = write_both(&w, dir, base);
    for (size_t i = 0; i < w.n; i++) free(w.modules[i].name);
    free(w.modules);
    return rc;
}
