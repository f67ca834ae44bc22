// A model that knows nothing yet: a GPT-2 of any size with random weights, written as a Hugging Face directory, so that
// a training from scratch begins like any other from a model on disk (and anything that reads GPT-2 can read it).
#ifndef DOPPEL_LEARN_SCRATCH_H
#define DOPPEL_LEARN_SCRATCH_H

#include "model/base/base.h"

typedef struct scratch_shape {
    int layers, heads, width; // heads divide the width
    int context;              // positions
    int vocab;
    int end; // the id that ends a text; -1: none
} scratch_shape;

// Writes config.json, tokenizer.json (n bytes) and model.safetensors to dir, which exists. Weights are drawn as GPT-2's
// were: a normal distribution of deviation 0.02, what leads back into the residual stream divided by the square root of
// its summands. 0, or -1 with a message.
int scratch_write(const char *dir, const scratch_shape *s, const char *tokenizer, size_t n, uint64_t seed, error *err);

#endif
