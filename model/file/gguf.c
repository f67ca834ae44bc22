// Reading GGUF. The layout, all little endian:
//
//     "GGUF" version:u32 n_tensors:u64 n_keys:u64
//     n_keys    times: name:string type:u32 value
//     n_tensors times: name:string n_dims:u32 ne:u64[n_dims] type:u32 offset:u64
//     padding to general.alignment, then the tensors' data; offsets count from there
//
// with string = length:u64 bytes. A cursor walks over it; nothing is taken from it before the bytes left were compared
// with what is wanted, and every count is compared with what the bytes left could hold before memory is asked for.
#include "model/file/gguf.h"
#include "model/file/map.h"
#include "model/file/table.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are used as they lie in the file");

enum {
    MAX_KEYS = 1 << 16,
    MAX_TENSORS = 1 << 16,
    MAX_KEY_LENGTH = 65535,
    MAX_ARRAY_DEPTH = 4,
    MIN_KEY_BYTES = 8 + 1 + 4 + 1,
    MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8,
    DEFAULT_ALIGNMENT = 32,
    MIN_ALIGNMENT = 8,
    MAX_ALIGNMENT = 1 << 20,
};

typedef struct key {
    char *name;
    gguf_type type;
    gguf_array value; // a scalar or a string is an array of one; a string's bytes are data..end
} key;

struct gguf {
    char *path;
    file_map map; // empty for one from memory
    key *keys;
    size_t n_keys;
    name_index key_index;
    tensor_table table;
};

typedef struct cursor {
    const unsigned char *base;
    size_t size, pos;
    const char *path;
    error *err;
} cursor;

static const unsigned char *take(cursor *c, uint64_t n, const char *what) {
    if (n > c->size - c->pos) {
        error_set(
            c->err,
            "%s: %s needs %llu bytes at byte %zu, but the file ends at byte %zu: cut short or damaged; fetch it again",
            c->path, what, (unsigned long long)n, c->pos, c->size);
        return NULL;
    }
    const unsigned char *p = c->base + c->pos;
    c->pos += (size_t)n;
    return p;
}

static int take_u32(cursor *c, const char *what, uint32_t *out) {
    const unsigned char *p = take(c, sizeof *out, what);
    if (!p) return -1;
    memcpy(out, p, sizeof *out);
    return 0;
}

static int take_u64(cursor *c, const char *what, uint64_t *out) {
    const unsigned char *p = take(c, sizeof *out, what);
    if (!p) return -1;
    memcpy(out, p, sizeof *out);
    return 0;
}

// A name: 1 to max bytes without a NUL among them.
static const char *take_name(cursor *c, const char *what, uint64_t max, size_t *len) {
    uint64_t n;
    if (take_u64(c, what, &n) != 0) return NULL;
    if (n == 0 || n > max) {
        error_set(c->err, "%s: %s is %llu bytes long, 1 to %llu are possible: the file is damaged; fetch it again",
                  c->path, what, (unsigned long long)n, (unsigned long long)max);
        return NULL;
    }
    const char *s = (const char *)take(c, n, what);
    if (s && memchr(s, '\0', (size_t)n)) {
        error_set(c->err, "%s: %s at byte %zu holds a NUL: the file is damaged; fetch it again", c->path, what,
                  c->pos - (size_t)n);
        return NULL;
    }
    *len = (size_t)n;
    return s;
}

// Bytes of a value of fixed size; 0 for strings, arrays and unknown types.
static size_t scalar_bytes(uint32_t type) {
    static const unsigned char bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof bytes ? bytes[type] : 0;
}

static int take_array(cursor *c, const char *name, int depth, gguf_array *out);

// Passes over n values of a type and tells where they lie.
static int take_values(cursor *c, const char *name, uint32_t type, uint64_t n, int depth, gguf_array *out) {
    out->type = (gguf_type)type;
    out->n = n;
    out->data = c->base + c->pos;
    size_t each = scalar_bytes(type), least = each ? each : type == GGUF_ARRAY ? 12 : 8;
    if (!each && type != GGUF_STRING && type != GGUF_ARRAY)
        return error_set(c->err, "%s: key %.64s has the unknown type %lu; the file is damaged or newer than doppel",
                         c->path, name, (unsigned long)type);
    if (n > (c->size - c->pos) / least)
        return error_set(
            c->err,
            "%s: key %.64s is said to hold %llu values, but the file ends %zu bytes later: cut short or damaged; fetch it again",
            c->path, name, (unsigned long long)n, c->size - c->pos);
    if (each) {
        take(c, n * each, name);
    } else {
        for (uint64_t i = 0; i < n; i++) {
            uint64_t len;
            gguf_array inner;
            if (type == GGUF_ARRAY) {
                if (take_array(c, name, depth + 1, &inner) != 0) return -1;
            } else if (take_u64(c, name, &len) != 0 || !take(c, len, name)) {
                return -1;
            }
        }
    }
    out->end = c->base + c->pos;
    return 0;
}

