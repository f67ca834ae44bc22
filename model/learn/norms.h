// Norms of a pass, forward and backward.
#ifndef DOPPEL_LEARN_NORMS_H
#define DOPPEL_LEARN_NORMS_H

#include "model/learn/pass_impl.h"

// y (N, n_embd) = norm of x; the member's tokens, without a barrier.
void norms_forward(const member *m, const learn_norm *w, const float *x, float *y);

// In the forward half this was y = norm(x). dx is added to; rows of n_embd numbers. Within a barrier; the parameters'
// gradients follow it.
void norms_backward(const member *m, const learn_norm *w, const float *x, const float *dy, int rows, float *dx);

// One row of n numbers: y = (x - mean) * scale * weight + bias.
void norms_row(const learn_norm *w, const float *x, int n, bool rms, float eps, float *y);

#endif
