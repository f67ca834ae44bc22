// The pointwise functions of training and their gradients, one row at a time.
#ifndef DOPPEL_LEARN_POINTWISE_H
#define DOPPEL_LEARN_POINTWISE_H

#include "model/net/config.h"

// x[from..to) becomes its softmax, the rest of x[0..n) zero; returns the logarithm of the denominator.
float pointwise_softmax(float *x, int from, int to, int n);

// In the forward half this was p = softmax(s) over [from, to) with logarithm lse of the denominator, and dp is the
// gradient of p; along = sum of p * dp. s becomes p and dp becomes scale * ds; zero outside [from, to), up to n.
void pointwise_softmax_back(float *s, float *dp, int from, int to, int n, float lse, float along, float scale);

// act (n_ff) = the activation function of up: gate and up (2 n_ff) for gated ones.
void pointwise_activate(mlp_kind kind, const float *up, int n_ff, float *act);
// dup from dact, the shapes as above.
void pointwise_activate_back(mlp_kind kind, const float *up, const float *dact, int n_ff, float *dup);

#endif
