// Options about how a model is run, with the same names and meanings in every command that has them: --kv, --draft and
// --draft-file.
#ifndef DOPPEL_ENGINE_H
#define DOPPEL_ENGINE_H

#include "model/model.h"

#define ENGINE_KV_HELP         "the KV cache: f16, q8_0 (half the memory) or f32; unless given, f16, and f32 for float weights"
#define ENGINE_DRAFT_HELP      "guess up to N tokens ahead from what was said before; the answer is the same; 0: none"
#define ENGINE_DRAFT_FILE_HELP "a text to look guesses up in as well (your own log)"

// The kind of cache that --kv names (NULL: not given). False after a complaint about its usage.
bool engine_cache(const char *name, net_cache *out);

// A drafter of up to most tokens (0: none, *out is NULL), which also looks in file (NULL: none). 0, or -1 with a message:
// the file cannot be read, the model has no tokenizer for it. Close with drafter_close.
int engine_drafter(int most, const char *file, const model *m, drafter **out, error *err);

#endif
