// Leftmost-longest search over a trie; a table of first bytes lets ordinary text pass at one look-up a byte. The rules
// for spaces and words are those of Hugging Face's tokenizers: a match that is refused (a special token where none is
// wanted, a part of a word) is passed over whole.
#include "model/text/added.h"
#include "model/text/unicode.h"

#include <stdlib.h>

void added_init(added_set *a) {
    *a = (added_set){0};
    trie_init(&a->texts);
}

void added_free(added_set *a) {
    free(a->tokens);
    trie_free(&a->texts);
    *a = (added_set){0};
}

void added_put(added_set *a, const char *text, size_t len, added_token token) {
    if (!len) return;
    a->tokens = mem_reserve(a->tokens, &a->cap, a->n + 1, sizeof *a->tokens);
    a->tokens[a->n] = token;
    trie_add(&a->texts, text, len, (int32_t)a->n++);
    a->first_bytes[(unsigned char)text[0]] = true;
}

// Bytes of the longest token at the start of s; 0 for none.
static size_t longest_at(const added_set *a, const char *s, size_t n, int32_t *index) {
    size_t longest = 0;
    int64_t node = TRIE_ROOT;
    for (size_t i = 0; i < n; i++) {
        node = trie_step(&a->texts, node, (unsigned char)s[i]);
        if (node == TRIE_NONE) break;
        if (a->texts.values[node] >= 0) {
            longest = i + 1;
            *index = a->texts.values[node];
        }
    }
    return longest;
}

static bool touches_word(const char *text, size_t n, size_t start, size_t end) {
    uint32_t c;
    if (start > 0 && unicode_before(text, start, &c) && unicode_is_word(c)) return true;
    return utf8_decode(text + end, n - end, &c) > 0 && unicode_is_word(c);
}

static void take_spaces(const added_token *t, const char *text, size_t n, size_t from, added_match *m) {
    uint32_t c;
    int len;
    while (t->lstrip && m->start > from && (len = unicode_before(text, m->start, &c)) && unicode_is_space(c) &&
           m->start - from >= (size_t)len)
        m->start -= (size_t)len;
    while (t->rstrip && (len = utf8_decode(text + m->end, n - m->end, &c)) > 0 && unicode_is_space(c))
        m->end += (size_t)len;
}

bool added_next(const added_set *a, const char *text, size_t n, bool want_special, added_match *m) {
    if (a->n == 0) return false;
    size_t taken = m->end;
    for (size_t i = m->text_end; i < n;) {
        int32_t index = 0;
        size_t len = a->first_bytes[(unsigned char)text[i]] ? longest_at(a, text + i, n - i, &index) : 0;
        if (!len) {
            i++;
            continue;
        }
        const added_token *t = &a->tokens[index];
        *m = (added_match){.start = i, .end = i + len, .text_end = i + len, .id = t->id};
        i += len;
        if (t->special && !want_special) continue;
        if (t->single_word && touches_word(text, n, m->start, m->end)) continue;
        take_spaces(t, text, n, taken, m);
        return true;
    }
    return false;
}
