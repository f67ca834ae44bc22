// Tokenizers on their way from one file format to the other, for exports: from a directory's into a GGUF's keys, and
// from a GGUF's keys into a directory.
#ifndef DOPPEL_TEXT_TOKENIZER_WRITE_H
#define DOPPEL_TEXT_TOKENIZER_WRITE_H

#include "model/file/gguf_write.h"
#include "model/text/tokenizer.h"

// Writes tokenizer.ggml.* of t for a model of n_vocab embeddings (ids without a token become unused ones), with its
// chat template when it has one. Byte-level BPE and SentencePiece's BPE. 0, or -1 with a message that begins with path:
// a kind of tokenizer that GGUF does not have, or more tokens than embeddings.
int tokenizer_write_gguf(const tokenizer *t, const char *chat_template, size_t template_len, int n_vocab,
                         const char *path, gguf_writer *w, error *err);

// Writes tokenizer.json, tokenizer_config.json and generation_config.json to directory dir from the keys of g, whose
// tokenizer is t. Byte-level BPE only. 0, or -1 with a message.
int tokenizer_write_dir(const gguf *g, const tokenizer *t, const char *dir, error *err);

#endif
