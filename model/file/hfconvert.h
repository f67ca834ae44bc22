// Rewriting matrices whose rows or columns lie in another order than in a GGUF file.
#ifndef DOPPEL_HFCONVERT_H
#define DOPPEL_HFCONVERT_H

#include "model/file/hfnames.h"

// out (cols, rows) = in (rows, cols) transposed; each: bytes of an element, 2 or 4. The two do not overlap.
void hfconvert_transpose(const void *in, size_t rows, size_t cols, size_t each, void *out);

// in: for each of g.n_groups groups the rows of g.queries heads of q, one of k, one of v, `head` rows each, row_bytes
// a row. out: all rows of q in order of groups, then k, then v.
void hfconvert_regroup(const void *in, name_grouping g, size_t head, size_t row_bytes, void *out);

#endif
