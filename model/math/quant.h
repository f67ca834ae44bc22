// The quantised tensor formats of GGUF, all seen the same way: 32 consecutive weights of a row are
//     w[i] = scale[i / 16] * u[i] + offset[i / 16]        u[i] an unsigned integer of 2 to 8 bits
// Block layouts: ggml's block_q4_0 ... block_q6_K (ggml-common.h of the ggml project).
#ifndef DOPPEL_QUANT_H
#define DOPPEL_QUANT_H

#include "model/file/tensor.h"

#include <stdbool.h>

enum { QUANT_UNIT = 32 }; // columns of a unit

typedef struct quant_unit {
    uint8_t u[QUANT_UNIT];
    // Where the scales come from. One-level formats: scale = d, offset = m (half precision, as stored). K-formats:
    // scale = d * sc, offset = -dmin * mn, sc and mn small integers, one for every 16 columns.
    uint16_t d, m; // f16 bits; m is dmin in K-formats
    int8_t sc[2];
    uint8_t mn[2];
} quant_unit;

// What the fields of quant_unit mean for a type.
typedef struct quant_traits {
    int bits;      // of u: 2, 3, 4, 5, 6 or 8
    bool k;        // two-level scales over 256 columns
    bool per_half; // sc (and mn) differ between the two halves of a unit
    bool has_min;  // offset is m, or -m * mn; otherwise it is -zero * scale
    int zero;
} quant_traits;

// The quantised types and their traits, once: CALL(traits) with the traits of `type` as a constant expression, so that
// code in it is compiled for each format by itself. Nothing happens for other types.
#define QUANT_FOR_TYPE(type, CALL)                                                                                     \
    switch (type) {                                                                                                    \
    case TENSOR_Q4_0: CALL(((quant_traits){.bits = 4, .zero = 8})); break;                                             \
    case TENSOR_Q4_1: CALL(((quant_traits){.bits = 4, .has_min = true})); break;                                       \
    case TENSOR_Q5_0: CALL(((quant_traits){.bits = 5, .zero = 16})); break;                                            \
    case TENSOR_Q5_1: CALL(((quant_traits){.bits = 5, .has_min = true})); break;                                       \
    case TENSOR_Q8_0: CALL(((quant_traits){.bits = 8, .zero = 128})); break;                                           \
    case TENSOR_Q2_K: CALL(((quant_traits){.bits = 2, .k = true, .per_half = true, .has_min = true})); break;          \
    case TENSOR_Q3_K: CALL(((quant_traits){.bits = 3, .k = true, .per_half = true, .zero = 4})); break;                \
    case TENSOR_Q4_K: CALL(((quant_traits){.bits = 4, .k = true, .has_min = true})); break;                            \
    case TENSOR_Q5_K: CALL(((quant_traits){.bits = 5, .k = true, .has_min = true})); break;                            \
    case TENSOR_Q6_K: CALL(((quant_traits){.bits = 6, .k = true, .per_half = true, .zero = 32})); break;               \
    default: break;                                                                                                    \
    }

// False for types that are no quantised ones (floats).
bool quant_traits_of(tensor_type type, quant_traits *out);

// Decodes unit `index` (columns 32 * index ...) of a row. row points at the row's first block.
void quant_read_unit(tensor_type type, const void *row, int64_t index, quant_unit *out);

// Decodes n columns of a row starting at column `first` (both multiples of 32 for quantised types) to float32.
// Any type that tensor.h names.
void quant_dequantize(tensor_type type, const void *row, int64_t first, int64_t n, float *out);

#endif
