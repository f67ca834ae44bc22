// Norms of a pass, forward and backward.
#ifndef DOPPEL_LEARN_NORMS_H
#define DOPPEL_LEARN_NORMS_H

#include "model/learn/pass_impl.h"

// y (N, n_embd) = norm of x; the member's tokens, without a barrier.
void norms_forward(const member *m, const learn_norm *w, const float *x, float *y);

// In the forward half this was y = norm(x). dx is added to; n rows of n_embd numbers. Ends with a barrier.
void norms_backward(const member *m, const learn_norm *w, const float *x, const float *dy, int n, float *dx);
// After it, the parameters' gradients: those of its tokens [first, first + n), which belong to `row` of the batch.
void norms_gradient(const member *m, const learn_norm *w, const float *x, const float *dy, int row, int first, int n);

// One row of n numbers: y = (x - mean) * scale * weight + bias.
void norms_row(const learn_norm *w, const float *x, int n, bool rms, float eps, float *y);

#endif
