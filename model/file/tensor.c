// The tensor formats of GGUF that doppel reads: names and block sizes (ggml's type table).
#include "model/file/tensor.h"

typedef struct type_row {
    tensor_type type;
    const char *name;
    int elements;
    size_t bytes;
} type_row;

static const type_row types[] = {
    {TENSOR_F32, "f32", 1, 4},       {TENSOR_F16, "f16", 1, 2},       {TENSOR_BF16, "bf16", 1, 2},
    {TENSOR_Q4_0, "q4_0", 32, 18},   {TENSOR_Q4_1, "q4_1", 32, 20},   {TENSOR_Q5_0, "q5_0", 32, 22},
    {TENSOR_Q5_1, "q5_1", 32, 24},   {TENSOR_Q8_0, "q8_0", 32, 34},   {TENSOR_Q2_K, "q2_K", 256, 84},
    {TENSOR_Q3_K, "q3_K", 256, 110}, {TENSOR_Q4_K, "q4_K", 256, 144}, {TENSOR_Q5_K, "q5_K", 256, 176},
    {TENSOR_Q6_K, "q6_K", 256, 210},
};

static const type_row *row_of(tensor_type type) {
    static const type_row unknown = {0, "unknown", 0, 0};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type) return &types[i];
    return &unknown;
}

int tensor_block_elements(tensor_type type) {
    return row_of(type)->elements;
}

size_t tensor_block_bytes(tensor_type type) {
    return row_of(type)->bytes;
}

const char *tensor_type_name(tensor_type type) {
    return row_of(type)->name;
}

size_t tensor_row_bytes(tensor_type type, int64_t n) {
    const type_row *r = row_of(type);
    return r->elements ? (size_t)n / (size_t)r->elements * r->bytes : 0;
}
