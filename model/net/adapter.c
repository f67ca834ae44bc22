// Reading adapters, and hanging them into a state's layers.
//
// PEFT names its tensors by the modules of the Hugging Face model, so the names go through the same table as a model's
// own (hfnames.h). Where a net comes from a GGUF of the Llama family, its rows of q and k stand in another order than
// in the Hugging Face model (pairs that rope turns together are neighbours), and the rows of B have to follow.
#include "model/net/adapter.h"
#include "model/file/hfjson.h"
#include "model/file/hfnames.h"
#include "model/file/safetensors.h"
#include "model/math/half.h"
#include "model/net/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_RANK = 1024, MAX_CONFIG_BYTES = 1 << 20 };

// A (rank, cols) and B (rows, rank) of one part of one layer, as low_rank wants them.
typedef struct piece {
    int layer, slot; // ADAPTED_QKV ...
    low_rank low;    // scale without the strength
    void *a, *b;
} piece;

struct adapter {
    const net *net;
    piece *pieces;
    size_t n, cap;
};

// Where the tensors of one part come from.
typedef struct source {
    const char *path, *name;
    tensor_type type_a, type_b;
    const void *a, *b;
    int64_t rank, cols, rows;
    double alpha; // 0: rank
    bool rs;      // alpha / sqrt(rank) (rsLoRA)
    bool hf_rows; // rows of q and k in Hugging Face's order
} source;

// The layer and part that blk.N.NAME.weight means; NULL when the net has no such part.
static const matrix *find_part(const net *n, const char *name, int *layer_out, int *slot, int *part) {
    static const struct {
        const char *name;
        int slot, part;
    } places[] = {
        {"attn_q.weight", ADAPTED_QKV, 0},   {"attn_k.weight", ADAPTED_QKV, 1},      {"attn_v.weight", ADAPTED_QKV, 2},
        {"attn_qkv.weight", ADAPTED_QKV, 0}, {"attn_output.weight", ADAPTED_OUT, 0}, {"ffn_gate.weight", ADAPTED_UP, 0},
        {"ffn_up.weight", ADAPTED_UP, 1},    {"ffn_down.weight", ADAPTED_DOWN, 0},
    };
    int at = 0;
    if (sscanf(name, "blk.%d.%n", layer_out, &at) != 1 || at == 0) return NULL;
    if (*layer_out < 0 || *layer_out >= n->config.n_layers) return NULL;
    const layer *y = &n->layers[*layer_out];
    const linear *slots[ADAPTED_LAYERS] = {&y->qkv, &y->out, &y->up, &y->down};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(name + at, places[i].name) != 0) continue;
        const linear *l = slots[ *slot = places[i].slot];
        *part = places[i].part;
        if (*slot == ADAPTED_UP && l->n_parts == 1) *part = 0;
        bool fused = strcmp(places[i].name, "attn_qkv.weight") == 0;
        if (*slot == ADAPTED_QKV && fused != (l->n_parts == 1)) return NULL;
        return *part < l->n_parts ? &l->part[*part] : NULL;
    }
    return NULL;
}

// The row of the file that belongs at row `row` of the net's q or k.
static int64_t file_row(const net *n, const source *s, int slot, int part, int64_t row) {
    const net_config *c = &n->config;
    bool gguf_rows =
        model_file_gguf(n->file) && c->position == POSITION_ROPE && !c->rope_neox && strcmp(c->family, "llama") == 0;
    bool net_hf = !gguf_rows;
    if (slot != ADAPTED_QKV || part > 1 || strcmp(c->family, "llama") != 0 || net_hf == s->hf_rows) return row;
    int64_t half = c->head_dim / 2, head = row / c->head_dim * c->head_dim, i = row % c->head_dim;
    return net_hf ? head + i % half * 2 + i / half // the file's pairs are neighbours
                  : head + i % 2 * half + i / 2;   // the net's are
}

static void put(void *to, bool f32, size_t i, float v) {
    if (f32)
        ((float *)to)[i] = v;
    else
        ((uint16_t *)to)[i] = f32_to_f16(v);
}

