// Between a training's parameters and adapters as numbers (lora.h). What a directory adapts is taken from its tensors,
// which say it without doubt; of the config only alpha, rsLoRA and dropout count.
#include "model/learn/peft.h"
#include "model/file/hfnames.h"
#include "model/learn/peft_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct target_row {
    const char *module; // GGUF's name
    learn_target target;
} target_row;

static const target_row targets[] = {
    {"attn_q", TARGET_Q},        {"attn_k", TARGET_K},      {"attn_v", TARGET_V},  {"attn_qkv", TARGET_QKV},
    {"attn_output", TARGET_OUT}, {"ffn_gate", TARGET_GATE}, {"ffn_up", TARGET_UP}, {"ffn_down", TARGET_DOWN},
};
enum { N_TARGETS = sizeof targets / sizeof *targets };

// ---- reading ----

static unsigned target_of(const char *name) {
    const char *module = strchr(name + strlen("blk."), '.') + 1;
    for (int i = 0; i < N_TARGETS; i++) {
        size_t n = strlen(targets[i].module);
        if (strncmp(module, targets[i].module, n) == 0 && module[n] == '.') return targets[i].target;
    }
    return 0;
}

// One rank, one alpha, and the same targets in each of the top layers: what learn_graph_lora can make.
static int describe(const lora *l, const char *dir, int n_layers, learn_lora *o, error *err) {
    unsigned *in_layer = mem_calloc((size_t)n_layers, sizeof *in_layer), all = 0;
    bool even = true;
    int lowest = n_layers;
    for (size_t i = 0; i < l->n; i++) {
        const lora_part *p = &l->parts[i];
        in_layer[p->place.layer] |= target_of(p->name);
        all |= target_of(p->name);
        if (p->place.layer < lowest) lowest = p->place.layer;
        even = even && p->rank == l->parts[0].rank && p->alpha == l->parts[0].alpha;
    }
    for (int i = lowest; i < n_layers; i++) even = even && in_layer[i] == all;
    free(in_layer);
    if (!even)
        return error_set(err,
                         "%s: its layers differ in rank, alpha or in what is adapted; training goes on only from "
                         "adapters that are alike in all their layers",
                         dir);
    *o = (learn_lora){.rank = l->parts[0].rank,
                      .alpha = l->parts[0].alpha,
                      .targets = all,
                      .top_layers = lowest == 0 ? 0 : n_layers - lowest,
                      .rs = l->rs,
                      .seed = o->seed};
    return 0;
}

int peft_read_settings(const char *dir, const net *n, peft_settings *out, error *err) {
    lora l;
    int rc = lora_open(&l, dir, n, err);
    if (rc == 0) rc = describe(&l, dir, n->config.n_layers, &out->lora, err);
    if (rc == 0) {
        out->dropout = l.dropout;
        out->base = NULL;
    }
    lora_free(&l);
    return rc;
}

static param *find_param(const learn_graph *g, const char *name, const char *suffix) {
    char full[PARAM_MAX_NAME + 16];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    for (size_t i = 0; i < g->params.n; i++)
        if (strcmp(g->params.items[i]->name, full) == 0) return g->params.items[i];
    return NULL;
}

static int load_part(const char *dir, learn_graph *g, const lora_part *p, error *err) {
    param *a = find_param(g, p->name, ".lora_a"), *b = find_param(g, p->name, ".lora_b");
    if (!a || !b || a->rows != p->rank || a->cols != p->cols || b->rows != p->rows || b->cols != p->rank)
        return error_set(err,
                         "%s: adapts %s with rank %d, which this training does not; train with the adapter's own "
                         "rank and targets",
                         dir, p->name, p->rank);
    memcpy(a->w, p->a, param_count(a) * sizeof *a->w);
    memcpy(b->w, p->b, param_count(b) * sizeof *b->w);
    return 0;
}

int peft_load(const char *dir, learn_graph *g, error *err) {
    lora l;
    int rc = lora_open(&l, dir, g->net, err);
    for (size_t i = 0; rc == 0 && i < l.n; i++) rc = load_part(dir, g, &l.parts[i], err);
    if (rc == 0 && g->params.n != 2 * l.n)
        rc = error_set(err, "%s: adapts %zu matrices, this training %zu; train with the adapter's own targets", dir,
                       l.n, g->params.n / 2);
    lora_free(&l);
    return rc;
}

// ---- writing ----

int peft_save(const char *dir, const learn_graph *g, const peft_settings *s, error *err) {
    lora l = {.rs = s->lora.rs, .dropout = s->dropout};
    l.parts = mem_calloc(g->params.n, sizeof *l.parts);
    for (size_t i = 0; i + 1 < g->params.n; i += 2) {
        param *a = g->params.items[i], *b = g->params.items[i + 1];
        lora_part *p = &l.parts[l.n++];
        snprintf(p->name, sizeof p->name, "%.*s", (int)(strlen(a->name) - strlen(".lora_a")), a->name);
        p->rank = a->rows;
        p->cols = a->cols;
        p->rows = b->rows;
        p->a = a->w;
        p->b = b->w;
        p->alpha = s->lora.alpha;
    }
    int rc = peft_write(dir, &l, g->net, s->base && *s->base ? s->base : NULL, err);
    free(l.parts); // the values are the graph's
    return rc;
}

// ---- names of targets ----

// The module that PEFT adapts for a target in layer 0, as model.layers.0.self_attn.q_proj; false when n has none.
static bool module_of(const net *n, const target_row *t, char out[TENSOR_MAX_NAME]) {
    const name_map *names = hfnames_of(n->config.family);
    char name[TENSOR_MAX_NAME];
    lora_place place;
    name_change change;
    snprintf(name, sizeof name, "blk.0.%s.weight", t->module);
    if (!names || !lora_find_place(n, name, &place) || !hfnames_original(names, name, out, &change)) return false;
    out[strlen(out) - strlen(".weight")] = '\0';
    return true;
}

// Whether name is module or its end behind a dot.
static bool is_end(const char *module, const char *name) {
    size_t n = strlen(module), k = strlen(name);
    return k > 0 && k <= n && strcmp(module + n - k, name) == 0 && (k == n || module[n - k - 1] == '.');
}

int peft_add_target(const net *n, const char *name, unsigned *found, error *err) {
    bool all = strcmp(name, "all-linear") == 0;
    unsigned meant = 0;
    buf known = {0};
    for (int i = 0; i < N_TARGETS; i++) {
        char module[TENSOR_MAX_NAME];
        if (!module_of(n, &targets[i], module)) continue;
        if (all || is_end(module, name)) meant |= targets[i].target;
        const char *leaf = strrchr(module, '.') + 1;
        if (!strstr(buf_str(&known), leaf)) buf_printf(&known, "%s, ", leaf);
    }
    if (!meant)
        error_set(err, "\"%.64s\" is no linear layer of this model; it has %sand all-linear for all of them", name,
                  buf_str(&known));
    buf_free(&known);
    *found |= meant;
    return meant ? 0 : -1;
}
