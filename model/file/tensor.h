// A tensor as it lies in a file: a name, a type, a shape and checked bytes.
#ifndef DOPPEL_TENSOR_H
#define DOPPEL_TENSOR_H

#include <stddef.h>
#include <stdint.h>

// Numbers are GGUF's (ggml_type), so that a file's value is ours after the check.
typedef enum tensor_type {
    TENSOR_F32 = 0,
    TENSOR_F16 = 1,
    TENSOR_Q4_0 = 2,
    TENSOR_Q4_1 = 3,
    TENSOR_Q5_0 = 6,
    TENSOR_Q5_1 = 7,
    TENSOR_Q8_0 = 8,
    TENSOR_Q2_K = 10,
    TENSOR_Q3_K = 11,
    TENSOR_Q4_K = 12,
    TENSOR_Q5_K = 13,
    TENSOR_Q6_K = 14,
    TENSOR_BF16 = 30,
} tensor_type;

// Elements and bytes of one block of the type; both 0 for a type doppel does not know.
int tensor_block_elements(tensor_type type);
size_t tensor_block_bytes(tensor_type type);
const char *tensor_type_name(tensor_type type); // "q4_1"; "unknown" for others

// Bytes of one row of n elements; n is a multiple of the block. Never overflows for rows that a checked file holds.
size_t tensor_row_bytes(tensor_type type, int64_t n);

enum { TENSOR_MAX_DIMS = 4, TENSOR_MAX_NAME = 64 + 64 };

typedef struct file_tensor {
    char name[TENSOR_MAX_NAME]; // GGUF's names: token_embd.weight, blk.0.attn_q.weight ...
    tensor_type type;
    int n_dims;
    int64_t
        ne[TENSOR_MAX_DIMS]; // ne[0] varies fastest: a (rows, cols) matrix has ne[0] = cols, ne[1] = rows; unused are 1
    const void *data;        // aligned to at least 4 bytes; size bytes are readable (until the file shrinks: SIGBUS)
    size_t size;
} file_tensor;

#endif
