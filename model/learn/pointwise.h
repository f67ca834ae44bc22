// The activation functions of training and their gradients, one row at a time.
#ifndef DOPPEL_LEARN_POINTWISE_H
#define DOPPEL_LEARN_POINTWISE_H

#include "model/net/config.h"

// act (n_ff) = the activation function of up: gate and up (2 n_ff) for gated ones.
void pointwise_activate(mlp_kind kind, const float *up, int n_ff, float *act);
// dup from dact, and act again; the shapes as above.
void pointwise_activate_back(mlp_kind kind, const float *up, const float *dact, int n_ff, float *act, float *dup);

#endif