static int add_piece(adapter *a, const source *s, error *err) {
    piece p = {0};
    int part = 0;
    const matrix *m = find_part(a->net, s->name, &p.layer, &p.slot, &part);
    if (!m)
        return error_set(err, "%s: adapts %s, which this model does not have; use it with its own model", s->path,
                         s->name);
    if (s->rank < 1 || s->rank > MAX_RANK || s->cols != m->cols || s->rows != m->rows)
        return error_set(
            err, "%s: %s is adapted as %lld x %lld with rank %lld, the model has %d x %d; use it with its own model",
            s->path, s->name, (long long)s->rows, (long long)s->cols, (long long)s->rank, m->rows, m->cols);
    int rank = (int)s->rank, blocks = (m->rows + PACK_ROWS - 1) / PACK_ROWS;
    bool f32 = a->net->float_weights;
    size_t each = f32 ? sizeof(float) : sizeof(uint16_t), widest = (size_t)(m->cols > rank ? m->cols : rank);
    p.a = mem_calloc((size_t)rank * (size_t)m->cols, each);
    p.b = mem_calloc((size_t)blocks * (size_t)rank * PACK_ROWS, each);
    float *row = mem_calloc(widest, sizeof *row);
    for (int k = 0; k < rank; k++) {
        quant_dequantize(s->type_a, (const char *)s->a + (size_t)k * tensor_row_bytes(s->type_a, m->cols), 0, m->cols,
                         row);
        for (int i = 0; i < m->cols; i++) put(p.a, f32, (size_t)k * (size_t)m->cols + (size_t)i, row[i]);
    }
    for (int r = 0; r < m->rows; r++) {
        size_t from = (size_t)file_row(a->net, s, p.slot, part, r) * tensor_row_bytes(s->type_b, rank);
        quant_dequantize(s->type_b, (const char *)s->b + from, 0, rank, row);
        for (int k = 0; k < rank; k++)
            put(p.b, f32, ((size_t)(r / PACK_ROWS) * (size_t)rank + (size_t)k) * PACK_ROWS + (size_t)(r % PACK_ROWS),
                row[k]);
    }
    free(row);
    double alpha = s->alpha > 0 ? s->alpha : rank;
    p.low = (low_rank){part, rank, f32, p.a, p.b, (float)(s->rs ? alpha / sqrt(rank) : alpha / rank)};
    a->pieces = mem_reserve(a->pieces, &a->cap, a->n + 1, sizeof *a->pieces);
    a->pieces[a->n++] = p;
    return 0;
}

// ---- PEFT ----

// alpha_pattern: the value whose key is the module's name or ends it at a dot.
static double module_alpha(const cJSON *config, const char *module, double alpha) {
    const cJSON *pattern = cJSON_GetObjectItemCaseSensitive(config, "alpha_pattern"), *item;
    size_t n = strlen(module);
    cJSON_ArrayForEach(item, pattern) {
        size_t k = item->string ? strlen(item->string) : 0;
        if (!cJSON_IsNumber(item) || k == 0 || k > n || strcmp(module + n - k, item->string) != 0) continue;
        if (k == n || module[n - k - 1] == '.') return item->valuedouble;
    }
    return alpha;
}

static int check_peft(const cJSON *config, const char *path, error *err) {
    const char *type = "";
    bool dora = false;
    hfjson_get_string(config, "peft_type", &type);
    hfjson_get_bool(config, "use_dora", &dora);
    if (strcmp(type, "LORA") != 0)
        return error_set(err, "%s: is a PEFT adapter of type \"%s\"; doppel knows LORA", path, type);
    if (dora) return error_set(err, "%s: is a DoRA adapter; doppel knows plain LoRA", path);
    return 0;
}

// The pair of tensor t (a lora_A); *module is the module's name, which the caller frees.
static int read_pair(const safetensors *file, const safetensor *t, source *s, char **module, error *err) {
    static const char *const prefix = "base_model.model.";
    const char *cut = strstr(t->name, ".lora_A.");
    buf b = {0};
    buf_append(&b, t->name, (size_t)(cut - t->name));
    buf_puts(&b, ".lora_B.");
    buf_puts(&b, cut + strlen(".lora_A."));
    const safetensor *u = safetensors_find(file, b.data);
    buf_clear(&b);
    const char *name = t->name;
    if (strncmp(name, prefix, strlen(prefix)) == 0) name += strlen(prefix);
    buf_append(&b, name, (size_t)(cut - name));
    *module = buf_take(&b);
    if (!u) return error_set(err, "%s: %s has no lora_B beside it; the file is incomplete", s->path, t->name);
    if (!t->readable || !u->readable || t->n_dims != 2 || u->n_dims != 2 || u->shape[1] != t->shape[0])
        return error_set(err, "%s: %s and its lora_B do not fit each other; the file is damaged", s->path, t->name);
    s->type_a = t->type;
    s->type_b = u->type;
    s->a = t->data;
    s->b = u->data;
    s->rank = t->shape[0];
    s->cols = t->shape[1];
    s->rows = u->shape[0];
    return 0;
}

