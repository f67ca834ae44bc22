// The layers of a pass: norms, linear layers, attention and the MLP in their order.
#ifndef DOPPEL_LEARN_LAYERS_H
#define DOPPEL_LEARN_LAYERS_H

#include "model/learn/pass_impl.h"

// p->x goes through layer i.
void layers_forward(const member *m, int i);
// p->dx holds the gradient of layer i's output on entry, of its input on return. Layers from the last down to i have
// gone forward in this pass; what the layer did not keep is calculated again.
void layers_backward(const member *m, int i);

#endif
