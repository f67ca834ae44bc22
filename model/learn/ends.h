// The two ends of a pass: tokens to the residual stream, and the residual stream to the loss.
#ifndef DOPPEL_LEARN_ENDS_H
#define DOPPEL_LEARN_ENDS_H

#include "model/learn/pass_impl.h"

// p->x = the embeddings of the batch, normed where the net has such a norm. Ends with a barrier.
void ends_embed(const member *m);
// The gradient of the embeddings, p->dx, goes to the parameters.
void ends_embed_backward(const member *m);

// The loss of every labelled place, a piece at a time; with p->backward also its gradients, in p->dx (which was zero)
// and the parameters of the head.
bool ends_loss(const member *m); // false: the pass is given up

#endif
