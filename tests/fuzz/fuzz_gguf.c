// libFuzzer target: GGUF files. Whatever the bytes, opening either fails with a message or gives a table whose every
// byte can be read; a file that opens is then given to what reads settings, the tokenizer and the chat format.
//
// The mutator knows the layout: it finds the fields of the input (counts, lengths, types, dimensions, offsets) and puts
// a value there that such checks are wrong about, or repeats or removes a whole entry. A fifth of the time, and where
// the input has no fields, libFuzzer's own mutations are used.
#include "model/net/config.h"
#include "model/text/chat_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// --- the mutator ---

enum { MAX_FIELDS = 4096, MAX_ENTRIES = 512 };

typedef struct field {
    size_t at;
    int width;
} field;

typedef struct entry {
    size_t begin, end, count_at; // count_at: the header's count of its kind
} entry;

typedef struct anatomy {
    const uint8_t *data;
    size_t size, pos;
    field fields[MAX_FIELDS];
    int n_fields;
    entry entries[MAX_ENTRIES];
    int n_entries;
} anatomy;

// Reads a field and notes it; false at the end of the input.
static bool note(anatomy *a, int width, uint64_t *out) {
    if (a->size - a->pos < (size_t)width) return false;
    *out = 0;
    memcpy(out, a->data + a->pos, (size_t)width);
    if (a->n_fields < MAX_FIELDS) a->fields[a->n_fields++] = (field){a->pos, width};
    a->pos += (size_t)width;
    return true;
}

static bool skip(anatomy *a, uint64_t n) {
    if (n > a->size - a->pos) return false;
    a->pos += (size_t)n;
    return true;
}

static bool note_text(anatomy *a) {
    uint64_t n;
    return note(a, 8, &n) && skip(a, n);
}

static bool note_value(anatomy *a, uint64_t type, int depth) {
    static const unsigned char bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    uint64_t inner, n, v;
    if (type == GGUF_STRING) return note_text(a);
    if (type != GGUF_ARRAY) return type < sizeof bytes && note(a, bytes[type], &v);
    if (depth > 5 || !note(a, 4, &inner) || !note(a, 8, &n)) return false;
    for (uint64_t i = 0; i < n && i < 10000; i++)
        if (!note_value(a, inner, depth + 1)) return false;
    return true;
}

static bool note_key(anatomy *a) {
    uint64_t type;
    return note_text(a) && note(a, 4, &type) && note_value(a, type, 0);
}

static bool note_tensor(anatomy *a) {
    uint64_t n, v;
    if (!note_text(a) || !note(a, 4, &n)) return false;
    for (uint64_t i = 0; i < n && i < 8; i++)
        if (!note(a, 8, &v)) return false;
    return note(a, 4, &v) && note(a, 8, &v);
}

static void note_entries(anatomy *a, uint64_t n, bool (*one)(anatomy *), size_t count_at) {
    for (uint64_t i = 0; i < n && i < 1000; i++) {
        size_t begin = a->pos;
        if (!one(a)) return;
        if (a->n_entries < MAX_ENTRIES) a->entries[a->n_entries++] = (entry){begin, a->pos, count_at};
    }
}

static void dissect(anatomy *a) {
    uint64_t version, n_tensors, n_keys;
    if (!skip(a, 4) || !note(a, 4, &version) || !note(a, 8, &n_tensors) || !note(a, 8, &n_keys)) return;
    note_entries(a, n_keys, note_key, 16);
    note_entries(a, n_tensors, note_tensor, 8);
}

static uint64_t strange_value(uint64_t old, size_t size) {
    switch (rand() % 12) {
    case 0: return 0;
    case 1: return old + 1;
    case 2: return old - 1;
    case 3: return old * 2;
    case 4: return UINT64_MAX - (uint64_t)(rand() % 64);
    case 5: return 1ull << rand() % 64;
    case 6: return (1ull << rand() % 64) - 1;
    case 7: return size - (uint64_t)(rand() % 64);
    case 8: return old ^ 1ull << rand() % 64;
    case 9: return UINT64_MAX / (uint64_t)(1 + rand() % 256) + 1;
    case 10: return (uint64_t)(rand() % 32);
    default: return old + 32 * (uint64_t)(rand() % 9) - 128;
    }
}

