// The largest of many numbers, without sorting them all.
//
// The largest of each block of 64 are found first, in one pass that compilers turn into vector instructions. The k-th
// largest of those cannot lie above the k-th largest of all, so only blocks that reach it need a closer look.
#ifndef DOPPEL_GEN_TOP_H
#define DOPPEL_GEN_TOP_H

#include <stddef.h>
#include <stdint.h>

enum { TOP_BLOCK = 64 };

// Blocks of n numbers; the last may be short.
size_t top_n_blocks(size_t n);

// maxima (top_n_blocks(n)): the largest of each block of x (n); NaN is passed over, an empty block gives -inf.
void top_maxima(const float *x, size_t n, float *maxima);

// The largest of x (n), NaN passed over; -inf for none.
float top_max(const float *x, size_t n);

// The k-th largest (k from 1) of x (n), whose block maxima are known; -inf when fewer than k are numbers.
// scratch (n) is overwritten.
float top_kth(const float *x, size_t n, const float *maxima, size_t k, float *scratch);

// The places of the k largest of x, largest first, of equal ones the first first. Numbers of -inf and NaN are left out;
// returns how many were written.
size_t top_places(const float *x, size_t n, const float *maxima, size_t k, float *scratch, int32_t *out);

#endif
