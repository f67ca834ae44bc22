// Adapters in PEFT's form: those that PEFT wrote are loaded into a training and saved again with equal names and
// values; damaged ones are refused.
#include "model/file/hfjson.h"
#include "model/file/safetensors.h"
#include "model/learn/peft.h"
#include "model/learn/peft_write.h"
#include "model/net/lora.h"
#include "tests/golden_model.h"

#include <math.h>

static void remove_adapter(const char *dir) {
    remove_file(dir, "adapter_config.json");
    remove_file(dir, "adapter_model.safetensors");
    rmdir(dir);
}

// ---- there and back ----

static void same_tensors(const char *name, const char *one, const char *other) {
    char *p = path_of(one, "adapter_model.safetensors"), *q = path_of(other, "adapter_model.safetensors");
    error err = {{0}};
    safetensors *a = safetensors_open(p, &err), *b = safetensors_open(q, &err);
    if (OK(a && b, "%s: %s", name, err.text) &&
        OK(safetensors_n(a) == safetensors_n(b), "%s: %zu and %zu tensors", name, safetensors_n(a), safetensors_n(b)))
        for (size_t i = 0; i < safetensors_n(a); i++) {
            const safetensor *x = safetensors_at(a, i), *y = safetensors_find(b, x->name);
            if (!OK(y != NULL, "%s: %s is missing", name, x->name)) continue;
            bool shapes = x->shape[0] == y->shape[0] && x->shape[1] == y->shape[1];
            OK(shapes && x->size == y->size && memcmp(x->data, y->data, x->size) == 0, "%s: %s differs", name, x->name);
            OK(strcmp(x->name, safetensors_at(b, i)->name) == 0, "%s: %s is not in its place", name, x->name);
        }
    safetensors_close(a);
    safetensors_close(b);
    free(p);
    free(q);
}

static void same_config(const char *name, const char *one, const char *other) {
    static const char *const keys[] = {"peft_type",    "r",          "lora_alpha",     "target_modules",
                                       "lora_dropout", "use_rslora", "fan_in_fan_out", "task_type",
                                       "bias",         "use_dora",   "rank_pattern",   "layers_to_transform"};
    char *p = path_of(one, "adapter_config.json"), *q = path_of(other, "adapter_config.json");
    error err = {{0}};
    cJSON *a = hfjson_read_file(p, 1 << 20, &err), *b = hfjson_read_file(q, 1 << 20, &err);
    for (size_t i = 0; OK(a && b, "%s: %s", name, err.text) && i < sizeof keys / sizeof *keys; i++)
        OK(cJSON_Compare(cJSON_GetObjectItem(a, keys[i]), cJSON_GetObjectItem(b, keys[i]), true), "%s: %s differs",
           name, keys[i]);
    cJSON_Delete(a);
    cJSON_Delete(b);
    free(p);
    free(q);
}

static learn_graph *load(const char *name, const char *dir, const net *n, peft_settings *s) {
    error err = {{0}};
    *s = (peft_settings){.lora.seed = 7};
    if (!OK(peft_read_settings(dir, n, s, &err) == 0, "%s: settings: %s", name, err.text)) return NULL;
    learn_graph *g = learn_graph_lora(n, &s->lora, &err);
    if (!OK(g && peft_load(dir, g, &err) == 0, "%s: loading: %s", name, err.text)) {
        learn_graph_free(g);
        return NULL;
    }
    return g;
}

static void round_trip(const net *n, const char *name) {
    char file[64], *out = make_folder();
    snprintf(file, sizeof file, "../train/lora/%s", name);
    char *dir = golden(file);
    peft_settings s;
    error err = {{0}};
    learn_graph *g = dir ? load(name, dir, n, &s) : NULL;
    if (g && OK(peft_save(out, g, &s, &err) == 0, "%s: saving: %s", name, err.text)) {
        same_tensors(name, dir, out);
        same_config(name, dir, out);
        OK(s.lora.seed == 7, "%s: the seed is the caller's", name);
    }
    learn_graph_free(g);
    remove_adapter(out);
    free(out);
    free(dir);
}

