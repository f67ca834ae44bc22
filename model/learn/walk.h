// How a small model is trained by several members: each takes some rows of tokens through all layers alone, with weights
// that were converted at the beginning of the pass. On the way back it keeps the factors of a layer's gradients and adds
// their product to the gradients right after the member in front of it.
//
// A few rows at a time stay in a member's own caches from step to step, where sharing each step would wait a hundred
// times a pass. The price is memory for all converted weights: large models are shared step by step (layers.h).
#ifndef DOPPEL_LEARN_WALK_H
#define DOPPEL_LEARN_WALK_H

#include "model/learn/pass_impl.h"

typedef struct walk walk;

// For passes of p, which was measured but has no memory yet. NULL: the model is too large, or not all of it is trained.
walk *walk_open(const learn_pass *p, int members);
void walk_close(walk *w); // NULL is fine
// Its arrays; p as it is cut so far.
void walk_cut(walk *w, const learn_pass *p, arena *k);
// The memory of the members' products: its bytes, and making it once the arrays are there; -1 with a message.
size_t walk_product_bytes(const walk *w, const learn_pass *p);
int walk_open_products(walk *w, const learn_pass *p, error *err);

// Whether the rows of the running batch can be dealt out to so many members without many being idle.
bool walk_pays(const walk *w, const learn_batch *b, int members);

// The steps of a pass, for all members. Converts the weights; a barrier has to follow.
void walk_begin(const member *m);
// layers_forward and layers_backward of layer i. Both end without a barrier and read nothing that other members write, but
// for the gradients of the parameters.
void walk_forward(const member *m, int i);
void walk_backward(const member *m, int i);

#endif
