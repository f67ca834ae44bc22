// A low-rank adapter (LoRA, Hu et al. 2021) as numbers: for a matrix W of the net it adds scale * B A to it. Read from
// PEFT directories (adapter_config.json, adapter_model.safetensors) and from GGUF LoRA files; what passes, exports and
// training make of it is theirs.
#ifndef DOPPEL_NET_LORA_H
#define DOPPEL_NET_LORA_H

#include "model/net/weights.h"

enum { LORA_MAX_RANK = 1024 };

// Which matrix of which layer a tensor's name means.
typedef struct lora_place {
    int layer, slot, part; // slot: ADAPTED_QKV ... (state.h); part: of that linear layer
    const matrix *matrix;
} lora_place;

typedef struct lora_part {
    char name[TENSOR_MAX_NAME]; // of the weight: blk.0.attn_q.weight
    lora_place place;
    int rank, rows, cols;
    float *a, *b; // (rank, cols) and (rows, rank), the rows in the net's order; owned
    double alpha; // the scale is alpha / rank, or alpha / sqrt(rank) for rsLoRA
} lora_part;

typedef struct lora {
    lora_part *parts; // in the order of the file, one for a matrix
    size_t n, cap;
    bool rs;        // rsLoRA
    double dropout; // what it was trained with, where the file says so
} lora;

// path: a PEFT directory or a GGUF LoRA file that fits n: every tensor belongs to one of its matrices and has its
// shape, every number is finite. 0, or -1 with a message; free with lora_free in both cases.
int lora_open(lora *l, const char *path, const net *n, error *err);
void lora_free(lora *l);

double lora_scale(const lora *l, const lora_part *p);
const lora_part *lora_find(const lora *l, const char *name); // NULL when it leaves that matrix alone

// False when n has no such matrix.
bool lora_find_place(const net *n, const char *name, lora_place *out);

#endif