static void test_goldens(void) {
    static const struct {
        const char *model, *adapters[4];
    } cases[] = {
        {"gpt2", {"gpt2-all-init", "gpt2-all-final", "gpt2-attn-init", "gpt2-attn-final"}},
        {"llama", {"llama-all-init", "llama-all-final", "llama-qv-init", "llama-qv-final"}},
    };
    for (int i = 0; i < 2; i++) {
        model m;
        if (!open_golden(cases[i].model, &m)) return;
        for (int k = 0; k < 4; k++) round_trip(m.net, cases[i].adapters[k]);
        model_close(&m);
    }
}

// A GGUF net has its rows of q and k in another order; the file must not show it.
static void test_permuted(void) {
    model hf, gg;
    if (!open_golden("llama", &hf)) return;
    if (open_golden("gguf/llama-f32.gguf", &gg)) {
        round_trip(gg.net, "llama-all-final");
        char *dir = golden("../train/lora/llama-all-final");
        peft_settings s;
        learn_graph *a = load("HF", dir, hf.net, &s), *b = load("GGUF", dir, gg.net, &s);
        int differ = 0;
        for (size_t i = 0; a && b && i < a->params.n; i++)
            differ += memcmp(a->params.items[i]->w, b->params.items[i]->w,
                             param_count(a->params.items[i]) * sizeof(float)) != 0;
        OK(differ == 2 * 2, "only B of q and k is laid out in another way: %d of the tensors", differ);
        learn_graph_free(a);
        learn_graph_free(b);
        free(dir);
        model_close(&gg);
    }
    model_close(&hf);
}

// ---- what a config says of other shapes ----

static void fill(learn_graph *g) {
    for (size_t i = 0; i < g->params.n; i++)
        for (size_t k = 0; k < param_count(g->params.items[i]); k++)
            g->params.items[i]->w[k] = (float)(i * 1000 + k) / 4096;
}

static void saves_as(const net *n, learn_lora o, const char *key, const char *json) {
    error err = {{0}};
    char *dir = make_folder(), *path = path_of(dir, "adapter_config.json");
    learn_graph *g = learn_graph_lora(n, &o, &err);
    if (!OK(g != NULL, "graph: %s", err.text)) return;
    fill(g);
    peft_settings s = {.lora = o, .dropout = 0.05, .base = "a/b"}, back = {0};
    OK(peft_save(dir, g, &s, &err) == 0, "saving: %s", err.text);
    cJSON *config = hfjson_read_file(path, 1 << 20, &err), *want = cJSON_Parse(json);
    const cJSON *got = cJSON_GetObjectItem(config, key);
    char *text = cJSON_PrintUnformatted(got);
    OK(cJSON_Compare(got, want, true), "%s is %s, not %s", key, text ? text : "absent", json);
    OK(peft_read_settings(dir, n, &back, &err) == 0 && back.lora.rank == o.rank && back.lora.alpha == o.alpha &&
           back.lora.targets == o.targets && back.lora.top_layers == o.top_layers && back.lora.rs == o.rs &&
           fabs(back.dropout - 0.05) < 1e-12,
       "settings come back: rank %d alpha %g targets %x top %d: %s", back.lora.rank, back.lora.alpha, back.lora.targets,
       back.lora.top_layers, err.text);
    learn_graph *h = learn_graph_lora(n, &back.lora, &err);
    OK(h && peft_load(dir, h, &err) == 0, "loading: %s", err.text);
    for (size_t i = 0; h && i < h->params.n; i++)
        OK(memcmp(h->params.items[i]->w, g->params.items[i]->w, param_count(g->params.items[i]) * sizeof(float)) == 0,
           "%s comes back", h->params.items[i]->name);
    free(text);
    cJSON_Delete(config);
    cJSON_Delete(want);
    learn_graph_free(g);
    learn_graph_free(h);
    remove_adapter(dir);
    free(dir);
    free(path);
}

static void test_shapes(void) {
    model m;
    if (!open_golden("gpt2", &m)) return;
    learn_lora o = {.rank = 3, .alpha = 2.5, .targets = TARGET_DOWN, .seed = 1};
    saves_as(m.net, o, "target_modules", "[\"mlp.c_proj\"]");
    o.targets = TARGET_QKV | TARGET_OUT | TARGET_UP | TARGET_DOWN;
    saves_as(m.net, o, "target_modules", "[\"c_attn\",\"c_fc\",\"c_proj\"]");
    saves_as(m.net, o, "lora_alpha", "2.5");
    saves_as(m.net, o, "fan_in_fan_out", "true");
    saves_as(m.net, o, "base_model_name_or_path", "\"a/b\"");
    o.top_layers = 2;
    saves_as(m.net, o, "layers_to_transform", "[1,2]");
    o.rs = true;
    saves_as(m.net, o, "use_rslora", "true");
    model_close(&m);
}

