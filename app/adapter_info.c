// Three files may tell about an adapter: adapter_config.json as PEFT writes it, the header of its tensors, and run.json
// of a training here. All may come from strangers: what is missing or odd is left out.
#include "app/adapter_info.h"
#include "app/paths.h"
#include "app/tree.h"
#include "model/file/gguf.h"
#include "model/file/hfjson.h"
#include "model/file/safetensors.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_JSON = 1 << 20 };

static cJSON *read_json(const char *dir, const char *file, error *err) {
    buf path = {0};
    buf_printf(&path, "%s/%s", dir, file);
    cJSON *json = hfjson_read_file(path.data, MAX_JSON, err);
    buf_free(&path);
    return json;
}

static void replace_text(char **to, const char *text) {
    free(*to);
    *to = mem_strdup(text ? text : "");
}

static int small_int(const cJSON *o, const char *name) {
    int64_t v = 0;
    return hfjson_get_int(o, name, &v) == 1 && v >= 0 && v <= INT_MAX ? (int)v : 0;
}

// A list of texts, or one text, with commas between them.
static char *joined(const cJSON *value) {
    buf out = {0};
    const cJSON *item;
    if (cJSON_IsString(value)) buf_puts(&out, value->valuestring);
    cJSON_ArrayForEach(item, value) if (cJSON_IsString(item))
        buf_printf(&out, "%s%s", out.len ? ", " : "", item->valuestring);
    return buf_take(&out);
}

// The first one found is told.
static void set_problem(adapter_info *a, const char *text) {
    size_t n = strlen(a->path);
    if (strncmp(text, a->path, n) == 0) text += n + strspn(text + n, ":/ "); // who shows it names the adapter
    if (!a->problem) a->problem = mem_strdup(text);
}

static void read_config(adapter_info *a) {
    error err;
    cJSON *config = read_json(a->path, "adapter_config.json", &err);
    const char *base = NULL, *type = "";
    if (!config) set_problem(a, err.text);
    hfjson_get_string(config, "peft_type", &type);
    if (config && strcmp(type, "LORA") != 0) set_problem(a, "is no LoRA");
    hfjson_get_string(config, "base_model_name_or_path", &base);
    hfjson_get_number(config, "lora_alpha", &a->alpha);
    a->rank = small_int(config, "r");
    replace_text(&a->base, base);
    free(a->targets);
    a->targets = joined(cJSON_GetObjectItemCaseSensitive(config, "target_modules"));
    cJSON_Delete(config);
}

static void read_tensors(adapter_info *a) {
    error err;
    buf path = {0};
    buf_printf(&path, "%s/adapter_model.safetensors", a->path);
    safetensors *file = safetensors_open(path.data, &err);
    if (!file) set_problem(a, err.text);
    for (size_t i = 0; file && i < safetensors_n(file); i++) {
        const safetensor *t = safetensors_at(file, i);
        if (t->readable) a->parameters += (int64_t)(t->size / tensor_block_bytes(t->type));
    }
    safetensors_close(file);
    buf_free(&path);
}

static void read_run(adapter_info *a) {
    const char *text = NULL;
    cJSON *run = read_json(a->path, "run.json", NULL);
    if (!run) return;
    a->trained = true;
    if (hfjson_get_string(run, "status", &text) == 1) replace_text(&a->status, text);
    if (hfjson_get_string(cJSON_GetObjectItemCaseSensitive(run, "base"), "path", &text) == 1)
        replace_text(&a->base, text);
    free(a->imitates);
    a->imitates = joined(cJSON_GetObjectItemCaseSensitive(run, "imitate"));
    a->steps = small_int(run, "steps");
    a->step = small_int(run, "step");
    a->best_step = small_int(run, "best_step");
    hfjson_get_number(run, "loss", &a->loss);
    cJSON_Delete(run);
}

static void read_gguf(adapter_info *a) {
    error err;
    const char *text = "";
    size_t len = 0;
    gguf *g = gguf_open(a->path, &err);
    a->gguf = true;
    if (!g) {
        set_problem(a, err.text);
        return;
    }
    if (gguf_get_string(g, "general.type", &text, &len, NULL) != 1 || len != 7 || memcmp(text, "adapter", 7) != 0)
        set_problem(a, "is a GGUF file, but no adapter");
    gguf_get_float(g, "adapter.lora.alpha", &a->alpha, NULL);
    for (size_t i = 0; i < gguf_n_tensors(g); i++) {
        const file_tensor *t = gguf_tensor_at(g, i);
        a->parameters += t->ne[0] * t->ne[1];
        size_t n = strlen(t->name);
        if (!a->rank && n > 7 && strcmp(t->name + n - 7, ".lora_a") == 0 && t->ne[1] <= INT_MAX)
            a->rank = (int)t->ne[1];
    }
    gguf_close(g);
}

void adapter_info_read(adapter_info *a, const char *name, const char *path) {
    struct stat st;
    *a = (adapter_info){.name = mem_strdup(name),
                        .path = mem_strdup(path),
                        .base = mem_strdup(""),
                        .targets = mem_strdup(""),
                        .status = mem_strdup(""),
                        .imitates = mem_strdup(""),
                        .loss = NAN};
    if (stat(path, &st) != 0) {
        set_problem(a, "is not there");
    } else if (S_ISDIR(st.st_mode)) {
        read_config(a);
        read_tensors(a);
        read_run(a);
        if (a->trained && a->problem && a->parameters == 0) replace_text(&a->problem, "its training saved nothing yet");
    } else {
        read_gguf(a);
    }
    a->bytes = tree_size(path, NULL);
}

void adapter_info_free(adapter_info *a) {
    free(a->name);
    free(a->path);
    free(a->problem);
    free(a->base);
    free(a->targets);
    free(a->status);
    free(a->imitates);
    *a = (adapter_info){0};
}

// ---- all of them

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// A folder that holds an adapter or the training of one, or a GGUF file.
static bool is_adapter(const char *path, const char *name) {
    static const char *const files[] = {"adapter_config.json", "run.json", NULL};
    struct stat st;
    size_t n = strlen(name);
    if (name[0] == '.' || stat(path, &st) != 0) return false;
    if (!S_ISDIR(st.st_mode)) return n > 5 && strcmp(name + n - 5, ".gguf") == 0;
    bool found = false;
    for (int i = 0; files[i] && !found; i++) {
        buf file = {0};
        buf_printf(&file, "%s/%s", path, files[i]);
        found = access(file.data, F_OK) == 0;
        buf_free(&file);
    }
    return found;
}

void adapter_info_all(adapter_info_fn fn, void *arg) {
    buf dir = {0};
    char **names = NULL;
    size_t n = 0, cap = 0;
    DIR *d = paths_data("adapters", &dir, NULL) == 0 ? opendir(buf_str(&dir)) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        names = mem_reserve(names, &cap, n + 1, sizeof *names);
        names[n++] = mem_strdup(e->d_name);
    }
    if (d) closedir(d);
    if (n) qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++) {
        buf path = {0};
        buf_printf(&path, "%s/%s", buf_str(&dir), names[i]);
        if (is_adapter(path.data, names[i])) {
            adapter_info a;
            adapter_info_read(&a, names[i], path.data);
            fn(arg, &a);
            adapter_info_free(&a);
        }
        buf_free(&path);
        free(names[i]);
    }
    free(names);
    buf_free(&dir);
}
