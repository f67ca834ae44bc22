// Numbers by chance for training: splitmix64 (Steele et al. 2014). A sequence is its state, 64 bits; whoever knows the
// seed can begin any of them again.
#ifndef DOPPEL_LEARN_RANDOM_H
#define DOPPEL_LEARN_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// The beginning of sequence number `stream` of a seed.
uint64_t random_seed(uint64_t seed, uint64_t stream);
uint64_t random_next(uint64_t *state);
size_t random_below(uint64_t *state, size_t n); // 0..n-1; n is not 0
double random_unit(uint64_t *state);            // [0, 1)
float random_normal(uint64_t *state);           // mean 0, standard deviation 1

#endif
