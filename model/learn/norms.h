// Norms of a pass, forward and backward.
#ifndef DOPPEL_LEARN_NORMS_H
#define DOPPEL_LEARN_NORMS_H

#include "model/learn/pass_impl.h"

// y = norm of one row x of n_embd numbers; stats: its mean and 1 / deviation.
void norms_one(const learn_pass *p, const learn_norm *w, const float *x, float *y, float *stats);
// The same for (N, n_embd), stats (N, 2); the member's tokens, without a barrier. And again, from the stats.
void norms_forward(const member *m, const learn_norm *w, const float *x, float *y, float *stats);
void norms_again(const member *m, const learn_norm *w, const float *x, float *y, const float *stats);

// In the forward half this was y = norm(x). dx is added to; n rows of n_embd numbers. Ends with a barrier.
void norms_backward(const member *m, const learn_norm *w, const float *x, const float *stats, const float *dy, int n,
                    float *dx);
// The parameters' gradients: those of its tokens [first, first + n), which belong to `row` of the batch.
void norms_gradient(const member *m, const learn_norm *w, const float *x, const float *stats, const float *dy, int row,
                    int first, int n);

// One row of n numbers: y = (x - mean) * scale * weight + bias.
void norms_row(const learn_norm *w, const float *x, int n, bool rms, float eps, float *y);

#endif