static int take_array(cursor *c, const char *name, int depth, gguf_array *out) {
    uint32_t type;
    uint64_t n;
    if (depth > MAX_ARRAY_DEPTH)
        return error_set(c->err,
                         "%s: key %.64s is an array in an array in an array: the file is damaged; fetch it again",
                         c->path, name);
    if (take_u32(c, name, &type) != 0 || take_u64(c, name, &n) != 0) return -1;
    return take_values(c, name, type, n, depth, out);
}

static int read_key(gguf *g, cursor *c) {
    key *k = &g->keys[g->n_keys];
    size_t len;
    uint32_t type;
    const char *name = take_name(c, "the name of a key", MAX_KEY_LENGTH, &len);
    if (!name) return -1;
    k->name = mem_strndup(name, len);
    g->n_keys++;
    if (take_u32(c, k->name, &type) != 0) return -1;
    k->type = (gguf_type)type;
    int rc = type == GGUF_ARRAY ? take_array(c, k->name, 1, &k->value) : take_values(c, k->name, type, 1, 1, &k->value);
    if (rc != 0) return -1;
    if (type == GGUF_STRING) k->value.data += 8;
    if (type == GGUF_BOOL && *k->value.data > 1)
        return error_set(c->err, "%s: key %.64s is a bool of value %d: the file is damaged; fetch it again", c->path,
                         k->name, *k->value.data);
    if (!name_index_add(&g->key_index, k->name, g->n_keys - 1))
        return error_set(c->err, "%s: key %.64s is there twice: the file is damaged; fetch it again", c->path, k->name);
    return 0;
}

static int read_shape(cursor *c, file_tensor *t) {
    uint32_t n_dims;
    if (take_u32(c, t->name, &n_dims) != 0) return -1;
    if (n_dims < 1 || n_dims > TENSOR_MAX_DIMS)
        return error_set(c->err,
                         "%s: tensor %s has %lu dimensions, 1 to %d are possible: the file is damaged; fetch it again",
                         c->path, t->name, (unsigned long)n_dims, TENSOR_MAX_DIMS);
    t->n_dims = (int)n_dims;
    uint64_t elements = 1;
    for (uint32_t i = 0; i < TENSOR_MAX_DIMS; i++) {
        uint64_t n = 1;
        if (i < n_dims && take_u64(c, t->name, &n) != 0) return -1;
        // Even a quarter of a byte per element would not fit into what can be addressed above this bound.
        if (n == 0 || n > (uint64_t)INT64_MAX / 8 / elements)
            return error_set(c->err, "%s: tensor %s has a dimension of %llu: the file is damaged; fetch it again",
                             c->path, t->name, (unsigned long long)n);
        elements *= n;
        t->ne[i] = (int64_t)n;
    }
    return 0;
}

static int read_type(cursor *c, file_tensor *t) {
    uint32_t type;
    if (take_u32(c, t->name, &type) != 0) return -1;
    int block = tensor_block_elements((tensor_type)type);
    if (block == 0)
        return error_set(
            c->err,
            "%s: tensor %s is of type %lu, which doppel does not read; take a file in F16, Q8_0, Q4_0 or Q4_K_M",
            c->path, t->name, (unsigned long)type);
    t->type = (tensor_type)type;
    if (t->ne[0] % block != 0)
        return error_set(
            c->err,
            "%s: tensor %s has rows of %lld, no multiple of the %d in a block of %s: the file is damaged; fetch it again",
            c->path, t->name, (long long)t->ne[0], block, tensor_type_name(t->type));
    uint64_t blocks = (uint64_t)(t->ne[0] / block) * (uint64_t)t->ne[1] * (uint64_t)t->ne[2] * (uint64_t)t->ne[3];
    size_t bytes = tensor_block_bytes(t->type);
    if (blocks > SIZE_MAX / 2 / bytes)
        return error_set(c->err, "%s: tensor %s is larger than any memory: the file is damaged; fetch it again",
                         c->path, t->name);
    t->size = (size_t)blocks * bytes;
    return 0;
}

