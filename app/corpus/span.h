// Pieces of text that somebody else owns, for the readers of line-based logs.
#ifndef DOPPEL_CORPUS_SPAN_H
#define DOPPEL_CORPUS_SPAN_H

#include "model/base/base.h"

#include <string.h>

#define LEFT_TO_RIGHT_MARK "\xE2\x80\x8E" // U+200E

typedef struct span {
    const char *s;
    size_t n;
} span;

static inline bool span_starts(span t, const char *prefix) {
    size_t n = strlen(prefix);
    return t.n >= n && memcmp(t.s, prefix, n) == 0;
}

static inline bool span_ends(span t, const char *suffix) {
    size_t n = strlen(suffix);
    return t.n >= n && memcmp(t.s + t.n - n, suffix, n) == 0;
}

static inline bool span_is(span t, const char *text) {
    return t.n == strlen(text) && memcmp(t.s, text, t.n) == 0;
}

static inline span span_from(span t, size_t at) {
    return (span){t.s + at, t.n - at};
}

// Takes prefix off the front; false when it is not there.
static inline bool span_take(span *t, const char *prefix) {
    if (!span_starts(*t, prefix)) return false;
    *t = span_from(*t, strlen(prefix));
    return true;
}

// Takes suffix off the end; false when it is not there.
static inline bool span_drop_end(span *t, const char *suffix) {
    if (!span_ends(*t, suffix)) return false;
    t->n -= strlen(suffix);
    return true;
}

// Offset of the first occurrence of what; -1 when there is none.
static inline ptrdiff_t span_find(span t, const char *what) {
    size_t n = strlen(what);
    for (const char *at = t.s; (size_t)(t.s + t.n - at) >= n; at++) {
        at = memchr(at, what[0], t.n - (size_t)(at - t.s));
        if (!at || (size_t)(t.s + t.n - at) < n) break;
        if (memcmp(at, what, n) == 0) return at - t.s;
    }
    return -1;
}

// Space, tab, CR and LF off both ends.
static inline span span_trim(span t) {
    while (t.n && (*t.s == ' ' || *t.s == '\t' || *t.s == '\r' || *t.s == '\n')) t = span_from(t, 1);
    while (t.n && (t.s[t.n - 1] == ' ' || t.s[t.n - 1] == '\t' || t.s[t.n - 1] == '\r' || t.s[t.n - 1] == '\n')) t.n--;
    return t;
}

static inline bool span_is_blank(span t) {
    return span_trim(t).n == 0;
}

static inline span span_of_buf(const buf *b) {
    return (span){buf_str(b), b->len};
}

#endif
