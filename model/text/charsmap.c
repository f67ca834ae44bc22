// A unit of the double array packs three things into 32 bits: the label that must equal the byte that led here (bits
// 0..7, and bit 31 of a leaf), whether a string ends (bit 8), and the offset to the children (bits 10..30, shifted by 8
// more when bit 9 is set). The blob comes from a file: every index is compared with the sizes.
#include "model/text/charsmap.h"

#include <stdlib.h>
#include <string.h>

// The longest replacement of real maps has 33 bytes (U+FDFA); a damaged one could give the rest of the blob each time.
enum { MAX_REPLACEMENT = 64 };

struct charsmap {
    uint32_t *units;
    size_t n_units;
    char *texts; // NUL-terminated strings one after the other, with a last NUL of ours
    size_t n_texts;
};

static uint32_t little_endian(const char *s) {
    const unsigned char *u = (const unsigned char *)s;
    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

charsmap *charsmap_open(const char *blob, size_t len, error *err) {
    size_t n_trie = len >= 4 ? little_endian(blob) : 0;
    if (len && (len < 4 || n_trie > len - 4 || n_trie % 4 != 0)) {
        error_set(err, "the table of character replacements says %zu bytes of %zu; it is damaged", n_trie, len);
        return NULL;
    }
    charsmap *m = mem_calloc(1, sizeof *m);
    m->n_units = n_trie / 4;
    m->units = mem_calloc(m->n_units, sizeof *m->units);
    for (size_t i = 0; i < m->n_units; i++) m->units[i] = little_endian(blob + 4 + 4 * i);
    m->n_texts = len ? len - 4 - n_trie : 0;
    m->texts = mem_strndup(blob + (len ? 4 + n_trie : 0), m->n_texts);
    return m;
}

void charsmap_free(charsmap *m) {
    if (!m) return;
    free(m->units);
    free(m->texts);
    free(m);
}

static uint32_t offset_of(uint32_t unit) {
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

// Bytes of the longest sequence at s, 0 for none; *text is what replaces it.
static size_t longest_at(const charsmap *m, const char *s, size_t n, const char **text) {
    size_t longest = 0;
    if (m->n_units == 0) return 0;
    uint32_t node = offset_of(m->units[0]);
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)s[i];
        node ^= byte;
        if (node >= m->n_units) break;
        uint32_t unit = m->units[node];
        if ((unit & (1u << 31 | 0xff)) != byte) break;
        node ^= offset_of(unit);
        if (!(unit >> 8 & 1)) continue;
        if (node >= m->n_units) break;
        uint32_t value = m->units[node] & 0x7fffffff;
        if (value >= m->n_texts) break;
        longest = i + 1;
        *text = m->texts + value;
    }
    return longest;
}

void charsmap_apply(const charsmap *m, const char *text, size_t len, buf *out) {
    for (size_t i = 0; i < len;) {
        const char *to = NULL;
        size_t n = longest_at(m, text + i, len - i, &to);
        if (n) {
            buf_append(out, to, strnlen(to, MAX_REPLACEMENT));
            i += n;
            continue;
        }
        uint32_t c;
        int size = utf8_decode(text + i, len - i, &c);
        size_t one = size > 0 ? (size_t)size : 1;
        buf_append(out, text + i, one);
        i += one;
    }
}
