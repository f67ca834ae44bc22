// Byte-pair encoding: a table of merges (pair of ids -> rank and the id of the whole), and the loop that merges
// neighbours in the order of their ranks. The loop also serves SentencePiece's kind of it, which has no table of
// merges: there a pair may merge when its text is a token (spm.c).
#ifndef DOPPEL_TEXT_BPE_H
#define DOPPEL_TEXT_BPE_H

#include "model/text/vocab.h"

typedef struct bpe_merge {
    uint64_t pair; // left << 32 | right
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
// A stretch of a word that is one symbol by now.
typedef struct bpe_symbol {
    int32_t id;          // -1: no token yet
    uint32_t start, len; // bytes of the word; len 0: merged into its left neighbour
    int32_t prev, next;  // used inside the loop
} bpe_symbol;

// Whether two neighbours merge: the rank (lower is sooner) and id of their whole.
typedef bool (*bpe_finder)(const void *arg, const bpe_symbol *left, const bpe_symbol *right, uint32_t *rank,
                           int32_t *id);
bool bpe_find_pair(const void *bpe, const bpe_symbol *left, const bpe_symbol *right, uint32_t *rank, int32_t *id);

// Working memory of one thread, reused from call to call.
typedef struct bpe_scratch {
    bpe_symbol *symbols; // the caller puts the word here (bpe_room)
    void *queue;
    size_t cap_symbols, cap_queue;
} bpe_scratch;
bpe_symbol *bpe_room(bpe_scratch *s, size_t n); // room for n symbols
void bpe_scratch_free(bpe_scratch *s);

// Merges the n symbols of the scratch until no pair is left, moves the survivors to the front and returns their
// number. O(n log n) calls of find, any n.
size_t bpe_merge_all(bpe_scratch *s, size_t n, bpe_finder find, const void *arg);

#endif
