// Low-rank adapters in use: for a linear layer W an adapter (lora.h) adds scale * B (A x) to its output, unmerged. An
// adapter belongs to the net it was opened for; it is immutable and may be used by many states.
#ifndef DOPPEL_NET_ADAPTER_H
#define DOPPEL_NET_ADAPTER_H

#include "model/net/net.h"

typedef struct lora lora;

// path: a PEFT directory or a GGUF LoRA file. NULL with a message: not an adapter, of another kind than LoRA, or its
// layers and shapes are not this net's. Free with adapter_close.
adapter *adapter_open(const char *path, const net *n, error *err);
// The same from numbers that fit n, which are copied. NULL with a message: there is no memory for them.
adapter *adapter_of(const lora *l, const net *n, error *err);
void adapter_close(adapter *a); // NULL is fine

#endif
