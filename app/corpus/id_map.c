// Open addressing with linear probing; grows at three quarters.
#include "app/corpus/id_map.h"
#include "model/base/mem.h"

#include <stdlib.h>
#include <string.h>

// The finaliser of splitmix64: every bit of the input reaches every bit of the output.
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t id_map_mix(uint64_t scope, uint64_t number) {
    uint64_t h = mix(mix(scope + 0x9e3779b97f4a7c15u) ^ number);
    return h ? h : 1;
}

uint64_t id_map_hash(uint64_t scope, const void *bytes, size_t n) {
    const unsigned char *s = bytes;
    uint64_t h = mix(scope + n), word;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&word, s, 8);
        h = mix(h ^ word) + 0x9e3779b97f4a7c15u;
    }
    word = 0;
    if (n) memcpy(&word, s, n);
    return id_map_mix(h, word);
}

static size_t slot_of(const id_map *m, uint64_t key) {
    size_t i = (size_t)mix(key) & (m->cap - 1);
    while (m->keys[i] && m->keys[i] != key) i = (i + 1) & (m->cap - 1);
    return i;
}

uint32_t *id_map_find(const id_map *m, uint64_t key) {
    if (!m->cap) return NULL;
    size_t i = slot_of(m, key);
    return m->keys[i] ? &m->values[i] : NULL;
}

static void grow(id_map *m) {
    id_map bigger = {.cap = m->cap ? m->cap * 2 : 64, .len = m->len};
    bigger.keys = mem_calloc(bigger.cap, sizeof *bigger.keys);
    bigger.values = mem_calloc(bigger.cap, sizeof *bigger.values);
    for (size_t i = 0; i < m->cap; i++) {
        if (!m->keys[i]) continue;
        size_t to = slot_of(&bigger, m->keys[i]);
        bigger.keys[to] = m->keys[i];
        bigger.values[to] = m->values[i];
    }
    id_map_free(m);
    *m = bigger;
}

uint32_t *id_map_add(id_map *m, uint64_t key, uint32_t value, bool *added) {
    if (m->len >= m->cap - m->cap / 4) grow(m);
    size_t i = slot_of(m, key);
    bool is_new = !m->keys[i];
    if (added) *added = is_new;
    if (is_new) {
        m->keys[i] = key;
        m->values[i] = value;
        m->len++;
    }
    return &m->values[i];
}

void id_map_free(id_map *m) {
    free(m->keys);
    free(m->values);
    *m = (id_map){0};
}