// One entry of the list of tensors. Its offset goes to *offset: where the data begin is known only after the last.
static int read_tensor(gguf *g, cursor *c, uint64_t alignment, uint64_t *offset) {
    file_tensor t = {0};
    size_t len;
    const char *name = take_name(c, "the name of a tensor", TENSOR_MAX_NAME - 1, &len);
    if (!name) return -1;
    memcpy(t.name, name, len);
    if (read_shape(c, &t) != 0 || read_type(c, &t) != 0 || take_u64(c, t.name, offset) != 0) return -1;
    if (*offset % alignment != 0)
        return error_set(c->err,
                         "%s: tensor %s lies at offset %llu, no multiple of %llu: the file is damaged; fetch it again",
                         c->path, t.name, (unsigned long long)*offset, (unsigned long long)alignment);
    if (!tensor_table_add(&g->table, &t))
        return error_set(c->err, "%s: tensor %s is there twice: the file is damaged; fetch it again", c->path, t.name);
    return 0;
}

// Turns offsets into pointers. The sum of the largest offset and its size tells how long the file should be.
static int place_tensors(gguf *g, const cursor *c, uint64_t alignment, const uint64_t *offsets) {
    uint64_t start = (c->pos + alignment - 1) / alignment * alignment, expected = 0;
    for (size_t i = 0; i < g->table.n; i++) {
        const file_tensor *t = &g->table.tensors[i];
        if (offsets[i] > UINT64_MAX / 2 - start - t->size)
            return error_set(c->err,
                             "%s: tensor %s lies at offset %llu, beyond any file: the file is damaged; fetch it again",
                             c->path, t->name, (unsigned long long)offsets[i]);
        uint64_t end = start + offsets[i] + t->size;
        if (end > expected) expected = end;
    }
    if (expected > c->size)
        return error_set(c->err, "%s: the file ends at byte %zu, expected %llu: cut short or damaged; fetch it again",
                         c->path, c->size, (unsigned long long)expected);
    for (size_t i = 0; i < g->table.n; i++) g->table.tensors[i].data = c->base + start + offsets[i];
    const file_tensor *a, *b;
    if (tensor_table_overlap(&g->table, &a, &b))
        return error_set(c->err, "%s: tensors %s and %s overlap: the file is damaged; fetch it again", c->path, a->name,
                         b->name);
    return 0;
}

static int read_alignment(const gguf *g, error *err, uint64_t *out) {
    int64_t n = DEFAULT_ALIGNMENT;
    if (gguf_get_int(g, "general.alignment", &n, err) < 0) return -1;
    if (n < MIN_ALIGNMENT || n > MAX_ALIGNMENT || (n & (n - 1)) != 0)
        return error_set(
            err,
            "%s: general.alignment is %lld, expected a power of two from %d to %d: the file is damaged; fetch it again",
            g->path, (long long)n, MIN_ALIGNMENT, MAX_ALIGNMENT);
    *out = (uint64_t)n;
    return 0;
}

// What people have instead of a GGUF file, by its first bytes.
static const char *other_kind(const unsigned char *p, size_t n) {
    static const struct {
        const char *start, *is;
    } kinds[] = {
        {"<", "a web page; fetch the file itself"},
        {"version https://git-lfs", "a git-lfs pointer; fetch the file it stands for (git lfs pull)"},
        {"lmgg", "an old GGML file; take a GGUF version of the model"},
        {"tjgg", "an old GGML file; take a GGUF version of the model"},
        {"fmgg", "an old GGML file; take a GGUF version of the model"},
        {"PK\x03\x04", "a zip archive; unpack it or take a GGUF version of the model"},
        {"\x80\x02", "a Python pickle; take a GGUF version of the model"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].start);
        if (n >= len && memcmp(p, kinds[i].start, len) == 0) return kinds[i].is;
    }
    if (n >= 10 && p[8] == '{') return "perhaps a safetensors file; give the directory that it lies in";
    return "no model that doppel knows; give a GGUF file or a Hugging Face directory";
}

