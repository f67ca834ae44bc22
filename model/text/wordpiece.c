// WordPiece: the longest piece that begins the word, then the longest that continues it, and so on; a word with a
// rest that no piece covers is unknown as a whole.
#include "model/text/tokenizer_impl.h"

#include <string.h>

// Id and length of the longest piece at s, having walked the trie to node; -1 for none.
static int32_t longest_piece(const trie *t, int64_t node, const char *s, size_t n, size_t *len) {
    int32_t id = -1;
    for (size_t i = 0; i < n; i++) {
        node = trie_step(t, node, (unsigned char)s[i]);
        if (node == TRIE_NONE) break;
        if (t->values[node] >= 0) {
            id = t->values[node];
            *len = i + 1;
        }
    }
    return id;
}

void wordpiece_word(const tokenizer *t, const char *word, size_t len, id_list *out) {
    size_t start = out->len;
    int64_t inside = TRIE_ROOT;
    for (const char *p = t->continuing; *p && inside != TRIE_NONE; p++)
        inside = trie_step(&t->pieces, inside, (unsigned char)*p);
    bool known = utf8_length(word, len) <= t->max_word;
    for (size_t at = 0; known && at < len;) {
        size_t n = 0;
        int64_t node = at ? inside : TRIE_ROOT;
        int32_t id = node == TRIE_NONE ? -1 : longest_piece(&t->pieces, node, word + at, len - at, &n);
        known = id >= 0;
        if (known) id_list_push(out, id);
        at += n;
    }
    if (known) return;
    out->len = start;
    if (t->unk >= 0) id_list_push(out, t->unk);
}
