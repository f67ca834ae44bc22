// UTF-8 by its rules (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
#ifndef DOPPEL_UTF8_H
#define DOPPEL_UTF8_H

#include "model/base/buf.h"

#include <stdbool.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

// Decodes one character. Returns its length 1..4 with *cp set; 0 when the n bytes are a proper beginning that is cut
// off (n = 0 included); -1 when the first byte can begin nothing valid.
int utf8_decode(const char *s, size_t n, uint32_t *cp);

// Writes cp as UTF-8, returns 1..4; out has room for 4.
int utf8_encode(uint32_t cp, char *out);

bool utf8_valid(const char *s, size_t n);

// Number of characters; an invalid byte counts as one.
size_t utf8_length(const char *s, size_t n);

// Appends s with every byte that is not part of valid UTF-8 replaced by U+FFFD.
void utf8_repair(buf *out, const char *s, size_t n);

#endif
