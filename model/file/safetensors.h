// One .safetensors file, mapped read-only and checked whole before anything of it is used.
// Format: a 64-bit length, a JSON header of so many bytes that names every tensor with its dtype, shape and place,
// then the data. As the reference reader does, tensors that overlap and bytes that belong to no tensor are refused.
// Immutable after opening: any thread may read it.
#ifndef DOPPEL_SAFETENSORS_H
#define DOPPEL_SAFETENSORS_H

#include "model/base/base.h"
#include "model/file/tensor.h"

enum { SAFETENSORS_MAX_DIMS = 8 };

typedef struct safetensor {
    const char *name, *dtype; // as in the file, valid while it is open
    bool readable;            // the dtype is one of F32, F16, BF16
    tensor_type type;         // for readable ones
    int n_dims;
    int64_t shape[SAFETENSORS_MAX_DIMS]; // outermost first, as in the file; zeros are possible
    const unsigned char *data;           // at any alignment
    size_t size;
} safetensor;

typedef struct safetensors safetensors;

// NULL with a message on failure. Free with safetensors_close.
safetensors *safetensors_open(const char *path, error *err);
// The same checks over bytes in memory, which must outlive the result.
safetensors *safetensors_open_memory(const void *bytes, size_t size, const char *name, error *err);
void safetensors_close(safetensors *s);             // NULL is fine
bool safetensors_is_torn(const safetensors *s);     // file_map_is_torn
bool safetensors_has_changed(const safetensors *s); // file_map_has_changed

size_t safetensors_n(const safetensors *s);
const safetensor *safetensors_at(const safetensors *s, size_t i);
const safetensor *safetensors_find(const safetensors *s, const char *name); // NULL when absent

// Tells the system that bytes of the file are not needed any more; others are ignored.
void safetensors_drop(const safetensors *s, const void *data, size_t size);
void safetensors_drop_all(const safetensors *s);

#endif
