// Linear layers of a pass: a matrix, frozen or trained, with its bias and its adapter.
#ifndef DOPPEL_LEARN_LINEARS_H
#define DOPPEL_LEARN_LINEARS_H

#include "model/learn/pass_impl.h"

// y (N, ld) at l->out = W x + bias + scale * B (A x); added to what is there where add is set. x was given to
// product_left.
void linears_forward(const member *m, const learn_linear *l, layer_memory *mem, const float *x, float *y, int ld,
                     bool add);
// Of that, mem->low alone: scale * A x. x was given to product_left.
void linears_low(const member *m, const learn_linear *l, layer_memory *mem, const float *x);
// In the forward half this was y = W x + bias + scale * B (A x). dx (N, cols) is set, or added to where add is set.
void linears_backward(const member *m, const learn_linear *l, const float *dy, int ld, float *dx, bool add);
// After it, and before that of another layer: the gradients of what l learns.
void linears_gradients(const member *m, const learn_linear *l, const layer_memory *mem, const float *x, const float *dy,
                       int ld);

// The same for the two layers that lead back into the residual stream: x += l(in), with dropout of the summand.
void linears_branch_forward(const member *m, const learn_linear *l, layer_memory *mem, const float *in, int site);
// The gradient of l's output.
const float *linears_branch_gradient(const member *m, int site);

// Sum of the ranks of a layer's adapters.
int linears_ranks(const learn_layer *y);

#endif
