// The order of a matrix's rows in files. A net keeps the rows of q, k and v as its file has them; the Hugging Face
// layout and GGUF's differ in two places:
// - GGUF files of the Llama family have the rows of each head of q and k permuted, so that the pairs which rope turns
//   together (i and i + half) are neighbours;
// - GPT-NeoX and Falcon interleave the fused rows of q, k and v by heads in the Hugging Face layout. A net never does.
// Adapters (the rows of B) and exported weights follow the same rules as the weights.
#ifndef DOPPEL_NET_ROWS_H
#define DOPPEL_NET_ROWS_H

#include "model/net/config.h"

typedef enum row_layout { ROWS_HF, ROWS_GGUF } row_layout;

// Which row of tensor `name` (GGUF's: blk.0.attn_q.weight, .bias ...) in a file of layout `to` is row `row` of the net,
// which was read from a file of layout `from`.
int64_t rows_place(const net_config *c, row_layout from, row_layout to, const char *name, int64_t row);

#endif
