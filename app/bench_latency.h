// doppel bench --only latency: how long a person waits for the next token while a training runs in the background,
// beside how long without one.
#ifndef DOPPEL_BENCH_LATENCY_H
#define DOPPEL_BENCH_LATENCY_H

#include "model/net/net.h"

#include <stdbool.h>

// Opens the model at path in a generator thread, trains an adapter over its weights on a made-up text in a home of its
// own (which is removed), and prints a line. 0, or -1 with a message. A model without a tokenizer has nothing to measure.
int bench_latency(const char *path, int threads, net_cache cache, bool json, error *err);

#endif