static int read_peft_tensor(adapter *a, const safetensors *file, const safetensor *t, const cJSON *config, source s,
                            error *err) {
    if (strstr(t->name, ".lora_B.")) return 0;
    if (!strstr(t->name, ".lora_A."))
        return error_set(err, "%s: holds %s, which is no LoRA of a linear layer; doppel cannot use it", s.path,
                         t->name);
    const name_map *names = hfnames_of(a->net->config.family);
    char *module, name[TENSOR_MAX_NAME];
    name_change change = CHANGE_NONE;
    int rc = read_pair(file, t, &s, &module, err);
    if (rc == 0) {
        buf weight = {0};
        buf_printf(&weight, "%s.weight", module);
        if (!names || hfnames_translate(names, weight.data, name, &change) != 1 || change == CHANGE_REGROUP)
            rc = error_set(err, "%s: adapts %s, which doppel cannot place in a %s model", s.path, module,
                           a->net->config.family);
        s.alpha = module_alpha(config, module, s.alpha);
        buf_free(&weight);
    }
    free(module);
    s.name = name;
    return rc == 0 ? add_piece(a, &s, err) : -1;
}

static int read_peft(adapter *a, const char *path, error *err) {
    buf config_path = {0}, data_path = {0};
    buf_printf(&config_path, "%s/adapter_config.json", path);
    buf_printf(&data_path, "%s/adapter_model.safetensors", path);
    cJSON *config = hfjson_read_file(config_path.data, MAX_CONFIG_BYTES, err);
    safetensors *file = NULL;
    int rc = config ? check_peft(config, config_path.data, err) : -1;
    if (rc == 0 && !(file = safetensors_open(data_path.data, err))) rc = -1;
    source s = {.path = data_path.data, .hf_rows = true};
    if (rc == 0) {
        hfjson_get_number(config, "lora_alpha", &s.alpha);
        hfjson_get_bool(config, "use_rslora", &s.rs);
    }
    for (size_t i = 0; rc == 0 && i < safetensors_n(file); i++)
        rc = read_peft_tensor(a, file, safetensors_at(file, i), config, s, err);
    safetensors_close(file);
    cJSON_Delete(config);
    buf_free(&config_path);
    buf_free(&data_path);
    return rc;
}

// ---- GGUF ----

static int read_gguf_tensor(adapter *a, const gguf *g, const file_tensor *t, source s, error *err) {
    static const char *const suffix_a = ".lora_a", *const suffix_b = ".lora_b";
    size_t n = strlen(t->name), k = strlen(suffix_a);
    if (n > k && strcmp(t->name + n - k, suffix_b) == 0) return 0;
    if (n <= k || strcmp(t->name + n - k, suffix_a) != 0)
        return error_set(err, "%s: holds %s, which is no LoRA of a linear layer; doppel cannot use it", s.path,
                         t->name);
    char base[TENSOR_MAX_NAME], pair[TENSOR_MAX_NAME + 16];
    snprintf(base, sizeof base, "%.*s", (int)(n - k), t->name);
    snprintf(pair, sizeof pair, "%s%s", base, suffix_b);
    const file_tensor *u = gguf_tensor(g, pair);
    if (!u || u->ne[0] != t->ne[1] || t->ne[2] != 1 || u->ne[2] != 1)
        return error_set(err, "%s: %s has no fitting lora_b beside it; the file is damaged", s.path, t->name);
    if (tensor_block_elements(u->type) > 1 || tensor_block_elements(t->type) > 1)
        return error_set(err, "%s: %s is quantised; doppel reads adapters in f32, f16 and bf16", s.path, t->name);
    s.name = base;
    s.type_a = t->type;
    s.type_b = u->type;
    s.a = t->data;
    s.b = u->data;
    s.rank = t->ne[1];
    s.cols = t->ne[0];
    s.rows = u->ne[1];
    return add_piece(a, &s, err);
}

