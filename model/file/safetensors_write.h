// Writing safetensors files: a header for tensors that are described first, then their data in the same order.
#ifndef DOPPEL_SAFETENSORS_WRITE_H
#define DOPPEL_SAFETENSORS_WRITE_H

#include "model/file/outfile.h"
#include "model/file/tensor.h"

typedef struct safetensors_entry {
    const char *name;
    tensor_type type; // F32, F16 or BF16
    int n_dims;       // 1 or 2
    int64_t shape[2]; // outermost first
} safetensors_entry;

// Writes everything in front of the data. The caller then writes the tensors with outfile_write in the order of the
// entries, row-major and without gaps: safetensors_entry_bytes of each.
void safetensors_write_header(outfile *o, const safetensors_entry *entries, size_t n);
size_t safetensors_entry_bytes(const safetensors_entry *e);

#endif
