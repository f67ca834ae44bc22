// Shared by the readers and writers of settings: config.c (families and checks), config_gguf.c, config_json.c and
// config_write.c. Nobody else includes this.
#ifndef DOPPEL_NET_CONFIG_IMPL_H
#define DOPPEL_NET_CONFIG_IMPL_H

#include "model/net/config.h"

// What all models of a family have in common, whatever their sizes.
typedef struct family {
    const char *name;      // net_config.family, and config.json's model_type
    const char *gguf_name; // general.architecture; NULL where GGUF has none
    norm_kind norm;
    position_kind position;
    mlp_kind mlp;
    bool neox_in_gguf, neox_in_json; // rope_neox
    bool parallel_residual, shared_norm, qk_norm;
    bool tied_by_default; // config.json without tie_word_embeddings
} family;

// NULL when unknown.
const family *family_by_name(const char *name);
const family *family_by_gguf_name(const char *name, size_t len);

// Says that name (len bytes) is no family doppel runs, and which are. Always -1.
int family_unknown(const model_file *f, const char *name, size_t len, error *err);

// Fill what the file says beyond the family's own traits. 0, or -1 with a message.
int config_read_gguf(net_config *c, const model_file *f, error *err);
int config_read_json(net_config *c, const model_file *f, error *err);

// Starts c from the family's traits: everything else is zero, but for factors that are 1.
void config_start(net_config *c, const family *fam);

// The factor that YaRN puts on cos and sin for a context stretched by factor.
float config_yarn_gain(double factor);

#endif
