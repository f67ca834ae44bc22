// Grapheme borders and character classes come from utf8proc; widths follow wcwidth of the C library that ncurses uses
// (utf8proc gives spacing marks 0 and the vowels and tails of Hangul 1).
#include "ui/cells.h"

#include "model/base/utf8.h"

#include <utf8proc.h>

enum { LEFT_OUT = -1, MARK = 0 };

// LEFT_OUT, MARK (sits on the character before), or 1 or 2 columns.
static int char_class(uint32_t cp) {
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) return 1;
    if (cp < 0x300) return cp == 0xad ? LEFT_OUT : 1;
    if (cp == 0x200c) return MARK;
    if ((cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xe0100 && cp <= 0xe01ef)) return LEFT_OUT;
    if ((cp >= 0x1160 && cp <= 0x11ff) || (cp >= 0xd7b0 && cp <= 0xd7fb)) return MARK;
    if ((cp >= 0x3248 && cp <= 0x324f) || (cp >= 0x4dc0 && cp <= 0x4dff)) return 2;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return LEFT_OUT;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME: return MARK;
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_CN: return 1;
    default: {
        int w = utf8proc_charwidth((utf8proc_int32_t)cp);
        return w < 1 ? 1 : w;
    }
    }
}

static bool is_tone(uint32_t cp) {
    return cp >= 0x1f3fb && cp <= 0x1f3ff;
}

// What is shown instead of a character that must not reach a terminal.
static uint32_t visible(uint32_t cp) {
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) return 0xfffd;
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_CN ? 0xfffd : cp;
}

// One character, or U+FFFD over one byte that begins none.
static size_t decode(const char *s, size_t n, uint32_t *cp) {
    int len = utf8_decode(s, n, cp);
    if (len > 0) return (size_t)len;
    *cp = 0xfffd;
    return 1;
}

// Columns that cp adds to a cluster that holds `width` so far.
static int added_width(uint32_t cp, bool is_first, int width) {
    if (!is_first && is_tone(cp)) return 0;
    int class = char_class(cp);
    if (class == MARK) return width == 0 ? 1 : 0; // a mark without a base sits on a space
    return class == LEFT_OUT ? 0 : class;
}

size_t cells_next(const char *s, size_t n, int *width, uint32_t *first) {
    unsigned char c = (unsigned char)s[0];
    if (c < 0x80 && (n == 1 || (unsigned char)s[1] < 0x80)) {
        *first = c;
        *width = 1;
        return 1;
    }
    uint32_t prev, cp;
    size_t at = decode(s, n, &prev);
    utf8proc_int32_t state = 0;
    *first = prev;
    *width = added_width(prev, true, 0);
    while (at < n && s[at] != '\n' && *width < CELLS_CLUSTER) {
        size_t len = decode(s + at, n - at, &cp);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)prev, (utf8proc_int32_t)cp, &state)) break;
        *width += added_width(cp, false, *width);
        prev = cp;
        at += len;
    }
    return at;
}

int cells_glyphs(const char *s, size_t n, cells_glyph *out, int max) {
    int count = 0, marks = 0;
    for (size_t at = 0; at < n;) {
        uint32_t cp;
        bool is_first = at == 0;
        at += decode(s + at, n - at, &cp);
        if (!is_first && is_tone(cp)) continue;
        int class = char_class(cp);
        if (class == LEFT_OUT) continue;
        if (class == MARK && count > 0) {
            if (marks < CELLS_MARKS) out[count - 1].ch[++marks] = cp;
            continue;
        }
        if (count == max) break;
        out[count] = (cells_glyph){.ch = {visible(cp)}, .width = class};
        marks = 0;
        if (class == MARK) {
            out[count] = (cells_glyph){.ch = {' ', cp}, .width = 1};
            marks = 1;
        }
        count++;
    }
    return count;
}

// Columns of a cluster that begins at column `at`.
static int width_at(int at, uint32_t first, int width) {
    return first == '\t' ? CELLS_TAB - at % CELLS_TAB : width;
}

int cells_width(const char *s, size_t n) {
    int columns = 0, width;
    uint32_t first;
    for (size_t i = 0; i < n;) {
        i += cells_next(s + i, n - i, &width, &first);
        columns += width_at(columns, first, width);
    }
    return columns;
}

size_t cells_fit(const char *s, size_t n, int columns) {
    int used = 0, width;
    uint32_t first;
    size_t i = 0;
    while (i < n) {
        size_t len = cells_next(s + i, n - i, &width, &first);
        used += width_at(used, first, width);
        if (used > columns) break;
        i += len;
    }
    return i;
}
