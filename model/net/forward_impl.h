// Shared by the files of one pass: forward.c and attention.c. Nobody else includes this.
#ifndef DOPPEL_NET_FORWARD_IMPL_H
#define DOPPEL_NET_FORWARD_IMPL_H

#include "model/net/state.h"

typedef struct member {
    net_state *s;
    const net *n;
    const net_config *c;
    const kernels *k;
    const pass *p;
    own_memory *own;
    int rank, size;
    int parts;    // stretches that one query's attention is cut into, whoever calculates them
    int position; // of the first row
} member;

// Turns the queries of the first n rows of s->qkv and writes their keys and values into the cache of layer i. The
// barrier is passed.
void attention_put(const member *m, int i, const layer *y, int n);

// Every row's attention, normed to weights that sum to one; returns where it stands. What a single row's or a few rows'
// members read next they have written themselves; of many rows the barrier is passed.
const float *attention_gather(const member *m, int i, const layer *y);

#endif