static int read_gguf(adapter *a, const char *path, error *err) {
    gguf *g = gguf_open(path, err);
    if (!g) return -1;
    const char *type = "";
    size_t len = 0;
    source s = {.path = path};
    int rc = 0;
    if (gguf_get_string(g, "general.type", &type, &len, NULL) != 1 || len != 7 || memcmp(type, "adapter", 7) != 0)
        rc = error_set(err, "%s: is a GGUF file, but no adapter; give it as the model with -m", path);
    if (rc == 0 && gguf_get_float(g, "adapter.lora.alpha", &s.alpha, err) < 0) rc = -1;
    for (size_t i = 0; rc == 0 && i < gguf_n_tensors(g); i++) rc = read_gguf_tensor(a, g, gguf_tensor_at(g, i), s, err);
    gguf_close(g);
    return rc;
}

adapter *adapter_open(const char *path, const net *n, error *err) {
    adapter *a = mem_calloc(1, sizeof *a);
    a->net = n;
    struct stat st;
    int rc;
    if (stat(path, &st) != 0)
        rc = error_set(
            err, "%s: there is no such adapter; give a name under adapters/, a PEFT directory or a GGUF LoRA file",
            path);
    else
        rc = S_ISDIR(st.st_mode) ? read_peft(a, path, err) : read_gguf(a, path, err);
    if (rc == 0 && a->n == 0) rc = error_set(err, "%s: holds no adapter tensors", path);
    if (rc != 0) {
        adapter_close(a);
        return NULL;
    }
    return a;
}

void adapter_close(adapter *a) {
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) {
        free(a->pieces[i].a);
        free(a->pieces[i].b);
    }
    free(a->pieces);
    free(a);
}

// ---- use ----

static void drop_adapters(net_state *s) {
    int slots = s->net->config.n_layers * ADAPTED_LAYERS;
    for (int i = 0; s->adapters && i < slots; i++) free(s->adapters[i].items);
    free(s->adapters);
    free(s->low);
    s->adapters = NULL;
    s->low = NULL;
}

// Scratch for A x of the adapters in use.
static void make_room(net_state *s) {
    int slots = s->net->config.n_layers * ADAPTED_LAYERS, widest = 1;
    for (int i = 0; i < slots; i++) {
        int width = 0;
        for (int k = 0; k < s->adapters[i].n; k++) width += s->adapters[i].items[k].rank;
        if (width > widest) widest = width;
    }
    size_t each = (size_t)s->max_rows * (size_t)widest;
    s->low = mem_calloc(each * (size_t)team_size(s->team), sizeof *s->low);
    for (int i = 0; i < team_size(s->team); i++) s->own[i].scratch.low = s->low + (size_t)i * each;
}

void net_set_adapters(net_state *s, const adapter_use *list, int n) {
    drop_adapters(s);
    if (n <= 0) return;
    int slots = s->net->config.n_layers * ADAPTED_LAYERS;
    s->adapters = mem_calloc((size_t)slots, sizeof *s->adapters);
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < list[k].adapter->n; i++) {
            const piece *p = &list[k].adapter->pieces[i];
            low_ranks *to = &s->adapters[p->layer * ADAPTED_LAYERS + p->slot];
            to->items = mem_realloc(to->items, (size_t)to->n + 1, sizeof *to->items);
            to->items[to->n] = p->low;
            to->items[to->n++].scale *= list[k].strength;
        }
    make_room(s);
}

void adapters_copy(net_state *to, const net_state *from) {
    drop_adapters(to);
    if (!from->adapters) return;
    int slots = from->net->config.n_layers * ADAPTED_LAYERS;
    to->adapters = mem_calloc((size_t)slots, sizeof *to->adapters);
    for (int i = 0; i < slots; i++) {
        const low_ranks *src = &from->adapters[i];
        if (src->n == 0) continue;
        to->adapters[i].items = mem_calloc((size_t)src->n, sizeof *src->items);
        memcpy(to->adapters[i].items, src->items, (size_t)src->n * sizeof *src->items);
        to->adapters[i].n = src->n;
    }
    make_room(to);
}
