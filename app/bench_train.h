// doppel bench --only train: steps of training beside sgemm: an adapter for the model at hand, all weights of a model of
// GPT-2's size, and a small model of characters from scratch; the last two have random weights.
#ifndef DOPPEL_BENCH_TRAIN_H
#define DOPPEL_BENCH_TRAIN_H

#include "model/math/team.h"
#include "model/model.h"

// Multiplications and additions of one position's matrices, without the head.
double bench_flops(const net_config *c);

// Prints a line for each of the three. 0, or -1 with a message.
int bench_train(const model *m, team *team, bool json, error *err);

#endif
