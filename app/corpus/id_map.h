// A hash table from 64-bit keys to 32-bit numbers: 12 bytes a slot, no removal.
#ifndef DOPPEL_CORPUS_ID_MAP_H
#define DOPPEL_CORPUS_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct id_map {
    uint64_t *keys; // 0: a free slot
    uint32_t *values;
    size_t len, cap; // cap is a power of two
} id_map;

// The value of key for reading and writing; NULL when it is not there. Good until the next id_map_add.
uint32_t *id_map_find(const id_map *m, uint64_t key);
// The same; a key that is not there is added with the given value. *added may be NULL.
uint32_t *id_map_add(id_map *m, uint64_t key, uint32_t value, bool *added);
void id_map_free(id_map *m);

// A well-mixed, never zero key out of n bytes, or out of a number, within a scope.
uint64_t id_map_hash(uint64_t scope, const void *bytes, size_t n);
uint64_t id_map_mix(uint64_t scope, uint64_t number);

#endif
