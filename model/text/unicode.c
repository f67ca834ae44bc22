// Thin names over utf8proc's tables.
#include "model/text/unicode.h"

#include <utf8proc.h>

bool unicode_is_space(uint32_t c) {
    if (c < 0x80) return (c >= 9 && c <= 13) || c == ' ';
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static utf8proc_category_t category(uint32_t c) {
    return utf8proc_category((utf8proc_int32_t)c);
}

bool unicode_is_word(uint32_t c) {
    switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return c == 0x200c || c == 0x200d;
    }
}

bool unicode_is_punct(uint32_t c) {
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool unicode_is_mark(uint32_t c) {
    return category(c) == UTF8PROC_CATEGORY_MN;
}

bool unicode_is_any_mark(uint32_t c) {
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}

bool unicode_is_control(uint32_t c) {
    utf8proc_category_t k = category(c);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}

bool unicode_is_cjk(uint32_t c) {
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b820 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

int unicode_before(const char *s, size_t at, uint32_t *c) {
    for (int len = 1; len <= 4 && (size_t)len <= at; len++)
        if (utf8_decode(s + at - len, (size_t)len, c) == len) return len;
    return 0;
}

// Python also counts the four information separators, U+001C .. U+001F, as white space.
static bool strips(uint32_t c) {
    return unicode_is_space(c) || (c >= 0x1c && c <= 0x1f);
}

const char *unicode_strip(const char *s, size_t *len) {
    uint32_t c;
    int n;
    while ((n = utf8_decode(s, *len, &c)) > 0 && strips(c)) {
        s += n;
        *len -= (size_t)n;
    }
    while ((n = unicode_before(s, *len, &c)) > 0 && strips(c)) *len -= (size_t)n;
    return s;
}