static int read_version(cursor *c) {
    uint32_t version;
    if (c->size < 4 || memcmp(c->base, "GGUF", 4) != 0)
        return error_set(c->err, "%s: is %s", c->path, other_kind(c->base, c->size));
    c->pos = 4;
    if (take_u32(c, "the version", &version) != 0) return -1;
    if (version == 2 || version == 3) return 0;
    if (version == 1)
        return error_set(c->err, "%s: is GGUF version 1, expected 2 or 3; take a newer conversion of the model",
                         c->path);
    if (version != 0 && (version & 0xffff) == 0)
        return error_set(c->err, "%s: is a big-endian GGUF file; take the little-endian one", c->path);
    return error_set(c->err, "%s: is GGUF version %lu, expected 2 or 3; take another conversion of the model", c->path,
                     (unsigned long)version);
}

static int check_count(const cursor *c, const char *what, uint64_t n, uint64_t max, size_t min_bytes) {
    if (n <= max && n <= (c->size - c->pos) / min_bytes) return 0;
    return error_set(
        c->err, "%s: is said to hold %llu %s, more than its %zu bytes can hold: cut short or damaged; fetch it again",
        c->path, (unsigned long long)n, what, c->size);
}

static int read_all(gguf *g, cursor *c) {
    uint64_t n_tensors, n_keys, alignment = 0;
    if (read_version(c) != 0) return -1;
    if (take_u64(c, "the number of tensors", &n_tensors) != 0 || take_u64(c, "the number of keys", &n_keys) != 0)
        return -1;
    if (check_count(c, "keys", n_keys, MAX_KEYS, MIN_KEY_BYTES) != 0) return -1;
    if (check_count(c, "tensors", n_tensors, MAX_TENSORS, MIN_TENSOR_BYTES) != 0) return -1;
    g->keys = mem_calloc((size_t)n_keys, sizeof *g->keys);
    name_index_init(&g->key_index, (size_t)n_keys);
    for (uint64_t i = 0; i < n_keys; i++)
        if (read_key(g, c) != 0) return -1;
    if (read_alignment(g, c->err, &alignment) != 0) return -1;
    tensor_table_init(&g->table, (size_t)n_tensors);
    uint64_t *offsets = mem_calloc((size_t)n_tensors, sizeof *offsets);
    int rc = 0;
    for (uint64_t i = 0; i < n_tensors && rc == 0; i++) rc = read_tensor(g, c, alignment, &offsets[i]);
    if (rc == 0) rc = place_tensors(g, c, alignment, offsets);
    free(offsets);
    return rc;
}

gguf *gguf_open_memory(const void *bytes, size_t size, const char *name, error *err) {
    gguf *g = mem_calloc(1, sizeof *g);
    g->path = mem_strdup(name);
    cursor c = {.base = bytes, .size = size, .path = g->path, .err = err};
    if (read_all(g, &c) == 0) return g;
    gguf_close(g);
    return NULL;
}

gguf *gguf_open(const char *path, error *err) {
    file_map map;
    if (file_map_open(&map, path, err) != 0) return NULL;
    gguf *g = gguf_open_memory(map.data, map.size, path, err);
    if (g)
        g->map = map;
    else
        file_map_close(&map);
    return g;
}

void gguf_close(gguf *g) {
    if (!g) return;
    for (size_t i = 0; i < g->n_keys; i++) free(g->keys[i].name);
    free(g->keys);
    name_index_free(&g->key_index);
    tensor_table_free(&g->table);
    file_map_close(&g->map);
    free(g->path);
    free(g);
}

bool gguf_is_torn(const gguf *g) {
    return file_map_is_torn(&g->map);
}

bool gguf_has_changed(const gguf *g) {
    return file_map_has_changed(&g->map);
}

const char *gguf_path(const gguf *g) {
    return g->path;
}

void gguf_drop(const gguf *g, const file_tensor *t) {
    file_map_drop(&g->map, t->data, t->size);
}

void gguf_drop_all(const gguf *g) {
    file_map_drop(&g->map, g->map.data, g->map.size);
}

static const key *find_key(const gguf *g, const char *name) {
    size_t i;
    return name_index_find(&g->key_index, name, &i) ? &g->keys[i] : NULL;
}

static int wrong_kind(const gguf *g, const char *name, const char *expected, error *err) {
    return error_set(err, "%s: key %s is no %s: the file is damaged; fetch it again", g->path, name, expected);
}

