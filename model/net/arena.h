// One large allocation cut into the aligned arrays that a pass works in. The cutting is written once and run twice: with
// no memory it counts, then it hands out.
#ifndef DOPPEL_NET_ARENA_H
#define DOPPEL_NET_ARENA_H

#include "model/net/linear.h"

typedef struct arena {
    char *base; // NULL: only count
    size_t used;
} arena;

// Room for count elements of size bytes, on a border of 64 bytes; NULL while counting.
void *arena_cut(arena *a, size_t count, size_t size);

// The quantised forms of one input row (n_rows 1) or of many, up to cols wide. x is left to the caller.
void arena_cut_row(arena *a, activations *row, int cols);
void arena_cut_tiles(arena *a, activations *rows, int n_rows, int cols);

// What linear_rows needs of a member for inputs up to cols wide and n_rows rows, without adapters.
void arena_cut_scratch(arena *a, linear_scratch *s, int n_rows, int cols);

#endif
