// A training on disk, from which it goes on as if it had never stopped: parameters, AdamW's moments, and how far it is.
// What the next step reads follows from the number of the step and the seed (batches.h), so that these two are data
// position and random state in one.
//
// The file begins with lines of text ("step 120"), one for every number and one for every parameter ("param NAME ROWS
// COLS"), and an empty line; then come w, m and v of each parameter, as floats of this machine. It is written under
// another name and renamed: there is always a whole one.
#ifndef DOPPEL_LEARN_CHECKPOINT_H
#define DOPPEL_LEARN_CHECKPOINT_H

#include "model/learn/param.h"

typedef struct checkpoint {
    int step;       // steps done
    int64_t tokens; // read so far
    double seconds; // spent so far
    uint64_t base;  // fingerprint of the model that training began with
    uint64_t data;  // batches_digest
    uint64_t seed;  // of everything random
    int micro_batch, threads;
    char kernels[16];  // net_kernels
    char products[16]; // product_mode_name: how they were calculated
    // Looking for the best step
    int evaluated; // the step of the last evaluation
    int best_step; // 0: none yet
    double best_loss;
    int worse;           // evaluations since then
    double least_copied; // the lowest copy rate so far
    int copying;         // evaluations in a row that were above it
} checkpoint;

// 0, or -1 with a message, and then what was at path is still there.
int checkpoint_save(const char *path, const checkpoint *c, const param_set *set, error *err);

// Fills c alone. 0, or -1 with a message: there is none, or it is damaged.
int checkpoint_read(const char *path, checkpoint *c, error *err);

// Fills c and the parameters, which have to be the same in name, shape and order. 0, or -1 with a message; parameters
// may have changed then.
int checkpoint_load(const char *path, checkpoint *c, param_set *set, error *err);

#endif
