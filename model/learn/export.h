// Writing models: the base, with adapters merged into it or with weights that a full training changed, as a Hugging
// Face directory or a GGUF file with tokenizer and chat template.
//
// Weights are dequantised, merged in float32 and written row by row, so that no second copy of the model is ever in
// memory. What no adapter touches and already has the type that is asked for is copied bit for bit.
#ifndef DOPPEL_LEARN_EXPORT_H
#define DOPPEL_LEARN_EXPORT_H

#include "model/learn/param.h"
#include "model/net/lora.h"
#include "model/text/tokenizer.h"

typedef struct export_merge {
    const lora *lora; // an adapter of the net
    float strength;
} export_merge;

typedef struct export_source {
    const net *net;
    const tokenizer *tokenizer; // NULL when the model has none
    const export_merge *merges; // (n_merges)
    int n_merges;
    const param_set *params; // of a full training (learn_graph_full): weights that replace the net's own; NULL
    // Called before every tensor with how many are done; returning false stops the export, which fails. May be NULL.
    bool (*progress)(void *arg, size_t done, size_t total);
    void *arg;
} export_source;

// A Hugging Face directory, made when it is not there (0700): model.safetensors in F32, F16 or BF16, config.json and
// the tokenizer's files. From a GGUF these are made of its settings, for byte-level BPE and the families that
// config_write_json knows. 0, or -1 with a message.
int export_hf(const export_source *s, tensor_type type, const char *dir, error *err);

// A GGUF file with matrices of a type that quantize.h writes; norms, biases and positions are F32. A matrix whose rows
// the type's blocks do not divide gets a near type that fits; with types of fewer than 8 bits the embedding and the
// head are Q8_0. 0, or -1 with a message.
int export_gguf(const export_source *s, tensor_type type, const char *path, error *err);

// One adapter of net as a GGUF LoRA in F32 or F16, its strength put into its alpha. 0, or -1 with a message.
int export_gguf_lora(const net *n, const lora *l, float strength, tensor_type type, const char *path, error *err);

#endif
