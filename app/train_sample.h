// What a model in training writes: samples that continue held-out text, and how much of them was copied.
//
// The copy rate is the share of generated runs of six words that stand in the training text and not in the held-out
// text. It rises when a model begins to learn its data by heart.
#ifndef DOPPEL_TRAIN_SAMPLE_H
#define DOPPEL_TRAIN_SAMPLE_H

#include "app/train_data.h"

typedef struct train_sampler {
    const model *model;
    const train_data *data;       // whose rows are continued
    uint64_t *trained, *held_out; // hashes of six words each, sorted
    size_t n_trained, n_held_out;
    int threads;
    uint64_t seed;
    // Called before each token: it may wait; false ends the sample. NULL: not wanted.
    bool (*give_way)(void *arg);
    void *arg;
} train_sampler;

// d and m outlive it; what is held out may be thinned afterwards. A model without a tokenizer writes nothing.
void train_sampler_open(train_sampler *s, const train_data *d, const model *m, int threads, uint64_t seed);
void train_sampler_close(train_sampler *s);

// Writes a few texts with what g has learned so far. out: the first of them; *copy_rate: of all of them, NAN when they are
// too short to tell. 0, or -1 with a message (no memory).
int train_sampler_write(const train_sampler *s, const learn_graph *g, buf *out, double *copy_rate, error *err);

#endif
