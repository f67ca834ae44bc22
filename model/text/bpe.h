// Byte-pair encoding over token ids: a table of merges (pair of ids -> rank and the id of the whole), and the loop
// that applies them in the order of their ranks. Where the ids come from (bytes or characters) is the caller's affair.
#ifndef DOPPEL_TEXT_BPE_H
#define DOPPEL_TEXT_BPE_H

#include "model/text/vocab.h"

typedef struct bpe_merge {
    uint64_t pair; // left << 32 | right; both are real ids, so 0 with id 0 marks an empty slot
    uint32_t rank; // rank + 1; 0 for an empty slot
    int32_t id;
} bpe_merge;

typedef struct bpe {
    bpe_merge *slots;
    size_t n_slots, n_used;
    uint64_t seed;
} bpe;

void bpe_init(bpe *b, size_t expected); // expected: how many merges will come
void bpe_free(bpe *b);

// Adds the merge of two texts, which ranks after those added before (a repeated pair takes the later rank). 0, or -1
// when one of the two or their whole is no token of v (message without a file name).
int bpe_add(bpe *b, const vocab *v, uint32_t rank, const char *left, size_t n_left, const char *right, size_t n_right,
            error *err);
const bpe_merge *bpe_find(const bpe *b, int32_t left, int32_t right); // NULL when the pair never merges

// Merges ids[0..n-1] in place until no pair is left; returns how many ids remain. O(n log n), any n. scratch is reused
// from call to call and belongs to one thread.
typedef struct bpe_scratch {
    void *symbols, *queue;
    size_t cap_symbols, cap_queue;
} bpe_scratch;
size_t bpe_apply(const bpe *b, int32_t *ids, size_t n, bpe_scratch *scratch);
void bpe_scratch_free(bpe_scratch *s);

#endif
