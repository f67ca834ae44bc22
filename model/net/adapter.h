// Low-rank adapters (LoRA, Hu et al. 2021): for a linear layer W an adapter adds alpha / rank * B (A x).
// Read from PEFT directories (adapter_config.json, adapter_model.safetensors) and GGUF LoRA files. An adapter belongs
// to the net it was opened for; it is immutable and may be used by many states.
#ifndef DOPPEL_NET_ADAPTER_H
#define DOPPEL_NET_ADAPTER_H

#include "model/net/net.h"

// path: a PEFT directory or a GGUF LoRA file. NULL with a message: not an adapter, of another kind than LoRA, or its
// layers and shapes are not this net's. Free with adapter_close.
adapter *adapter_open(const char *path, const net *n, error *err);
void adapter_close(adapter *a); // NULL is fine

#endif
