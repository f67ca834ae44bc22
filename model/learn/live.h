// What a training has learned so far, in a form that passes of the engine can use: samples are written with it.
#ifndef DOPPEL_LEARN_LIVE_H
#define DOPPEL_LEARN_LIVE_H

#include "model/learn/graph.h"
#include "model/net/adapter.h"

// The adapter of a graph from learn_graph_lora, for its net, as it is now. Free with adapter_close. NULL with a
// message: there is no memory for it.
adapter *live_adapter(const learn_graph *g, error *err);

// The net of a graph from learn_graph_full or learn_graph_top: what is trained are the graph's parameters themselves
// (biases are copied as they are now), the rest is the graph's net. Close it with live_net_close, after the states that
// use it and before the graph goes.
net *live_net_open(const learn_graph *g);
void live_net_close(net *n, const learn_graph *g); // n NULL is fine

#endif
