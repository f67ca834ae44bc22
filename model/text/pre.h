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

#endif
