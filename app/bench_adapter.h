// doppel bench --only adapter: what an adapter that is not merged costs when decoding: one of rank 16 on every linear
// layer, made of arbitrary small numbers, beside the model alone.
#ifndef DOPPEL_BENCH_ADAPTER_H
#define DOPPEL_BENCH_ADAPTER_H

#include "model/net/net.h"

// Prints one line. The state is left without adapters. 0, or -1 with a message.
int bench_adapter(const net *n, net_state *s, bool json, error *err);

#endif
