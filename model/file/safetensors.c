// Reading safetensors. The header is parsed by cJSON (which limits nesting); every number in it is compared with the
// file's size and with the others before use.
#include "model/file/safetensors.h"
#include "model/file/hfjson.h"
#include "model/file/map.h"
#include "model/file/table.h"

#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER = 1 << 25,
    MAX_TENSORS = 1 << 16,
};

struct safetensors {
    char *path;
    file_map map; // empty for one from memory
    cJSON *header;
    safetensor *tensors;
    size_t n;
    name_index index;
};

// What opening works on.
typedef struct opening {
    safetensors *s;
    const unsigned char *data; // behind the header
    uint64_t size;             // of data
    uint64_t *begin;           // of every tensor, counted from data
    error *err;
} opening;

static const struct {
    const char *name;
    size_t bytes;
    bool readable;
    tensor_type type;
} dtypes[] = {
    {"F32", 4, true, TENSOR_F32}, {"F16", 2, true, TENSOR_F16}, {"BF16", 2, true, TENSOR_BF16},
    {"F64", 8, false, 0},         {"I64", 8, false, 0},         {"U64", 8, false, 0},
    {"I32", 4, false, 0},         {"U32", 4, false, 0},         {"I16", 2, false, 0},
    {"U16", 2, false, 0},         {"I8", 1, false, 0},          {"U8", 1, false, 0},
    {"BOOL", 1, false, 0},        {"F8_E4M3", 1, false, 0},     {"F8_E5M2", 1, false, 0},
};

// Bytes of an element; 0 for a dtype that is not known (its tensors can only be passed over).
static size_t set_dtype(safetensor *t) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(t->dtype, dtypes[i].name) != 0) continue;
        t->readable = dtypes[i].readable;
        t->type = dtypes[i].type;
        return dtypes[i].bytes;
    }
    return 0;
}

static int damaged(const opening *o, const char *name, const char *what) {
    return error_set(o->err, "%s: tensor %.100s has %s: the file is damaged; fetch it again", o->s->path, name, what);
}

// The number of elements goes to *elements.
static int read_shape(const opening *o, const cJSON *entry, safetensor *t, uint64_t *elements) {
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    if (!cJSON_IsArray(shape)) return damaged(o, t->name, "no shape");
    *elements = 1;
    for (const cJSON *d = shape->child; d; d = d->next) {
        int64_t n = hfjson_count(d);
        if (n < 0) return damaged(o, t->name, "a dimension that is no whole number");
        if (t->n_dims == SAFETENSORS_MAX_DIMS) return damaged(o, t->name, "more than 8 dimensions");
        // Above this bound not even one byte an element would fit.
        if (n > 0 && *elements > (uint64_t)INT64_MAX / 16 / (uint64_t)n)
            return damaged(o, t->name, "more elements than any file");
        *elements *= (uint64_t)n;
        t->shape[t->n_dims++] = n;
    }
    return 0;
}

static int read_offsets(const opening *o, const cJSON *entry, safetensor *t, uint64_t *begin) {
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    const cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL, *second = first ? first->next : NULL;
    int64_t from = hfjson_count(first), to = hfjson_count(second);
    if (!second || second->next || from < 0 || to < from)
        return damaged(o, t->name, "no pair of data_offsets in order");
    *begin = (uint64_t)from;
    t->size = (size_t)(to - from);
    return 0;
}

static int read_tensor(const opening *o, const cJSON *entry) {
    safetensors *s = o->s;
    safetensor *t = &s->tensors[s->n];
    uint64_t elements = 0;
    t->name = entry->string;
    if (!*t->name) return error_set(o->err, "%s: a tensor has no name: the file is damaged; fetch it again", s->path);
    if (!cJSON_IsObject(entry) || hfjson_get_string(entry, "dtype", &t->dtype) != 1)
        return damaged(o, t->name, "no dtype");
    if (read_shape(o, entry, t, &elements) != 0 || read_offsets(o, entry, t, &o->begin[s->n]) != 0) return -1;
    size_t each = set_dtype(t);
    if (each && elements * each != t->size)
        return error_set(
            o->err, "%s: tensor %.100s takes %zu bytes, its shape asks for %llu: the file is damaged; fetch it again",
            s->path, t->name, t->size, (unsigned long long)(elements * each));
    if (!name_index_add(&s->index, t->name, s->n))
        return error_set(o->err, "%s: tensor %.100s is there twice: the file is damaged; fetch it again", s->path,
                         t->name);
    s->n++;
    return 0;
}

typedef struct span {
    uint64_t begin, end;
    size_t tensor;
} span;

static int by_begin(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin) return (x->begin > y->begin) - (x->begin < y->begin);
    return (x->end > y->end) - (x->end < y->end);
}

