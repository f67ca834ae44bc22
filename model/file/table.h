// Names -> numbers by hash, and a table of tensors found by name. Both refuse a name that is there already.
#ifndef DOPPEL_TABLE_H
#define DOPPEL_TABLE_H

#include "model/base/base.h"
#include "model/file/tensor.h"

typedef struct name_slot {
    const char *name; // not owned; NULL: free
    uint64_t hash;
    size_t value;
} name_slot;

typedef struct name_index {
    name_slot *slots;
    size_t n_slots; // a power of two, at least twice the names
} name_index;

void name_index_init(name_index *x, size_t n_names); // room for n_names
void name_index_free(name_index *x);
bool name_index_add(name_index *x, const char *name, size_t value); // false: the name is there already
bool name_index_find(const name_index *x, const char *name, size_t *value);

typedef struct tensor_table {
    file_tensor *tensors;
    size_t n, cap;
    name_index index;
} tensor_table;

// Room for cap tensors; those that tensor_table_add returns never move.
void tensor_table_init(tensor_table *t, size_t cap);
void tensor_table_free(tensor_table *t);
// Copies one in; NULL when its name is there already or the table is full.
file_tensor *tensor_table_add(tensor_table *t, const file_tensor *one);
const file_tensor *tensor_table_find(const tensor_table *t, const char *name); // NULL when absent

// Whether the data of two tensors overlap; if so *a and *b are two that do.
bool tensor_table_overlap(const tensor_table *t, const file_tensor **a, const file_tensor **b);

#endif
