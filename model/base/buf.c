// Growable strings and id lists: doubling arrays over mem_reserve.
#include "model/base/buf.h"
#include "model/base/mem.h"
#include "model/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_append(buf *b, const void *bytes, size_t n) {
    b->data = mem_reserve(b->data, &b->cap, b->len + n + 1, 1);
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_puts(buf *b, const char *s) {
    buf_append(b, s, strlen(s));
}

void buf_putc(buf *b, char c) {
    buf_append(b, &c, 1);
}

void buf_printf(buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        b->data = mem_reserve(b->data, &b->cap, b->len + (size_t)n + 1, 1);
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_remove(buf *b, size_t at, size_t n) {
    if (at >= b->len) return;
    if (n > b->len - at) n = b->len - at;
    memmove(b->data + at, b->data + at + n, b->len - at - n + 1);
    b->len -= n;
}

void buf_clear(buf *b) {
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

void buf_free(buf *b) {
    free(b->data);
    *b = (buf){0};
}

char *buf_take(buf *b) {
    char *s = b->data ? b->data : mem_strdup("");
    *b = (buf){0};
    return s;
}

const char *buf_str(const buf *b) {
    return b->data ? b->data : "";
}

void buf_json_string(buf *b, const char *s, size_t n) {
    buf_putc(b, '"');
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_decode(s + i, n - i, &cp);
        if (len <= 0) {
            buf_puts(b, UTF8_REPLACEMENT);
            i++;
            continue;
        }
        switch (cp) {
        case '"': buf_puts(b, "\\\""); break;
        case '\\': buf_puts(b, "\\\\"); break;
        case '\n': buf_puts(b, "\\n"); break;
        case '\r': buf_puts(b, "\\r"); break;
        case '\t': buf_puts(b, "\\t"); break;
        default:
            if (cp < 0x20 || cp == 0x7f)
                buf_printf(b, "\\u%04x", (unsigned)cp);
            else
                buf_append(b, s + i, (size_t)len);
        }
        i += (size_t)len;
    }
    buf_putc(b, '"');
}

void id_list_push(id_list *l, int32_t id) {
    id_list_append(l, &id, 1);
}

void id_list_append(id_list *l, const int32_t *ids, size_t n) {
    l->data = mem_reserve(l->data, &l->cap, l->len + n, sizeof *l->data);
    if (n) memcpy(l->data + l->len, ids, n * sizeof *ids);
    l->len += n;
}

void id_list_free(id_list *l) {
    free(l->data);
    *l = (id_list){0};
}