// Names of modules as a person gives them.
static void test_targets(void) {
    static const struct {
        const char *model, *name;
        unsigned targets;
    } cases[] = {
        {"gpt2", "c_proj", TARGET_OUT | TARGET_DOWN},
        {"gpt2", "mlp.c_proj", TARGET_DOWN},
        {"gpt2", "c_attn", TARGET_QKV},
        {"gpt2", "all-linear", TARGET_QKV | TARGET_OUT | TARGET_UP | TARGET_DOWN},
        {"gpt2", "q_proj", 0},
        {"gpt2", "", 0},
        {"gpt2", "proj", 0},
        {"llama", "q_proj", TARGET_Q},
        {"llama", "gate_proj", TARGET_GATE},
        {"llama", "all-linear", TARGET_ALL & ~(unsigned)TARGET_QKV},
        {"llama", "lm_head", 0},
        {"gpt_neo", "q_proj", TARGET_Q},
        {"gpt_neo", "attention.out_proj", TARGET_OUT},
        {"gguf/llama-f32.gguf", "down_proj", TARGET_DOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model m;
        error err = {{0}};
        unsigned found = 0;
        if (!open_golden(cases[i].model, &m)) return;
        int rc = peft_add_target(m.net, cases[i].name, &found, &err);
        OK(found == cases[i].targets && (rc == 0) == (found != 0), "%s: %s means %x, not %x: %s", cases[i].model,
           cases[i].name, found, cases[i].targets, err.text);
        if (rc != 0) OK(strstr(err.text, "all-linear"), "the message names what there is: %s", err.text);
        model_close(&m);
    }
}

// ---- adapters that do not fit ----

typedef struct made {
    const char *module; // of layer 0
    int rank, rows, cols;
    const char *config; // NULL: a plain one
    float value;
    const char *drop; // leave out this one of A and B
} made;

static void put_pair(const made *c, buf *header, buf *data) {
    for (int i = 0; i < 2; i++) {
        int rows = i ? c->rows : c->rank, cols = i ? c->rank : c->cols;
        size_t from = data->len;
        if (c->drop && *c->drop == "AB"[i]) continue;
        for (int k = 0; k < rows * cols; k++) buf_append(data, &c->value, sizeof c->value);
        buf_printf(header, "%s\"base_model.model.%s.lora_%c.weight\":{\"dtype\":\"F32\",\"shape\":[%d,%d],",
                   header->len > 1 ? "," : "", c->module, "AB"[i], rows, cols);
        buf_printf(header, "\"data_offsets\":[%zu,%zu]}", from, data->len);
    }
}

static void refuses(const net *n, const made *c, const char *says) {
    static const char plain[] = "{\"peft_type\":\"LORA\",\"lora_alpha\":4}";
    char *dir = make_folder();
    buf header = {0}, data = {0}, file = {0};
    buf_puts(&header, "{");
    put_pair(c, &header, &data);
    buf_puts(&header, "}");
    put_safetensors(&file, header.data, data.data, data.len);
    write_file(dir, "adapter_model.safetensors", file.data, file.len);
    const char *config = c->config ? c->config : plain;
    write_file(dir, "adapter_config.json", config, strlen(config));
    error err = {{0}};
    lora l;
    int rc = lora_open(&l, dir, n, &err);
    if (says)
        OK(rc == -1 && strstr(err.text, says) && strstr(err.text, dir), "wanted \"%s\": %s", says,
           rc ? err.text : "opened");
    else
        OK(rc == 0, "opens: %s", err.text);
    lora_free(&l);
    buf_free(&header);
    buf_free(&data);
    buf_free(&file);
    remove_adapter(dir);
    free(dir);
}

static void test_hostile(void) {
    model m;
    if (!open_golden("llama", &m)) return;
    static const char q[] = "model.layers.0.self_attn.q_proj";
    refuses(m.net, &(made){q, 2, 96, 96, NULL, 1, NULL}, NULL);
    refuses(m.net, &(made){q, 2, 96, 95, NULL, 1, NULL}, "96 x 96");
    refuses(m.net, &(made){q, 2, 97, 96, NULL, 1, NULL}, "96 x 96");
    refuses(m.net, &(made){q, 0, 96, 96, NULL, 1, NULL}, "rank 0");
    refuses(m.net, &(made){q, LORA_MAX_RANK + 1, 96, 96, NULL, 1, NULL}, "rank 1025");
    refuses(m.net, &(made){q, 2, 96, 96, NULL, NAN, NULL}, "no numbers");
    refuses(m.net, &(made){q, 2, 96, 96, NULL, INFINITY, NULL}, "no numbers");
    refuses(m.net, &(made){q, 2, 96, 96, NULL, 1, "B"}, "no lora_B");
    refuses(m.net, &(made){q, 2, 96, 96, NULL, 1, "A"}, "no adapter tensors");
    refuses(m.net, &(made){"model.layers.2.self_attn.q_proj", 2, 96, 96, NULL, 1, NULL}, "does not have");
    refuses(m.net, &(made){"model.layers.99999.self_attn.q_proj", 2, 96, 96, NULL, 1, NULL}, "cannot place");
    refuses(m.net, &(made){"model.layers.0.../../etc", 2, 96, 96, NULL, 1, NULL}, "cannot place");
    refuses(m.net, &(made){"transformer.h.0.attn.c_attn", 2, 96, 96, NULL, 1, NULL}, "cannot place");
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"IA3\"}", 1, NULL}, "IA3");
    refuses(m.net, &(made){q, 2, 96, 96, "{}", 1, NULL}, "knows LORA");
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"LORA\",\"use_dora\":true}", 1, NULL}, "DoRA");
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"LORA\",\"lora_alpha\":1e300}", 1, NULL}, "alpha");
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"LORA\",\"lora_alpha\":\"x\"}", 1, NULL}, "lora_alpha");
    refuses(m.net, &(made){q, 2, 96, 96, "not JSON", 1, NULL}, "JSON");
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"LORA\",\"alpha_pattern\":{\"q_.*\":3}}", 1, NULL}, "q_.*");
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"LORA\",\"alpha_pattern\":{\"^q_proj\":3}}", 1, NULL}, NULL);
    refuses(m.net, &(made){q, 2, 96, 96, "{\"peft_type\":\"LORA\",\"target_modules\":\".*q_proj\"}", 1, NULL}, NULL);
    model_close(&m);
}

