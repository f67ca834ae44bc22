// Attention of a pass, forward and backward: the norms and turns of heads, then softmax(scale * q k) v.
//
// Scores exist for PASS_QUERIES queries of one head at a time. Members take the query heads that share a key head.
#ifndef DOPPEL_LEARN_ATTENTION_H
#define DOPPEL_LEARN_ATTENTION_H

#include "model/learn/pass_impl.h"

// mem->qkv as the linear layers left it becomes normed and turned (mem->qk_raw keeps what it was); mem->attn and
// mem->lse are written. Ends with a barrier.
void attention_forward(const member *m, int layer, layer_memory *mem);
// From p->dattn to p->dqkv, as the linear layers want it. Ends with a barrier.
void attention_backward(const member *m, int layer, const layer_memory *mem);

#endif
