// A set of byte strings with a number each, walked byte by byte: finds every string that begins at a place of a text.
// Filled while a tokenizer is opened, read-only afterwards (any thread).
#ifndef DOPPEL_TEXT_TRIE_H
#define DOPPEL_TEXT_TRIE_H

#include "model/base/base.h"

typedef struct trie_edge {
    uint64_t key; // (parent node << 8 | byte) + 1; 0 for an empty slot
    uint32_t node;
} trie_edge;

typedef struct trie {
    trie_edge *edges; // open addressing
    size_t n_slots, n_used;
    int32_t *values; // by node; -1 for a node where no string ends
    size_t n_nodes, cap_values;
} trie;

enum { TRIE_ROOT = 0, TRIE_NONE = -1 };

void trie_init(trie *t);
void trie_free(trie *t);
// value >= 0; a string added twice keeps its first value. The empty string is not added.
void trie_add(trie *t, const char *s, size_t n, int32_t value);

static inline uint32_t trie_hash(uint64_t key) {
    return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);
}

// The node that byte leads to from node, or TRIE_NONE.
static inline int64_t trie_step(const trie *t, int64_t node, unsigned char byte) {
    uint64_t key = ((uint64_t)node << 8 | byte) + 1;
    size_t mask = t->n_slots - 1, i = trie_hash(key) & mask;
    for (; t->edges[i].key; i = (i + 1) & mask)
        if (t->edges[i].key == key) return t->edges[i].node;
    return TRIE_NONE;
}

#endif
