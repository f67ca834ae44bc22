// Rows of tokens for training, and which of them each step takes.
//
// Tokens lie one after the other with a label each; rows of equal length are cut from them. Either the cuts stay
// (packed rows, reference batches), or every epoch begins at another place (a long text: no token is always the first
// of its row). The rows of an epoch come in an order that depends on the seed and the epoch alone, so that a step is
// known by its number: a run that goes on from a checkpoint takes the rows that it would have taken.
#ifndef DOPPEL_LEARN_BATCHES_H
#define DOPPEL_LEARN_BATCHES_H

#include "model/learn/pass.h"

typedef struct batches {
    // The data, owned: n_tokens of each.
    int32_t *ids, *labels; // as learn_batch has them
    float *weights;        // of the labels; NULL: all 1
    size_t n_tokens;
    int len;        // tokens a row
    int batch_size; // rows a step
    bool sliding;   // the cuts move from epoch to epoch
    bool shuffle;
    uint64_t seed;
    // Reference batches: step t takes rows [first[t % n_fixed], first[t % n_fixed + 1]); NULL otherwise.
    size_t *first, n_fixed;
    // The epoch that `order` was made for, and the rows handed out last.
    size_t *order, epoch;
    int32_t *row_ids, *row_labels;
    float *row_weights;
} batches;

// Takes over ids, labels and weights (from malloc). Fewer tokens than a row, or a row of fewer than two, is an error:
// -1 with a message, and they are the caller's still. Set sliding, shuffle and seed afterwards; free with batches_free.
int batches_open(batches *b, int32_t *ids, int32_t *labels, float *weights, size_t n_tokens, int len, int batch_size,
                 error *err);
void batches_free(batches *b); // zeroed is fine

// From now on every row is taken once, in order, batch_size a step and the rest in the last one (held-out rows).
void batches_in_order(batches *b);

// Keeps so many rows at most, evenly spread; before batches_in_order.
void batches_thin(batches *b, size_t rows);

size_t batches_rows(const batches *b);     // of an epoch
size_t batches_epoch(const batches *b);    // steps that it takes to see every row once, rounded up
int batches_most_rows(const batches *b);   // the rows of the largest step
uint64_t batches_digest(const batches *b); // of the data and how it is cut: the same for the same training

// The rows of step t (0-based). Good until the next call.
learn_batch batches_take(batches *b, size_t t);

#endif
