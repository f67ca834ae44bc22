// The unigram model: the split of a word whose pieces have the best sum of scores, by dynamic programming from left to
// right over the bytes (Viterbi). A character that no piece covers costs ten more than the worst piece.
#include "model/text/tokenizer_impl.h"

#include <stdlib.h>

typedef struct place {
    double score; // of the best way to this byte; only set where from >= 0
    int64_t from; // where its last piece begins; -1: not reached
    int32_t id;   // that piece; -1: a character without one
} place;

static void reach(const tokenizer *t, place *p, size_t from, double score, int32_t id) {
    if (t->single_scores) score = (float)score;
    if (p->from >= 0 && score <= p->score) return;
    *p = (place){score, (int64_t)from, id};
}

void unigram_word(const tokenizer *t, const char *word, size_t len, id_list *out) {
    place *best = mem_calloc(len + 1, sizeof *best);
    for (size_t i = 1; i <= len; i++) best[i].from = -1;
    for (size_t i = 0; i < len; i++) {
        if (best[i].from < 0) continue;
        uint32_t c;
        int size = utf8_decode(word + i, len - i, &c);
        size_t one = size > 0 ? (size_t)size : 1;
        bool has_one = false;
        int64_t node = TRIE_ROOT;
        for (size_t j = i; j < len; j++) {
            node = trie_step(&t->pieces, node, (unsigned char)word[j]);
            if (node == TRIE_NONE) break;
            int32_t id = t->pieces.values[node];
            if (id < 0) continue;
            reach(t, &best[j + 1], i, best[i].score + t->vocab.tokens[id].score, id);
            if (j + 1 - i == one) has_one = true;
        }
        if (!has_one) reach(t, &best[i + one], i, best[i].score + t->unk_score, -1);
    }
    // Backwards along the best way, turned round in place.
    size_t n = 0;
    for (size_t i = len; i > 0; i = (size_t)best[i].from) n++;
    size_t *ends = mem_calloc(n, sizeof *ends);
    for (size_t i = len, k = n; k > 0; i = (size_t)best[i].from) ends[--k] = i;
    bool was_unknown = false;
    for (size_t k = 0; k < n; k++) {
        const place *p = &best[ends[k]];
        if (p->id >= 0) {
            id_list_push(out, p->id);
            was_unknown = false;
        } else {
            tokenizer_put_unknown(t, word + p->from, ends[k] - (size_t)p->from, &was_unknown, out);
        }
    }
    free(ends);
    free(best);
}