// A part of a layer adapted in one layer only, with ranks that differ: full names and patterns.
static void test_irregular(void) {
    model m;
    error err = {{0}};
    if (!open_golden("llama", &m)) return;
    static float a[4 * 96], b[96 * 4];
    for (int i = 0; i < 4 * 96; i++) a[i] = b[i] = (float)i;
    lora_part parts[2] = {
        {.name = "blk.1.attn_q.weight", .rank = 4, .rows = 96, .cols = 96, .a = a, .b = b, .alpha = 8},
        {.name = "blk.0.attn_v.weight", .rank = 2, .rows = 32, .cols = 96, .a = a, .b = b, .alpha = 3},
    };
    lora l = {.parts = parts, .n = 2}, back;
    char *dir = make_folder();
    OK(peft_write(dir, &l, m.net, NULL, &err) == 0, "writing: %s", err.text);
    if (OK(lora_open(&back, dir, m.net, &err) == 0 && back.n == 2, "reading: %s", err.text)) {
        for (int i = 0; i < 2; i++) {
            const lora_part *p = lora_find(&back, parts[i].name);
            OK(p && p->rank == parts[i].rank && p->alpha == parts[i].alpha, "%s has its own rank and alpha",
               parts[i].name);
        }
        peft_settings s;
        OK(peft_read_settings(dir, m.net, &s, &err) == -1 && strstr(err.text, "differ"), "no training from it: %s",
           err.text);
    }
    lora_free(&back);
    remove_adapter(dir);
    free(dir);
    model_close(&m);
}

int main(void) {
    test_goldens();
    test_permuted();
    test_shapes();
    test_targets();
    test_hostile();
    test_irregular();
    return test_end();
}
