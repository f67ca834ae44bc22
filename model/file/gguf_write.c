// Settings and tensor descriptions are gathered in memory and written before the data. Tensors begin at multiples of
// 32 bytes, GGUF's default.
#include "model/file/gguf_write.h"

#include <string.h>

enum { ALIGNMENT = 32, VERSION = 3 };

static void put_u32(buf *b, uint32_t v) {
    buf_append(b, &v, sizeof v);
}

static void put_u64(buf *b, uint64_t v) {
    buf_append(b, &v, sizeof v);
}

static void put_text(buf *b, const char *s, size_t len) {
    put_u64(b, len);
    buf_append(b, s, len);
}

static void begin_key(gguf_writer *w, const char *key, gguf_type type) {
    put_text(&w->keys, key, strlen(key));
    put_u32(&w->keys, type);
    w->n_keys++;
}

void gguf_write_int(gguf_writer *w, const char *key, int64_t v) {
    begin_key(w, key, GGUF_UINT32);
    put_u32(&w->keys, (uint32_t)v);
}

void gguf_write_float(gguf_writer *w, const char *key, double v) {
    float f = (float)v;
    begin_key(w, key, GGUF_FLOAT32);
    buf_append(&w->keys, &f, sizeof f);
}

void gguf_write_bool(gguf_writer *w, const char *key, bool v) {
    begin_key(w, key, GGUF_BOOL);
    buf_putc(&w->keys, v ? 1 : 0);
}

void gguf_write_text(gguf_writer *w, const char *key, const char *s, size_t len) {
    begin_key(w, key, GGUF_STRING);
    put_text(&w->keys, s, len);
}

static size_t scalar_bytes(gguf_type type) {
    switch (type) {
    case GGUF_UINT8:
    case GGUF_INT8:
    case GGUF_BOOL: return 1;
    case GGUF_UINT16:
    case GGUF_INT16: return 2;
    case GGUF_UINT64:
    case GGUF_INT64:
    case GGUF_FLOAT64: return 8;
    default: return 4;
    }
}

static void begin_array(gguf_writer *w, const char *key, gguf_type type, uint64_t n) {
    begin_key(w, key, GGUF_ARRAY);
    put_u32(&w->keys, type);
    put_u64(&w->keys, n);
}

void gguf_write_numbers(gguf_writer *w, const char *key, gguf_type type, const void *numbers, uint64_t n) {
    begin_array(w, key, type, n);
    buf_append(&w->keys, numbers, (size_t)n * scalar_bytes(type));
}

void gguf_write_texts(gguf_writer *w, const char *key, uint64_t n) {
    begin_array(w, key, GGUF_STRING, n);
}

void gguf_write_next_text(gguf_writer *w, const char *s, size_t len) {
    put_text(&w->keys, s, len);
}

void gguf_write_copy(gguf_writer *w, const gguf *from, size_t i) {
    gguf_type type;
    const char *name = gguf_key(from, i, &type);
    gguf_array value = gguf_key_value(from, i);
    if (type == GGUF_ARRAY)
        begin_array(w, name, value.type, value.n);
    else
        begin_key(w, name, type);
    if (type == GGUF_STRING) put_u64(&w->keys, (uint64_t)(value.end - value.data));
    buf_append(&w->keys, value.data, (size_t)(value.end - value.data));
}

static uint64_t padded(uint64_t n) {
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void gguf_write_tensor(gguf_writer *w, const char *name, tensor_type type, int n_dims, const int64_t *ne) {
    uint64_t bytes = tensor_row_bytes(type, ne[0]);
    put_text(&w->tensors, name, strlen(name));
    put_u32(&w->tensors, (uint32_t)n_dims);
    for (int i = 0; i < n_dims; i++) {
        put_u64(&w->tensors, (uint64_t)ne[i]);
        if (i > 0) bytes *= (uint64_t)ne[i];
    }
    put_u32(&w->tensors, type);
    put_u64(&w->tensors, w->end);
    w->end = padded(w->end + bytes);
    w->n_tensors++;
}

int gguf_write_begin(gguf_writer *w, const char *path, error *err) {
    buf head = {0};
    if (!(w->file = outfile_open(path, err))) return -1;
    buf_puts(&head, "GGUF");
    put_u32(&head, VERSION);
    put_u64(&head, w->n_tensors);
    put_u64(&head, w->n_keys);
    outfile_write(w->file, head.data, head.len);
    if (w->keys.len) outfile_write(w->file, w->keys.data, w->keys.len);
    if (w->tensors.len) outfile_write(w->file, w->tensors.data, w->tensors.len);
    buf_free(&head);
    gguf_write_pad(w);
    return 0;
}

void gguf_write_data(gguf_writer *w, const void *bytes, size_t n) {
    outfile_write(w->file, bytes, n);
}

void gguf_write_pad(gguf_writer *w) {
    static const char zeros[ALIGNMENT];
    uint64_t size = outfile_size(w->file);
    outfile_write(w->file, zeros, (size_t)(padded(size) - size));
}

int gguf_write_commit(gguf_writer *w, error *err) {
    outfile *file = w->file;
    w->file = NULL;
    return outfile_commit(file, err);
}

void gguf_write_free(gguf_writer *w) {
    outfile_discard(w->file);
    buf_free(&w->keys);
    buf_free(&w->tensors);
    *w = (gguf_writer){0};
}
