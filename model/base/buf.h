// A growable string of bytes. `(buf){0}` is an empty one. data is NUL-terminated after any append (NULL before).
#ifndef DOPPEL_BUF_H
#define DOPPEL_BUF_H

#include <stddef.h>
#include <stdint.h>

typedef struct buf {
    char *data;
    size_t len, cap;
} buf;

void buf_append(buf *b, const void *bytes, size_t n);
void buf_puts(buf *b, const char *s);
void buf_putc(buf *b, char c);
void buf_printf(buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_remove(buf *b, size_t at, size_t n); // cuts n bytes at offset at
void buf_clear(buf *b);                       // length 0, memory kept
void buf_free(buf *b);                        // memory given back; b is empty and may be used again
char *buf_take(buf *b);                       // the string (never NULL), now the caller's to free(); b is empty
const char *buf_str(const buf *b);            // "" for an empty one

// Appends s as a JSON string literal with quotes; invalid UTF-8 becomes U+FFFD.
void buf_json_string(buf *b, const char *s, size_t n);

// A growable list of token ids.
typedef struct id_list {
    int32_t *data;
    size_t len, cap;
} id_list;

void id_list_push(id_list *l, int32_t id);
void id_list_append(id_list *l, const int32_t *ids, size_t n);
void id_list_free(id_list *l);

#endif
