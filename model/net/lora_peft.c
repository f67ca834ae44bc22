// PEFT directories. Their tensors are named by the modules of the Hugging Face model, so the names go through the same
// table as a model's own (hfnames.h). What is adapted is taken from the tensors that are there: target_modules of the
// config may be a list, "all-linear" or an expression, and always says less than they do.
#include "model/file/hfjson.h"
#include "model/file/hfnames.h"
#include "model/file/safetensors.h"
#include "model/net/lora_impl.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG_BYTES = 1 << 20 };

typedef struct reader {
    lora *lora;
    const net *net;
    const cJSON *config;
    const safetensors *file;
    lora_source source; // what all tensors have in common
    error *err;
} reader;

// Keys of alpha_pattern are expressions, of which those without signs of their own are read: the end of a module's name,
// or with ^ in front the whole of it.
static bool names_module(const char *key, const char *module) {
    size_t n = strlen(module), k = strlen(key);
    if (*key == '^') return strcmp(key + 1, module) == 0;
    if (k == 0 || k > n || strcmp(module + n - k, key) != 0) return false;
    return k == n || module[n - k - 1] == '.';
}

static double module_alpha(const reader *r, const char *module) {
    const cJSON *pattern = cJSON_GetObjectItemCaseSensitive(r->config, "alpha_pattern"), *item;
    cJSON_ArrayForEach(item, pattern) {
        if (item->string && cJSON_IsNumber(item) && names_module(item->string, module)) return item->valuedouble;
    }
    return r->source.alpha;
}

static int check_pattern(const cJSON *config, const char *path, error *err) {
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(config, "alpha_pattern")) {
        const char *key = item->string ? item->string : "";
        if (strpbrk(key + (*key == '^'), "^$*+?[](){}|\\"))
            return error_set(err, "%s: its alpha_pattern holds the expression \"%.64s\"; doppel reads names of modules",
                             path, key);
    }
    return 0;
}

static int check_config(const cJSON *config, const char *path, error *err) {
    const char *type = "";
    bool dora = false;
    hfjson_get_string(config, "peft_type", &type);
    hfjson_get_bool(config, "use_dora", &dora);
    if (strcmp(type, "LORA") != 0)
        return error_set(err, "%s: is a PEFT adapter of type \"%.64s\"; doppel knows LORA", path, type);
    if (dora) return error_set(err, "%s: is a DoRA adapter; doppel knows plain LoRA", path);
    return check_pattern(config, path, err);
}

static int read_config(reader *r, const char *path) {
    if (check_config(r->config, path, r->err) != 0) return -1;
    double alpha = 8; // PEFT's default
    if (hfjson_get_number(r->config, "lora_alpha", &alpha) < 0 ||
        hfjson_get_bool(r->config, "use_rslora", &r->lora->rs) < 0 ||
        hfjson_get_number(r->config, "lora_dropout", &r->lora->dropout) < 0)
        return error_set(r->err, "%s: lora_alpha, lora_dropout or use_rslora is of another kind than PEFT writes",
                         path);
    r->source.alpha = alpha;
    return 0;
}

// The pair of tensor t (a lora_A); *module is the module's name, which the caller frees.
static int read_pair(const reader *r, const safetensor *t, lora_source *s, char **module) {
    static const char *const prefix = "base_model.model.";
    const char *cut = strstr(t->name, ".lora_A."), *name = t->name;
    buf b = {0};
    buf_append(&b, t->name, (size_t)(cut - t->name));
    buf_puts(&b, ".lora_B.");
    buf_puts(&b, cut + strlen(".lora_A."));
    const safetensor *u = safetensors_find(r->file, b.data);
    buf_clear(&b);
    if (strncmp(name, prefix, strlen(prefix)) == 0) name += strlen(prefix);
    buf_append(&b, name, (size_t)(cut - name));
    *module = buf_take(&b);
    if (!u) return error_set(r->err, "%s: %s has no lora_B beside it; the file is incomplete", s->path, t->name);
    if (!t->readable || !u->readable || t->n_dims != 2 || u->n_dims != 2 || u->shape[1] != t->shape[0])
        return error_set(r->err, "%s: %s and its lora_B do not fit each other; the file is damaged", s->path, t->name);
    s->type_a = t->type;
    s->type_b = u->type;
    s->a = t->data;
    s->b = u->data;
    s->rank = t->shape[0];
    s->cols = t->shape[1];
    s->rows = u->shape[0];
    return 0;
}

static int read_tensor(const reader *r, const safetensor *t) {
    lora_source s = r->source;
    if (strstr(t->name, ".lora_B.")) return 0;
    if (!strstr(t->name, ".lora_A."))
        return error_set(r->err, "%s: holds %s, which is no LoRA of a linear layer; doppel cannot use it", s.path,
                         t->name);
    const name_map *names = hfnames_of(r->net->config.family);
    char *module, name[TENSOR_MAX_NAME];
    name_change change = CHANGE_NONE;
    int rc = read_pair(r, t, &s, &module);
    if (rc == 0) {
        buf weight = {0};
        buf_printf(&weight, "%s.weight", module);
        if (!names || hfnames_translate(names, weight.data, name, &change) != 1)
            rc = error_set(r->err, "%s: adapts %s, which doppel cannot place in a %s model", s.path, module,
                           r->net->config.family);
        s.alpha = module_alpha(r, module);
        buf_free(&weight);
    }
    free(module);
    s.name = name;
    return rc == 0 ? lora_add(r->lora, r->net, &s, r->err) : -1;
}

int lora_read_peft(lora *l, const char *path, const net *n, error *err) {
    buf config_path = {0}, data_path = {0};
    buf_printf(&config_path, "%s/adapter_config.json", path);
    buf_printf(&data_path, "%s/adapter_model.safetensors", path);
    cJSON *config = hfjson_read_file(config_path.data, MAX_CONFIG_BYTES, err);
    safetensors *file = NULL;
    reader r = {.lora = l, .net = n, .config = config, .err = err};
    r.source = (lora_source){.path = data_path.data, .layout = ROWS_HF};
    int rc = config ? read_config(&r, config_path.data) : -1;
    if (rc == 0 && !(file = safetensors_open(data_path.data, err))) rc = -1;
    r.file = file;
    for (size_t i = 0; rc == 0 && i < safetensors_n(file); i++) rc = read_tensor(&r, safetensors_at(file, i));
    safetensors_close(file);
    cJSON_Delete(config);
    buf_free(&config_path);
    buf_free(&data_path);
    return rc;
}