// Every tensor has to begin where the one before it ended, and the last one has to end with the file.
static int check_spans(const opening *o, const span *spans, size_t file_size) {
    const safetensors *s = o->s;
    uint64_t end = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->tensors[spans[i].tensor].name;
        if (spans[i].begin != end)
            return error_set(
                o->err,
                "%s: tensor %.100s begins at %llu, where %llu was expected: the file is damaged; fetch it again",
                s->path, name, (unsigned long long)spans[i].begin, (unsigned long long)end);
        end = spans[i].end;
    }
    if (end != o->size)
        return error_set(o->err, "%s: the file ends at byte %zu, expected %llu: cut short or damaged; fetch it again",
                         s->path, file_size, (unsigned long long)(file_size - o->size + end));
    return 0;
}

static int place_tensors(const opening *o, size_t file_size) {
    safetensors *s = o->s;
    span *spans = mem_calloc(s->n, sizeof *spans);
    for (size_t i = 0; i < s->n; i++) spans[i] = (span){o->begin[i], o->begin[i] + s->tensors[i].size, i};
    qsort(spans, s->n, sizeof *spans, by_begin);
    int rc = check_spans(o, spans, file_size);
    free(spans);
    for (size_t i = 0; i < s->n && rc == 0; i++) s->tensors[i].data = o->data + o->begin[i];
    return rc;
}

static int read_tensors(opening *o, size_t file_size) {
    safetensors *s = o->s;
    size_t n = (size_t)cJSON_GetArraySize(s->header);
    if (n > MAX_TENSORS)
        return error_set(o->err, "%s: %zu tensors, at most %d are possible: the file is damaged; fetch it again",
                         s->path, n, MAX_TENSORS);
    s->tensors = mem_calloc(n, sizeof *s->tensors);
    name_index_init(&s->index, n);
    o->begin = mem_calloc(n, sizeof *o->begin);
    int rc = 0;
    for (const cJSON *entry = s->header->child; entry && rc == 0; entry = entry->next)
        if (strcmp(entry->string, "__metadata__") != 0) rc = read_tensor(o, entry);
    if (rc == 0) rc = place_tensors(o, file_size);
    free(o->begin);
    return rc;
}

static int read_header(safetensors *s, const unsigned char *bytes, size_t size, error *err) {
    uint64_t n = 0;
    if (size < LENGTH_BYTES + 2)
        return error_set(err, "%s: the file ends at byte %zu, before its header: cut short; fetch it again", s->path,
                         size);
    memcpy(&n, bytes, sizeof n);
    if (bytes[LENGTH_BYTES] != '{') return error_set(err, "%s: is no safetensors file; fetch it again", s->path);
    if (n > MAX_HEADER)
        return error_set(err,
                         "%s: a header of %llu bytes, at most %d are possible: the file is damaged; fetch it again",
                         s->path, (unsigned long long)n, MAX_HEADER);
    if (n > size - LENGTH_BYTES)
        return error_set(err, "%s: the file ends at byte %zu, its header at %llu: cut short; fetch it again", s->path,
                         size, (unsigned long long)n + LENGTH_BYTES);
    s->header = hfjson_parse(bytes + LENGTH_BYTES, (size_t)n, s->path, err);
    if (!s->header) return -1;
    opening o = {.s = s, .data = bytes + LENGTH_BYTES + n, .size = size - LENGTH_BYTES - n, .err = err};
    return read_tensors(&o, size);
}

safetensors *safetensors_open_memory(const void *bytes, size_t size, const char *name, error *err) {
    safetensors *s = mem_calloc(1, sizeof *s);
    s->path = mem_strdup(name);
    if (read_header(s, bytes, size, err) == 0) return s;
    safetensors_close(s);
    return NULL;
}

safetensors *safetensors_open(const char *path, error *err) {
    file_map map;
    if (file_map_open(&map, path, err) != 0) return NULL;
    safetensors *s = safetensors_open_memory(map.data, map.size, path, err);
    if (s)
        s->map = map;
    else
        file_map_close(&map);
    return s;
}

void safetensors_close(safetensors *s) {
    if (!s) return;
    cJSON_Delete(s->header);
    free(s->tensors);
    name_index_free(&s->index);
    file_map_close(&s->map);
    free(s->path);
    free(s);
}

bool safetensors_is_torn(const safetensors *s) {
    return file_map_is_torn(&s->map);
}

bool safetensors_has_changed(const safetensors *s) {
    return file_map_has_changed(&s->map);
}

size_t safetensors_n(const safetensors *s) {
    return s->n;
}

const safetensor *safetensors_at(const safetensors *s, size_t i) {
    return &s->tensors[i];
}

const safetensor *safetensors_find(const safetensors *s, const char *name) {
    size_t i;
    return name_index_find(&s->index, name, &i) ? &s->tensors[i] : NULL;
}

void safetensors_drop(const safetensors *s, const void *data, size_t size) {
    file_map_drop(&s->map, data, size);
}

void safetensors_drop_all(const safetensors *s) {
    file_map_drop(&s->map, s->map.data, s->map.size);
}
