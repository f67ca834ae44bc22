// Errors as sentences: formatted into a fixed buffer, so that reporting one never needs memory.
#include "model/base/error.h"
#include "model/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Overrides of the writing direction: what stands behind them is shown in another order than it has.
static bool turns_direction(uint32_t cp) {
    return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

// What is shown to a person must not move their cursor or hide its order: control characters and overrides of the
// direction become '?', broken UTF-8 likewise.
static void make_printable(char *s) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_decode(s + i, n - i, &cp);
        if (len <= 0) {
            s[i++] = '?';
            continue;
        }
        if (cp < 0x20 || cp == 0x7f) s[i] = '?';
        if ((cp >= 0x80 && cp < 0xa0) || turns_direction(cp)) memset(s + i, '?', (size_t)len);
        i += (size_t)len;
    }
}

int error_set(error *err, const char *fmt, ...) {
    if (!err) return -1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    make_printable(err->text);
    return -1;
}

int error_prefix(error *err, const char *fmt, ...) {
    if (!err) return -1;
    char front[sizeof err->text], whole[2 * sizeof err->text + 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(front, sizeof front, fmt, ap);
    va_end(ap);
    snprintf(whole, sizeof whole, "%s: %s", front, err->text);
    whole[sizeof err->text - 1] = '\0';
    memcpy(err->text, whole, sizeof err->text);
    make_printable(err->text);
    return -1;
}
