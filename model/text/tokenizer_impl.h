// Inside model/text: what a tokenizer is made of. Built by tokenizer_gguf.c and its like, used by tokenizer.c and
// encode.c. A text goes: added tokens cut out -> normaliser -> splitter -> model (words to ids) -> frame (BOS, [CLS]).
#ifndef DOPPEL_TEXT_TOKENIZER_IMPL_H
#define DOPPEL_TEXT_TOKENIZER_IMPL_H

#include "model/text/added.h"
#include "model/text/bpe.h"
#include "model/text/split.h"
#include "model/text/tokenizer.h"
#include "model/text/vocab.h"

typedef enum token_model {
    MODEL_BPE, // merges by rank, over bytes or characters
} token_model;

struct tokenizer {
    vocab vocab;
    token_model model;
    bpe bpe;
    bool byte_level;       // symbols are bytes, each written as one character (byte_map.h)
    bool ignore_merges;    // a word that is a token as it stands is not merged
    int32_t byte_ids[256]; // the token of every single byte; -1 where the vocabulary lacks it
    int32_t unk;           // stands for what cannot be written; -1: such characters are dropped
    splitter *splitter;
    added_set added;        // looked for in the text as it came
    id_list front, back;    // what TOKENIZER_BOS puts around a text
    int32_t bos, eos;       // -1 for none
    id_list ends;           // ids that end an answer
    bool drops_first_space; // a decoded text begins with a space that nobody wrote
    char *warning;          // what the person should know, NULL for nothing
};

// No tokens yet, ids -1. expected: how many tokens will come.
tokenizer *tokenizer_new(size_t expected);
// Adds eos and the end markers that the vocabulary has as added tokens to ends.
void tokenizer_find_ends(tokenizer *t);
// Fills byte_ids: from byte characters (byte_level) or from <0x0A>.
void tokenizer_find_bytes(tokenizer *t);

#endif
