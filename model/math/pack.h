// The packed layout: the one form in which a quantised matrix is kept in memory, for decode, prefill and training.
//
// A matrix (rows, cols) is cut into row blocks of 16 rows, and a row block into units of 32 columns. A vector register
// of sixteen 32-bit lanes then holds four columns of sixteen rows, which is what the dot-product instructions want:
// lane r, byte b of group g is column 4g + b of row r (g = 0..7). The integers of a unit (quant.h) are stored in planes
// by bits, nothing rounded and nothing widened:
//     8-bit plane  512 bytes: group g in vector g
//     4-bit plane  256 bytes: vector g (0..3) has group g in the low nibbles and group g + 4 in the high ones
//     2-bit plane  128 bytes: vector v (0, 1), bits 2f..2f+1 are group 4v + f
//     1-bit plane   64 bytes: bit g is group g
// 3 bits = 2 + 1, 5 = 4 + 1, 6 = 4 + 2 (the wider plane holds the lower bits, except 6 = lower 4, upper 2).
// A row block is: planes of all its units, then scales of all its units:
//     one-level formats: per unit d[16] (f16), and m[16] (f16) where the format has a minimum
//     K-formats: per 8 units d[16], and dmin[16] (f16); then per unit sc[16] (twice where halves differ), mn likewise
// Rows beyond the matrix are zero (d = 0, so they contribute nothing).
#ifndef DOPPEL_PACK_H
#define DOPPEL_PACK_H

#include "model/base/base.h"
#include "model/math/quant.h"

enum { PACK_ROWS = 16, PACK_UNIT_BYTES = PACK_ROWS * QUANT_UNIT };

typedef struct pack {
    tensor_type type;
    quant_traits traits;
    int rows, cols;     // cols is a multiple of 32 (of 256 for K-formats)
    int n_blocks;       // of 16 rows
    int n_units;        // of 32 columns
    size_t plane_bytes; // of one unit
    size_t scales_at;   // offset of the scales in a row block
    size_t scale_bytes; // of one unit (one-level) or of 8 units (K)
    size_t block_bytes; // of one row block, a multiple of 64
    uint8_t *data;      // n_blocks * block_bytes, 64-byte aligned
    size_t bytes;
} pack;

// Makes room for a (rows, cols) matrix of a quantised type. -1 with a message when there is no memory.
int pack_open(pack *p, tensor_type type, int rows, int cols, error *err);
void pack_close(pack *p);

// Packs row block b from n_rows (1..16) rows that lie row_bytes apart in the file's format. Blocks are independent:
// threads may pack different ones.
void pack_block(pack *p, int b, const void *rows, size_t row_bytes, int n_rows);

// Row `row` as floats (cols).
void pack_row(const pack *p, int row, float *out);

// Units [s0, s0 + n) of row block b spread out for multiplication: u (n, 8 groups, 16 rows, 4), scale and offset
// (n, 1 or 2 halves, 16 rows): see quant.h. This is the plain version; kernels have faster ones.
void pack_unpack_ref(const pack *p, int b, int s0, int n, uint8_t *u, float *scale, float *offset);

// Where things are. s < n_units.
static inline const uint8_t *pack_planes(const pack *p, int b, int s) {
    return p->data + (size_t)b * p->block_bytes + (size_t)s * p->plane_bytes;
}
static inline const uint8_t *pack_scales(const pack *p, int b) {
    return p->data + (size_t)b * p->block_bytes + p->scales_at;
}
static inline int pack_halves(const pack *p) {
    return p->traits.per_half ? 2 : 1;
}

#endif