static bool is_integer(gguf_type type) {
    return type <= GGUF_INT32 || type == GGUF_UINT64 || type == GGUF_INT64;
}

int gguf_get_int(const gguf *g, const char *name, int64_t *out, error *err) {
    const key *k = find_key(g, name);
    if (!k) return 0;
    if (!is_integer(k->type)) return wrong_kind(g, name, "integer", err);
    int64_t v = gguf_array_int(&k->value, 0);
    if (k->type == GGUF_UINT64 && k->value.data[7] & 0x80)
        return error_set(err, "%s: key %s is out of range: the file is damaged; fetch it again", g->path, name);
    *out = v;
    return 1;
}

int gguf_get_float(const gguf *g, const char *name, double *out, error *err) {
    const key *k = find_key(g, name);
    if (!k) return 0;
    if (k->type != GGUF_FLOAT32 && k->type != GGUF_FLOAT64) return wrong_kind(g, name, "number with a fraction", err);
    *out = gguf_array_float(&k->value, 0);
    return 1;
}

int gguf_get_bool(const gguf *g, const char *name, bool *out, error *err) {
    const key *k = find_key(g, name);
    if (!k) return 0;
    if (k->type != GGUF_BOOL) return wrong_kind(g, name, "bool", err);
    *out = *k->value.data != 0;
    return 1;
}

int gguf_get_string(const gguf *g, const char *name, const char **out, size_t *len, error *err) {
    const key *k = find_key(g, name);
    if (!k) return 0;
    if (k->type != GGUF_STRING) return wrong_kind(g, name, "string", err);
    *out = (const char *)k->value.data;
    *len = (size_t)(k->value.end - k->value.data);
    return 1;
}

int gguf_get_array(const gguf *g, const char *name, gguf_array *out, error *err) {
    const key *k = find_key(g, name);
    if (!k) return 0;
    if (k->type != GGUF_ARRAY) return wrong_kind(g, name, "array", err);
    *out = k->value;
    return 1;
}

bool gguf_array_next_string(gguf_array *a, const char **s, size_t *len) {
    if (a->type != GGUF_STRING || a->n == 0) return false;
    uint64_t n;
    memcpy(&n, a->data, sizeof n);
    *s = (const char *)a->data + sizeof n;
    *len = (size_t)n;
    a->data += sizeof n + (size_t)n;
    a->n--;
    return true;
}

int64_t gguf_array_int(const gguf_array *a, uint64_t i) {
    if (i >= a->n) return 0;
    const unsigned char *p = a->data + i * scalar_bytes(a->type);
    union {
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
    } v;
    memcpy(&v, p, scalar_bytes(a->type));
    switch (a->type) {
    case GGUF_BOOL:
    case GGUF_UINT8: return *p;
    case GGUF_INT8: return v.i8;
    case GGUF_UINT16: return v.u16;
    case GGUF_INT16: return v.i16;
    case GGUF_UINT32: return v.u32;
    case GGUF_INT32: return v.i32;
    case GGUF_UINT64: return v.u64 > INT64_MAX ? INT64_MAX : (int64_t)v.u64;
    case GGUF_INT64: return v.i64;
    default: return 0;
    }
}

double gguf_array_float(const gguf_array *a, uint64_t i) {
    if (i >= a->n) return 0;
    if (a->type == GGUF_FLOAT32) {
        float f;
        memcpy(&f, a->data + i * sizeof f, sizeof f);
        return f;
    }
    if (a->type == GGUF_FLOAT64) {
        double d;
        memcpy(&d, a->data + i * sizeof d, sizeof d);
        return d;
    }
    return (double)gguf_array_int(a, i);
}

size_t gguf_n_keys(const gguf *g) {
    return g->n_keys;
}

const char *gguf_key(const gguf *g, size_t i, gguf_type *type) {
    if (type) *type = g->keys[i].type;
    return g->keys[i].name;
}

gguf_array gguf_key_value(const gguf *g, size_t i) {
    return g->keys[i].value;
}

size_t gguf_n_tensors(const gguf *g) {
    return g->table.n;
}

const file_tensor *gguf_tensor_at(const gguf *g, size_t i) {
    return &g->table.tensors[i];
}

const file_tensor *gguf_tensor(const gguf *g, const char *name) {
    return tensor_table_find(&g->table, name);
}
