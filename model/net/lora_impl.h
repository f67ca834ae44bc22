// Shared by the readers of adapters: lora.c (checks), lora_peft.c and lora_gguf.c. Nobody else includes this.
#ifndef DOPPEL_NET_LORA_IMPL_H
#define DOPPEL_NET_LORA_IMPL_H

#include "model/net/lora.h"
#include "model/net/rows.h"

// A pair of tensors as it lies in a file. The data may lie at any address.
typedef struct lora_source {
    const char *path, *name; // name: GGUF's, of the weight
    tensor_type type_a, type_b;
    const void *a, *b;
    int64_t rank, cols, rows;
    double alpha;
    row_layout layout;
} lora_source;

// Adds a checked copy. 0, or -1 with a message.
int lora_add(lora *l, const net *n, const lora_source *s, error *err);

int lora_read_peft(lora *l, const char *path, const net *n, error *err);
int lora_read_gguf(lora *l, const char *path, const net *n, error *err);

#endif
