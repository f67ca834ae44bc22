// Small model files made in memory, for tests of what reads them: bytes are appended to a buf one field at a time, so
// that a test can also write the fields wrong.
#ifndef DOPPEL_TEST_MODELS_H
#define DOPPEL_TEST_MODELS_H

#include "model/base/base.h"
#include "model/file/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void put_u32(buf *b, uint32_t v) {
    buf_append(b, &v, sizeof v);
}

static inline void put_u64(buf *b, uint64_t v) {
    buf_append(b, &v, sizeof v);
}

// A GGUF string.
static inline void put_text(buf *b, const char *s) {
    put_u64(b, strlen(s));
    buf_puts(b, s);
}

static inline void put_header(buf *b, uint32_t version, uint64_t n_tensors, uint64_t n_keys) {
    buf_puts(b, "GGUF");
    put_u32(b, version);
    put_u64(b, n_tensors);
    put_u64(b, n_keys);
}

static inline void put_key(buf *b, const char *name, uint32_t type) {
    put_text(b, name);
    put_u32(b, type);
}

static inline void put_key_u32(buf *b, const char *name, uint32_t v) {
    put_key(b, name, GGUF_UINT32);
    put_u32(b, v);
}

static inline void put_key_f32(buf *b, const char *name, float v) {
    put_key(b, name, GGUF_FLOAT32);
    buf_append(b, &v, sizeof v);
}

static inline void put_key_text(buf *b, const char *name, const char *v) {
    put_key(b, name, GGUF_STRING);
    put_text(b, v);
}

static inline void put_tensor(buf *b, const char *name, uint64_t ne0, uint64_t ne1, uint32_t type, uint64_t offset) {
    put_text(b, name);
    put_u32(b, 2);
    put_u64(b, ne0);
    put_u64(b, ne1);
    put_u32(b, type);
    put_u64(b, offset);
}

static inline void put_zeros(buf *b, size_t n) {
    while (n--) buf_putc(b, '\0');
}

// Zeros up to a multiple of n.
static inline void put_padding(buf *b, size_t n) {
    put_zeros(b, (n - b->len % n) % n);
}

// A safetensors file: a header that is text, and data.
static inline void put_safetensors(buf *b, const char *header, const void *data, size_t n) {
    put_u64(b, strlen(header));
    buf_puts(b, header);
    buf_append(b, data, n);
}

// A new folder for a test's files; the caller frees the path.
static inline char *make_folder(void) {
    buf b = {0};
    const char *tmp = getenv("TMPDIR");
    buf_printf(&b, "%s/doppel-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(b.data)) abort();
    return buf_take(&b);
}

// FOLDER/NAME; the caller frees it.
static inline char *path_of(const char *folder, const char *name) {
    buf b = {0};
    buf_printf(&b, "%s/%s", folder, name);
    return buf_take(&b);
}

static inline void write_file(const char *folder, const char *name, const void *bytes, size_t n) {
    char *path = path_of(folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) abort();
    free(path);
}

static inline void remove_file(const char *folder, const char *name) {
    char *path = path_of(folder, name);
    remove(path);
    free(path);
}

// The path of a golden file or folder, NULL when there are none here; the caller frees it.
static inline char *golden(const char *name) {
    const char *tests = getenv("TESTS");
    buf b = {0};
    buf_printf(&b, "%s/../../shared/goldens/models/%s", tests ? tests : "tests", name);
    if (access(buf_str(&b), R_OK) != 0) buf_free(&b);
    return b.data;
}

#endif
