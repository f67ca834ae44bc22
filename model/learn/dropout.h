// Dropout (Srivastava et al. 2014): numbers are left out at random and the others made larger, so that their sum is
// what it was on average. Which ones follows from keys alone: the backward half leaves out what the forward half did,
// and so does a training that goes on from a checkpoint, however rows are put together into passes.
#ifndef DOPPEL_LEARN_DROPOUT_H
#define DOPPEL_LEARN_DROPOUT_H

#include <stdbool.h>
#include <stdint.h>

// noise: of the step; site: which place of the net; token: which token of the step.
uint64_t dropout_key(uint64_t noise, uint64_t site, uint64_t token);

// out (n) = x / (1 - rate) where it is kept, 0 where it is left out; added to out where add is set. out may be x.
void dropout_apply(uint64_t key, float rate, const float *x, int n, float *out, bool add);

#endif