static void change_field(uint8_t *data, size_t size, const field *f) {
    uint64_t v = 0;
    memcpy(&v, data + f->at, (size_t)f->width);
    v = strange_value(v, size);
    memcpy(data + f->at, &v, (size_t)f->width);
}

static void change_count(uint8_t *data, size_t at, int by) {
    uint64_t n;
    memcpy(&n, data + at, sizeof n);
    n += (uint64_t)by;
    memcpy(data + at, &n, sizeof n);
}

static size_t repeat_entry(uint8_t *data, size_t size, size_t max_size, const entry *e) {
    size_t n = e->end - e->begin;
    if (n > max_size - size) return size;
    memmove(data + e->end + n, data + e->end, size - e->end);
    memcpy(data + e->end, data + e->begin, n);
    change_count(data, e->count_at, 1);
    return size + n;
}

static size_t remove_entry(uint8_t *data, size_t size, const entry *e) {
    memmove(data + e->begin, data + e->end, size - e->end);
    change_count(data, e->count_at, -1);
    return size - (e->end - e->begin);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static anatomy a;
    srand(seed);
    a = (anatomy){.data = data, .size = size};
    dissect(&a);
    int choice = rand() % 10;
    if (choice < 2 || a.n_fields == 0) return LLVMFuzzerMutate(data, size, max_size);
    const entry *e = a.n_entries ? &a.entries[rand() % a.n_entries] : NULL;
    if (choice == 2 && e) return repeat_entry(data, size, max_size, e);
    if (choice == 3 && e) return remove_entry(data, size, e);
    change_field(data, size, &a.fields[rand() % a.n_fields]);
    return size;
}

// --- what is tried ---

volatile unsigned fuzz_sink; // keeps the reads from being optimised away

static unsigned sum_bytes(const void *p, size_t n) {
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((const unsigned char *)p)[i];
    return sum;
}

static unsigned read_array(gguf_array a) {
    unsigned sum = sum_bytes(a.data, (size_t)(a.end - a.data));
    for (uint64_t i = 0; i < a.n && i < 100; i++)
        sum += (unsigned)gguf_array_int(&a, i) + (gguf_array_float(&a, i) > 0);
    const char *s;
    size_t len;
    while (gguf_array_next_string(&a, &s, &len)) sum += sum_bytes(s, len);
    return sum;
}

static unsigned read_everything(const gguf *g) {
    unsigned sum = 0;
    for (size_t i = 0; i < gguf_n_keys(g); i++) {
        const char *key = gguf_key(g, i, NULL), *s;
        size_t len;
        int64_t integer;
        double number;
        bool flag;
        gguf_array a;
        sum += gguf_get_int(g, key, &integer, NULL) == 1 && integer > 0;
        sum += gguf_get_float(g, key, &number, NULL) == 1 && number > 0;
        sum += gguf_get_bool(g, key, &flag, NULL) == 1 && flag;
        if (gguf_get_string(g, key, &s, &len, NULL) == 1) sum += sum_bytes(s, len);
        if (gguf_get_array(g, key, &a, NULL) == 1) sum += read_array(a);
    }
    for (size_t i = 0; i < gguf_n_tensors(g); i++) {
        const file_tensor *t = gguf_tensor_at(g, i);
        if (gguf_tensor(g, t->name) != t || (uintptr_t)t->data % 4 != 0) abort();
        sum += sum_bytes(t->data, t->size);
    }
    return sum;
}

static void read_as_model(const uint8_t *data, size_t size) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    error err = {{0}};
    model_file *f = model_file_open(path, &err);
    net_config c;
    if (f && net_config_read(&c, f, &err) == 0 && (c.n_layers < 1 || c.n_heads % c.n_kv_heads != 0)) abort();
    tokenizer *t = f ? tokenizer_open(f, &err) : NULL;
    if (f) {
        chat_format format = chat_format_of(f, t);
        chat_format_free(&format);
    }
    tokenizer_free(t);
    model_file_close(f);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    error err = {{0}};
    void *copy = malloc(size ? size : 1); // at an address that a mapping could have, and no byte longer
    memcpy(copy, data, size);
    gguf *g = gguf_open_memory(copy, size, "fuzz", &err);
    if (!g && !*err.text) abort();
    if (g) fuzz_sink = read_everything(g);
    bool opened = g != NULL;
    gguf_close(g);
    free(copy);
    if (opened) read_as_model(data, size);
    return 0;
}
