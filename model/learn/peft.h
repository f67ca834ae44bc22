// Adapters in PEFT's form: a directory with adapter_config.json and adapter_model.safetensors, its tensors named by the
// modules of the Hugging Face model (base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight ...). What is
// written here is read by PEFT, and what PEFT wrote is read here.
//
// Where the net comes from a GGUF whose rows stand in another order than in the Hugging Face model, the rows of B are
// brought into the file's order and back; parameters are always in the net's own.
#ifndef DOPPEL_LEARN_PEFT_H
#define DOPPEL_LEARN_PEFT_H

#include "model/learn/graph.h"

typedef struct peft_settings {
    learn_lora lora;  // rank, alpha, targets, top_layers, rs: what learn_graph_lora is given (its seed is the caller's)
    double dropout;   // lora_dropout
    const char *base; // base_model_name_or_path; NULL or "" when reading
} peft_settings;

// The settings of an adapter in directory dir, checked against n: LoRA of linear layers that n has, in their shapes,
// one rank, every kind of layer in each of the top layers. seed is left as it was. 0, or -1 with a message.
int peft_read_settings(const char *dir, const net *n, peft_settings *out, error *err);

// Fills the parameters of g (from learn_graph_lora with those settings) with the adapter's values. 0, or -1 with a
// message.
int peft_load(const char *dir, learn_graph *g, error *err);

// Writes the adapter of g to directory dir, which is made when it is not there (0700). Each of the two files is written
// under a temporary name, flushed and renamed (0600), the weights first. 0, or -1 with a message.
int peft_save(const char *dir, const learn_graph *g, const peft_settings *s, error *err);

// The targets that module names mean, as PEFT takes them: "q_proj", "mlp.c_proj", "all-linear". A name that no layer of
// n has is refused, with those it has. Adds to *targets. 0, or -1 with a message.
int peft_add_target(const net *n, const char *name, unsigned *targets, error *err);

#endif
