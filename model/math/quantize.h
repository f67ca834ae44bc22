// Rows of floats to the formats that doppel writes: the way back is quant_dequantize (quant.h).
#ifndef DOPPEL_QUANTIZE_H
#define DOPPEL_QUANTIZE_H

#include "model/file/tensor.h"

#include <stdbool.h>

// Whether quantize_row writes the type: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K.
bool quantize_writes(tensor_type type);

// A type by its name ("q4_K", letter case ignored) among those; false when there is none.
bool quantize_type(const char *name, tensor_type *out);

// Writes n finite floats as a row of the type (tensor_row_bytes bytes); n is a multiple of its block. Values that F16
// cannot hold become infinite.
void quantize_row(tensor_type type, const float *x, int64_t n, void *out);

#endif
