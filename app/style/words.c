#include "app/style/words.h"
#include "model/base/utf8.h"

#include <utf8proc.h>

enum { MOST_PARTS = 32 };

typedef enum letter {
    LETTER_NONE,
    LETTER_MARK,       // goes on with a word, begins none
    LETTER_APOSTROPHE, // likewise, if a letter follows
    LETTER,
    LETTER_ALONE, // a word by itself
} letter;

static letter kind_of(uint32_t c) {
    if (c < 0x80) {
        if (c == '\'') return LETTER_APOSTROPHE;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return plain ? LETTER : LETTER_NONE;
    }
    if (c == 0x2019 || c == 0x2018 || c == 0x02bc) return LETTER_APOSTROPHE;
    bool kana = c >= 0x3041 && c <= 0x30fa, ideograph = (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff);
    if (kana || ideograph || (c >= 0x20000 && c <= 0x3ffff)) return LETTER_ALONE;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    if (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME) return LETTER_MARK;
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO ? LETTER : LETTER_NONE;
}

// FNV-1a over code points.
static uint32_t add(uint32_t hash, uint32_t c) {
    for (int i = 0; i < 3; i++, c >>= 8) hash = (hash ^ (c & 0xff)) * 0x01000193u;
    return hash;
}

static uint32_t add_folded(uint32_t hash, uint32_t c) {
    if (c < 0x80) return add(hash, c >= 'A' && c <= 'Z' ? c + 32 : c);
    utf8proc_int32_t parts[MOST_PARTS];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, MOST_PARTS,
                                                 UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, &boundary);
    if (n < 1 || n > MOST_PARTS) return add(hash, c);
    for (utf8proc_ssize_t i = 0; i < n; i++) hash = add(hash, (uint32_t)parts[i]);
    return hash;
}

// The character at byte `at` and its kind; its length. What is no character is none of a word's.
static size_t look(const char *s, size_t n, size_t at, uint32_t *c, letter *kind) {
    int len = utf8_decode(s + at, n - at, c);
    *kind = len > 0 ? kind_of(*c) : LETTER_NONE;
    return len > 0 ? (size_t)len : 1;
}

// The end of the word whose first letter ends at byte `at`.
static size_t go_on(const char *s, size_t n, size_t at, uint32_t *hash, bool *complete) {
    for (;;) {
        uint32_t c;
        letter kind;
        *complete = at < n;
        if (at == n) return at;
        size_t len = look(s, n, at, &c, &kind);
        if (kind == LETTER_APOSTROPHE) {
            letter next = LETTER_NONE;
            *complete = at + len < n;
            if (*complete) look(s, n, at + len, &c, &next);
            if (next != LETTER) return at;
        } else if (kind == LETTER || kind == LETTER_MARK) {
            *hash = add_folded(*hash, c);
        } else {
            return at;
        }
        at += len;
    }
}

bool word_next(const char *s, size_t n, size_t *at, word *out) {
    uint32_t c;
    letter kind = LETTER_NONE;
    size_t len = 0;
    for (; *at < n; *at += len) {
        len = look(s, n, *at, &c, &kind);
        if (kind == LETTER || kind == LETTER_ALONE) break;
    }
    if (*at >= n) return false;
    *out = (word){.start = *at, .end = *at + len, .hash = add_folded(0x811c9dc5u, c), .complete = true};
    if (kind == LETTER) out->end = go_on(s, n, out->end, &out->hash, &out->complete);
    if (out->hash == 0) out->hash = 1;
    *at = out->end;
    return true;
}
