// GGUF v2 and v3, mapped read-only, checked whole before anything of it is used.
// Format: the GGUF specification in the ggml project's docs/gguf.md. Little endian only.
//
// After gguf_open has returned, every string, array and tensor it hands out lies inside the mapping: counts, lengths,
// types, dimensions (none zero), alignment, offsets, overlaps of sizes with the file's end and duplicate names were
// compared with the file's size before any allocation that depends on them.
// A gguf is immutable after opening: any thread may read it.
#ifndef DOPPEL_GGUF_H
#define DOPPEL_GGUF_H

#include "model/base/base.h"
#include "model/file/tensor.h"

typedef enum gguf_type {
    GGUF_UINT8,
    GGUF_INT8,
    GGUF_UINT16,
    GGUF_INT16,
    GGUF_UINT32,
    GGUF_INT32,
    GGUF_FLOAT32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_UINT64,
    GGUF_INT64,
    GGUF_FLOAT64,
} gguf_type;

typedef struct gguf gguf;

// NULL with a message on failure. Free with gguf_close.
gguf *gguf_open(const char *path, error *err);
// The same checks over bytes in memory, which must outlive the result (for tests and the fuzzer).
gguf *gguf_open_memory(const void *bytes, size_t size, const char *name, error *err);
void gguf_close(gguf *g);             // NULL is fine
bool gguf_is_torn(const gguf *g);     // file_map_is_torn
bool gguf_has_changed(const gguf *g); // file_map_has_changed

const char *gguf_path(const gguf *g);

// Scalars. 1 found, 0 the key is absent (*out untouched), -1 present but of another kind or out of range (message).
// Integers of every width are taken where they fit; a float key also accepts float64.
int gguf_get_int(const gguf *g, const char *key, int64_t *out, error *err);
int gguf_get_float(const gguf *g, const char *key, double *out, error *err);
int gguf_get_bool(const gguf *g, const char *key, bool *out, error *err);
// A string inside the mapping: not NUL-terminated, may hold any bytes.
int gguf_get_string(const gguf *g, const char *key, const char **out, size_t *len, error *err);

// Arrays: elements of type `type`, n of them. Strings are read one after the other with gguf_array_next_string.
typedef struct gguf_array {
    gguf_type type;
    uint64_t n;
    const unsigned char *data, *end;
} gguf_array;
int gguf_get_array(const gguf *g, const char *key, gguf_array *out, error *err);
// Takes the next string off the front of a; false at the end or when a holds no strings.
bool gguf_array_next_string(gguf_array *a, const char **s, size_t *len);
int64_t gguf_array_int(const gguf_array *a, uint64_t i);  // any integer or bool type; 0 for others
double gguf_array_float(const gguf_array *a, uint64_t i); // float32/64 and integers; 0 for others

size_t gguf_n_keys(const gguf *g);
// Key i (0-based) as a NUL-terminated string, and its type (for `doppel models show`).
const char *gguf_key(const gguf *g, size_t i, gguf_type *type);
// Its value as it lies in the file, for copying: a scalar is an array of one, a string's bytes are data..end.
gguf_array gguf_key_value(const gguf *g, size_t i);

size_t gguf_n_tensors(const gguf *g);
const file_tensor *gguf_tensor_at(const gguf *g, size_t i);
const file_tensor *gguf_tensor(const gguf *g, const char *name); // NULL when absent; constant time

// Tells the system that the pages of t are not needed any more. The data stays readable.
void gguf_drop(const gguf *g, const file_tensor *t);
void gguf_drop_all(const gguf *g); // the same for the whole file

#endif
