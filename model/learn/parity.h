// How far two models are from each other on the same tokens: the self-test of exports.
#ifndef DOPPEL_LEARN_PARITY_H
#define DOPPEL_LEARN_PARITY_H

#include "model/net/net.h"

typedef struct parity_side {
    const net *net;
    const adapter_use *adapters; // (n_adapters)
    int n_adapters;
} parity_side;

typedef struct parity {
    int n;            // tokens compared: all but the first
    double mean, max; // of |log p - log q| over them, p and q what the two give to each token
    double nll[2];    // mean loss of each side, in nats per token
} parity;

// Evaluates n ids (at least 2, at most both contexts) on both sides, one after the other. 0, or -1 with a message.
int parity_compare(const parity_side sides[2], const int32_t *ids, int n, int threads, parity *out, error *err);

#endif
