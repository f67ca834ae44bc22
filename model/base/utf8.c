// UTF-8 decoding by the table of well-formed byte sequences (Unicode, table 3-7): the second byte's range depends on
// the first, which excludes overlong forms, surrogates and values above U+10FFFF without computing them.
#include "model/base/utf8.h"

int utf8_decode(const char *s, size_t n, uint32_t *cp) {
    const unsigned char *u = (const unsigned char *)s;
    if (n == 0) return 0;
    if (u[0] < 0x80) {
        *cp = u[0];
        return 1;
    }
    int len;
    unsigned lo = 0x80, hi = 0xbf;
    if (u[0] >= 0xc2 && u[0] <= 0xdf) {
        len = 2;
        *cp = u[0] & 0x1fu;
    } else if (u[0] >= 0xe0 && u[0] <= 0xef) {
        len = 3;
        *cp = u[0] & 0x0fu;
        if (u[0] == 0xe0) lo = 0xa0;
        if (u[0] == 0xed) hi = 0x9f;
    } else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
        len = 4;
        *cp = u[0] & 0x07u;
        if (u[0] == 0xf0) lo = 0x90;
        if (u[0] == 0xf4) hi = 0x8f;
    } else {
        return -1;
    }
    for (int i = 1; i < len; i++) {
        if ((size_t)i >= n) return 0;
        if (u[i] < lo || u[i] > hi) return -1;
        *cp = *cp << 6 | (u[i] & 0x3fu);
        lo = 0x80;
        hi = 0xbf;
    }
    return len;
}

int utf8_encode(uint32_t cp, char *out) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

bool utf8_valid(const char *s, size_t n) {
    uint32_t cp;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &cp);
        if (len <= 0) return false;
        i += (size_t)len;
    }
    return true;
}

size_t utf8_length(const char *s, size_t n) {
    size_t count = 0;
    uint32_t cp;
    for (size_t i = 0; i < n; count++) {
        int len = utf8_decode(s + i, n - i, &cp);
        i += len > 0 ? (size_t)len : 1;
    }
    return count;
}

void utf8_repair(buf *out, const char *s, size_t n) {
    uint32_t cp;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &cp);
        if (len > 0)
            buf_append(out, s + i, (size_t)len);
        else
            buf_puts(out, UTF8_REPLACEMENT);
        i += len > 0 ? (size_t)len : 1;
    }
}
