// Taking tensors out of a file by name and shape while a model is opened. Names are printf-style, as
// "blk.%d.attn_q.weight". All return 0, or -1 with a message that names the file and the tensor.
#ifndef DOPPEL_NET_LOADER_H
#define DOPPEL_NET_LOADER_H

#include "model/net/weights.h"

typedef struct loader {
    const model_file *file;
    team *team; // repacks matrices
    error *err;
} loader;

// Whether the weights fit into memory, packed or where they lie: asked before the first is read, since a program that
// runs short in the middle is killed without a word.
int loader_check_memory(const model_file *f, error *err);

// The (rows, cols) tensor of that name, as it lies in the file.
int loader_table(const loader *l, int rows, int cols, const file_tensor **out, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

// n floats as a copy, which the caller frees; *out is NULL when there is no such tensor.
int loader_vector(const loader *l, int n, float **out, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

// NAME.weight and, where it is there, NAME.bias of n components.
int loader_norm(const loader *l, int n, norm *out, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

// NAME.weight (rows, cols) as the next part of a layer, and NAME.bias as the bias of that part where it is there.
int loader_linear(const loader *l, int rows, int cols, linear *into, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
