// The pre-tokenizers that GGUF files name in tokenizer.ggml.pre.
#ifndef DOPPEL_TEXT_PRE_H
#define DOPPEL_TEXT_PRE_H

#include "model/text/split.h"

typedef struct pre_tokenizer {
    bool known;         // false: the name is not in our table, and GPT-2's pattern is used
    bool ignore_merges; // a word that is a token as it stands is not merged
    bool adds_bos;      // where the file does not say
} pre_tokenizer;

// Adds the steps of the named pre-tokenizer to s. Never fails; an unknown or empty name gives GPT-2's.
pre_tokenizer pre_tokenizer_add(splitter *s, const char *name, size_t len);

// For writing tokenizers: the names that are known, one for each way of cutting, NULL behind the last (*len bytes, not
// NUL-terminated); and the patterns that pre_tokenizer_add adds for a name, NULL behind the last.
const char *pre_tokenizer_name(size_t i, size_t *len);
const char *pre_tokenizer_pattern(const char *name, size_t len, size_t i);

#endif
