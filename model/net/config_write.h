// A model's settings in the words of a file: GGUF's keys, or config.json. What a format cannot say is refused.
#ifndef DOPPEL_NET_CONFIG_WRITE_H
#define DOPPEL_NET_CONFIG_WRITE_H

#include "model/file/gguf_write.h"
#include "model/net/weights.h"

// Writes general.architecture and ARCH.* for n. Scaling of the Llama 3 kind is a tensor in GGUF, not a key: see
// config_rope_factors. 0, or -1 with a message that begins with the model's path.
int config_write_gguf(const net *n, gguf_writer *w, error *err);

// general.architecture of a family's GGUF files; NULL when there are none.
const char *config_gguf_name(const net_config *c);

// The divisors of rope_freqs.weight (rope_dim / 2) when n needs that tensor in a GGUF; false when it does not.
bool config_rope_factors(const net *n, float *out);

// Appends a config.json for a net that was read from a GGUF; dtype: "float16". 0, or -1 with a message.
int config_write_json(const net *n, const char *dtype, buf *out, error *err);

#endif
