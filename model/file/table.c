// Open addressing with linear probing; hashes are FNV-1a and compared before the names are. Tables are filled once and
// never grow.
#include "model/file/table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h ^ h >> 32;
}

void name_index_init(name_index *x, size_t n_names) {
    x->n_slots = 8;
    while (x->n_slots < 2 * n_names) x->n_slots *= 2;
    x->slots = mem_calloc(x->n_slots, sizeof *x->slots);
}

void name_index_free(name_index *x) {
    free(x->slots);
    *x = (name_index){0};
}

// The slot that holds the name, or the free one where it belongs.
static name_slot *slot_of(const name_index *x, const char *name, uint64_t hash) {
    size_t mask = x->n_slots - 1, i = hash & mask;
    while (x->slots[i].name && (x->slots[i].hash != hash || strcmp(x->slots[i].name, name) != 0)) i = (i + 1) & mask;
    return &x->slots[i];
}

bool name_index_add(name_index *x, const char *name, size_t value) {
    uint64_t hash = hash_of(name);
    name_slot *s = slot_of(x, name, hash);
    if (s->name) return false;
    *s = (name_slot){name, hash, value};
    return true;
}

bool name_index_find(const name_index *x, const char *name, size_t *value) {
    if (!x->slots) return false;
    const name_slot *s = slot_of(x, name, hash_of(name));
    if (!s->name) return false;
    *value = s->value;
    return true;
}

void tensor_table_init(tensor_table *t, size_t cap) {
    *t = (tensor_table){.tensors = mem_calloc(cap, sizeof *t->tensors), .cap = cap};
    name_index_init(&t->index, cap);
}

void tensor_table_free(tensor_table *t) {
    free(t->tensors);
    name_index_free(&t->index);
    *t = (tensor_table){0};
}

file_tensor *tensor_table_add(tensor_table *t, const file_tensor *one) {
    if (t->n == t->cap) return NULL;
    file_tensor *at = &t->tensors[t->n];
    *at = *one;
    if (!name_index_add(&t->index, at->name, t->n)) return NULL;
    t->n++;
    return at;
}

const file_tensor *tensor_table_find(const tensor_table *t, const char *name) {
    size_t i;
    return name_index_find(&t->index, name, &i) ? &t->tensors[i] : NULL;
}

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)(*(const file_tensor *const *)a)->data,
              y = (uintptr_t)(*(const file_tensor *const *)b)->data;
    return (x > y) - (x < y);
}

bool tensor_table_overlap(const tensor_table *t, const file_tensor **a, const file_tensor **b) {
    const file_tensor **sorted = mem_calloc(t->n, sizeof *sorted);
    for (size_t i = 0; i < t->n; i++) sorted[i] = &t->tensors[i];
    qsort(sorted, t->n, sizeof *sorted, by_address);
    bool found = false;
    for (size_t i = 1; i < t->n && !found; i++) {
        *a = sorted[i - 1];
        *b = sorted[i];
        found = (uintptr_t)(*b)->data - (uintptr_t)(*a)->data < (*a)->size;
    }
    free(sorted);
    return found;
}
