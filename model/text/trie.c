// The edges live in one hash table: a node costs only the edges it has, whatever the alphabet. Nodes are numbered by
// us, not by the file, and the keys are dense, so no file can make them collide on purpose.
#include "model/text/trie.h"

#include <stdlib.h>

void trie_init(trie *t) {
    *t = (trie){.n_slots = 64};
    t->edges = mem_calloc(t->n_slots, sizeof *t->edges);
    t->values = mem_reserve(NULL, &t->cap_values, 1, sizeof *t->values);
    t->values[0] = -1;
    t->n_nodes = 1;
}

void trie_free(trie *t) {
    free(t->edges);
    free(t->values);
    *t = (trie){0};
}

static void put_edge(trie *t, trie_edge e) {
    size_t mask = t->n_slots - 1, i = trie_hash(e.key) & mask;
    while (t->edges[i].key) i = (i + 1) & mask;
    t->edges[i] = e;
}

static void grow(trie *t) {
    trie_edge *old = t->edges;
    size_t n_old = t->n_slots;
    t->n_slots *= 2;
    t->edges = mem_calloc(t->n_slots, sizeof *t->edges);
    for (size_t i = 0; i < n_old; i++)
        if (old[i].key) put_edge(t, old[i]);
    free(old);
}

void trie_add(trie *t, const char *s, size_t n, int32_t value) {
    int64_t node = TRIE_ROOT;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)s[i];
        int64_t next = trie_step(t, node, byte);
        if (next == TRIE_NONE) {
            if (t->n_used * 2 >= t->n_slots) grow(t);
            t->values = mem_reserve(t->values, &t->cap_values, t->n_nodes + 1, sizeof *t->values);
            next = (int64_t)t->n_nodes++;
            t->values[next] = -1;
            put_edge(t, (trie_edge){((uint64_t)node << 8 | byte) + 1, (uint32_t)next});
            t->n_used++;
        }
        node = next;
    }
    if (n && t->values[node] < 0) t->values[node] = value;
}
