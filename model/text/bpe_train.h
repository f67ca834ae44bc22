// Byte-level BPE vocabularies for models trained from scratch: the pairs of a text that occur most become tokens
// (Sennrich et al. 2016), over words as GPT-2 cuts them.
#ifndef DOPPEL_TEXT_BPE_TRAIN_H
#define DOPPEL_TEXT_BPE_TRAIN_H

#include "model/base/base.h"

// The fewest ids: every byte, and the end of a text.
enum { BPE_TRAIN_LEAST = 257 };

// Appends the tokenizer.json of a vocabulary of at most n_vocab ids made of n bytes of UTF-8; <|endoftext|> is the last.
// Of pairs that occur equally often the one with the lower ids comes first, so that the result is the same everywhere.
// Returns the number of ids (fewer than n_vocab when no pair is left that occurs twice), or -1 with a message.
int bpe_train_tokenizer_json(const char *text, size_t n, int n_vocab, buf *out, error *err);

#endif
