// Transposing goes by square blocks, so that what is read and what is written both stay in the cache.
#include "model/file/hfconvert.h"

#include <string.h>

enum { BLOCK = 32 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

void hfconvert_transpose(const void *in, size_t rows, size_t cols, size_t each, void *out) {
    const unsigned char *from = in;
    unsigned char *to = out;
    for (size_t r0 = 0; r0 < rows; r0 += BLOCK)
        for (size_t c0 = 0; c0 < cols; c0 += BLOCK)
            for (size_t c = c0; c < least(c0 + BLOCK, cols); c++)
                for (size_t r = r0; r < least(r0 + BLOCK, rows); r++)
                    memcpy(to + (c * rows + r) * each, from + (r * cols + c) * each, each);
}

void hfconvert_regroup(const void *in, name_grouping g, size_t head, size_t row_bytes, void *out) {
    size_t groups = (size_t)g.n_groups, queries = (size_t)g.queries, each = head * row_bytes;
    const unsigned char *from = in;
    unsigned char *q = out, *k = q + groups * queries * each, *v = k + groups * each;
    for (size_t i = 0; i < groups; i++, from += (queries + 2) * each) {
        memcpy(q + i * queries * each, from, queries * each);
        memcpy(k + i * each, from + queries * each, each);
        memcpy(v + i * each, from + (queries + 1) * each, each);
    }
}
