// Hugging Face directories. Tensors that lie in the file as a GGUF would hold them stay mapped; the others, and those
// at odd addresses, are rewritten into memory of our own when the directory is opened.
#include "model/file/hfdir.h"
#include "model/file/hfconvert.h"
#include "model/file/hfjson.h"
#include "model/file/hfnames.h"
#include "model/file/safetensors.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_CONFIG = 1 << 22,
    MAX_INDEX = 1 << 25,
    MAX_SHARDS = 1024,
    MIN_ALIGNMENT = 4,
};

typedef struct shard {
    char *name;
    safetensors *file;
} shard;

typedef struct owned {
    void *data;
    size_t size;
} owned;

const char *const hfdir_side_files[] = {
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "chat_template.jinja",
    "tokenizer.model",
    NULL,
};

struct hfdir {
    char *path;
    cJSON *config;
    shard *shards;
    size_t n_shards, cap_shards;
    owned *owned;
    size_t n_owned, cap_owned;
    tensor_table table;
    const name_map *names;
    name_grouping grouping;
};

// PATH/NAME; the caller frees it.
static char *path_in(const hfdir *d, const char *name) {
    buf b = {0};
    buf_printf(&b, "%s/%s", d->path, name);
    return buf_take(&b);
}

static bool has_file(const hfdir *d, const char *name) {
    char *path = path_in(d, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

// The name of some file with this ending, "" when there is none; the caller frees it.
static char *find_ending(const hfdir *d, const char *ending) {
    char *found = NULL;
    DIR *dir = opendir(d->path);
    for (struct dirent *e; dir && !found && (e = readdir(dir));)
        if (ends_with(e->d_name, ending)) found = mem_strdup(e->d_name);
    if (dir) closedir(dir);
    return found ? found : mem_strdup("");
}

static int no_model(const hfdir *d, error *err) {
    char *other = find_ending(d, ".gguf");
    if (*other)
        error_set(err, "%s: is a directory with GGUF files in it; give the file itself, such as %s/%s", d->path,
                  d->path, other);
    else if (has_file(d, "adapter_config.json"))
        error_set(err, "%s: is an adapter, no model; give the model it was made for, and this as its adapter", d->path);
    else
        error_set(err, "%s: is a directory without a config.json; give a GGUF file or a Hugging Face directory",
                  d->path);
    free(other);
    return -1;
}

static int read_config(hfdir *d, error *err) {
    if (!has_file(d, "config.json")) return no_model(d, err);
    char *path = path_in(d, "config.json");
    d->config = hfjson_read_file(path, MAX_CONFIG, err);
    int rc = d->config ? 0 : -1;
    const char *family = hfnames_family(d->config);
    d->names = family ? hfnames_of(family) : NULL;
    if (rc == 0 && !family) {
        rc = error_set(err, "%s: has no model_type; the directory is no transformers model", path);
    } else if (rc == 0 && !d->names) {
        buf known = {0};
        hfnames_list(&known);
        rc = error_set(err, "%s: a model of the family \"%.64s\", which doppel does not run; it runs %s", path, family,
                       buf_str(&known));
        buf_free(&known);
    } else if (rc == 0 && cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(d->config, "quantization_config"))) {
        rc = error_set(
            err, "%s: the weights are quantised in a way doppel does not read; take the original or a GGUF file", path);
    } else if (rc == 0 && hfnames_grouping(family, d->config, &d->grouping) != 0) {
        rc = error_set(err, "%s: the numbers of attention heads make no sense; fetch the file again", path);
    }
    free(path);
    return rc;
}

static shard *add_shard(hfdir *d, const char *name, error *err) {
    char *path = path_in(d, name);
    safetensors *file = safetensors_open(path, err);
    free(path);
    if (!file) return NULL;
    d->shards = mem_reserve(d->shards, &d->cap_shards, d->n_shards + 1, sizeof *d->shards);
    d->shards[d->n_shards] = (shard){mem_strdup(name), file};
    return &d->shards[d->n_shards++];
}

// The names come from a file: none may lead out of the directory.
static bool plain_name(const char *name) {
    return *name && *name != '.' && !strchr(name, '/') && !strchr(name, '\\') && ends_with(name, ".safetensors");
}

static int read_index_entry(hfdir *d, const char *index, const cJSON *entry, error *err) {
    const char *name = cJSON_GetStringValue(entry);
    if (!name || !plain_name(name))
        return error_set(err, "%s: tensor %.100s is said to be in \"%.100s\", which is no name of a safetensors file",
                         index, entry->string, name ? name : "");
    const shard *in = NULL;
    for (size_t i = 0; i < d->n_shards && !in; i++)
        if (strcmp(d->shards[i].name, name) == 0) in = &d->shards[i];
    if (!in && d->n_shards == MAX_SHARDS)
        return error_set(err, "%s: names more than %d files; fetch it again", index, MAX_SHARDS);
    if (!in && !(in = add_shard(d, name, err))) return -1;
    if (!safetensors_find(in->file, entry->string))
        return error_set(err, "%s/%s: lacks tensor %.100s, which the index says is in it; fetch it again", d->path,
                         name, entry->string);
    return 0;
}

static int open_sharded(hfdir *d, error *err) {
    char *path = path_in(d, "model.safetensors.index.json");
    cJSON *root = hfjson_read_file(path, MAX_INDEX, err);
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(root, "weight_map"), *entry;
    int rc = root ? 0 : -1;
    if (root && (!cJSON_IsObject(map) || !map->child))
        rc = error_set(err, "%s: has no weight_map with tensors in it; fetch it again", path);
    for (entry = rc == 0 ? map->child : NULL; entry && rc == 0; entry = entry->next)
        rc = read_index_entry(d, path, entry, err);
    cJSON_Delete(root);
    free(path);
    return rc;
}

static int open_weights(hfdir *d, error *err) {
    if (has_file(d, "model.safetensors")) return add_shard(d, "model.safetensors", err) ? 0 : -1;
    if (has_file(d, "model.safetensors.index.json")) return open_sharded(d, err);
    char *pickled = find_ending(d, ".bin");
    if (*pickled)
        error_set(err, "%s: has its weights in %s only, a format that can run code; take a model with safetensors",
                  d->path, pickled);
    else
        error_set(err, "%s: has no model.safetensors and no model.safetensors.index.json; fetch the model again",
                  d->path);
    free(pickled);
    return -1;
}

// Memory that lives as long as the directory; NULL with a message.
static void *own(hfdir *d, size_t size, error *err) {
    void *data = mem_alloc_big(size);
    if (!data) {
        error_set(err, "%s: no memory for %zu bytes of rearranged weights; take a smaller model", d->path, size);
        return NULL;
    }
    d->owned = mem_reserve(d->owned, &d->cap_owned, d->n_owned + 1, sizeof *d->owned);
    d->owned[d->n_owned++] = (owned){data, size};
    return data;
}

static int transpose(hfdir *d, const safetensor *from, file_tensor *t, error *err) {
    int64_t rows = t->ne[1], cols = t->ne[0];
    void *data = own(d, t->size, err);
    if (!data) return -1;
    hfconvert_transpose(from->data, (size_t)rows, (size_t)cols, tensor_block_bytes(t->type), data);
    t->data = data;
    t->ne[0] = rows;
    t->ne[1] = cols;
    return 0;
}

static int regroup(hfdir *d, const safetensor *from, file_tensor *t, error *err) {
    int64_t heads = (int64_t)d->grouping.n_groups * (d->grouping.queries + 2), rows = from->shape[0];
    if (rows % heads != 0)
        return error_set(
            err, "%s: tensor %.100s has %lld rows, no multiple of the %lld heads: the file is damaged; fetch it again",
            d->path, from->name, (long long)rows, (long long)heads);
    void *data = own(d, t->size, err);
    if (!data) return -1;
    hfconvert_regroup(from->data, d->grouping, (size_t)(rows / heads), t->size / (size_t)rows, data);
    t->data = data;
    return 0;
}

static int realign(hfdir *d, const safetensor *from, file_tensor *t, error *err) {
    void *data = own(d, t->size, err);
    if (!data) return -1;
    memcpy(data, from->data, t->size);
    t->data = data;
    return 0;
}

static int describe(const hfdir *d, const safetensor *from, file_tensor *t, error *err) {
    if (!from->readable)
        return error_set(err, "%s: tensor %.100s is %.16s, which doppel does not read; it reads F32, F16 and BF16",
                         d->path, from->name, from->dtype);
    if (from->n_dims < 1 || from->n_dims > TENSOR_MAX_DIMS || from->size == 0)
        return error_set(err,
                         "%s: tensor %.100s has no shape that a weight can have: the file is damaged; fetch it again",
                         d->path, from->name);
    t->type = from->type;
    t->n_dims = from->n_dims;
    t->size = from->size;
    t->data = from->data;
    for (int i = 0; i < TENSOR_MAX_DIMS; i++) t->ne[i] = i < t->n_dims ? from->shape[t->n_dims - 1 - i] : 1;
    return 0;
}

static int add_tensor(hfdir *d, const shard *s, const safetensor *from, error *err) {
    file_tensor t = {0};
    name_change change;
    int used = hfnames_translate(d->names, from->name, t.name, &change);
    if (used < 0)
        return error_set(err, "%s: tensor %.100s is no part of a %s model; doppel cannot run this variant", d->path,
                         from->name, hfnames_family(d->config));
    if (used == 0) return 0;
    if (describe(d, from, &t, err) != 0) return -1;
    int rc = 0;
    if (change == CHANGE_TRANSPOSE && t.n_dims == 2)
        rc = transpose(d, from, &t, err);
    else if (change == CHANGE_REGROUP && d->grouping.n_groups > 0)
        rc = regroup(d, from, &t, err);
    else if ((uintptr_t)t.data % MIN_ALIGNMENT != 0)
        rc = realign(d, from, &t, err);
    if (rc != 0) return -1;
    if (t.data != from->data) safetensors_drop(s->file, from->data, from->size);
    if (!tensor_table_add(&d->table, &t))
        return error_set(err, "%s: tensor %.100s is there twice; the files do not belong together: fetch them again",
                         d->path, from->name);
    return 0;
}

static int add_tensors(hfdir *d, error *err) {
    size_t n = 0;
    for (size_t i = 0; i < d->n_shards; i++) n += safetensors_n(d->shards[i].file);
    tensor_table_init(&d->table, n);
    for (size_t i = 0; i < d->n_shards; i++)
        for (size_t k = 0; k < safetensors_n(d->shards[i].file); k++)
            if (add_tensor(d, &d->shards[i], safetensors_at(d->shards[i].file, k), err) != 0) return -1;
    return 0;
}

hfdir *hfdir_open(const char *path, error *err) {
    hfdir *d = mem_calloc(1, sizeof *d);
    d->path = mem_strdup(path);
    if (read_config(d, err) == 0 && open_weights(d, err) == 0 && add_tensors(d, err) == 0) return d;
    hfdir_close(d);
    return NULL;
}

void hfdir_close(hfdir *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n_owned; i++) mem_free_big(d->owned[i].data, d->owned[i].size);
    for (size_t i = 0; i < d->n_shards; i++) {
        safetensors_close(d->shards[i].file);
        free(d->shards[i].name);
    }
    free(d->owned);
    free(d->shards);
    tensor_table_free(&d->table);
    cJSON_Delete(d->config);
    free(d->path);
    free(d);
}

bool hfdir_is_torn(const hfdir *d) {
    bool torn = false;
    for (size_t i = 0; i < d->n_shards; i++) torn |= safetensors_is_torn(d->shards[i].file);
    return torn;
}

bool hfdir_has_changed(const hfdir *d) {
    bool changed = false;
    for (size_t i = 0; i < d->n_shards; i++) changed |= safetensors_has_changed(d->shards[i].file);
    return changed;
}

const cJSON *hfdir_config(const hfdir *d) {
    return d->config;
}

const tensor_table *hfdir_tensors(const hfdir *d) {
    return &d->table;
}

void hfdir_drop(const hfdir *d, const file_tensor *t) {
    for (size_t i = 0; i < d->n_shards; i++) safetensors_drop(d->shards[i].file, t->data, t->size);
}

void hfdir_drop_all(const hfdir *d) {
    for (size_t i = 0; i < d->n_shards; i++) safetensors_drop_all(d->shards[i].file);
}
