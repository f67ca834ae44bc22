// Character tokenizers, for models trained from scratch: every character of a text is a token.
#ifndef DOPPEL_TEXT_CHARS_H
#define DOPPEL_TEXT_CHARS_H

#include "model/base/base.h"

// Appends the tokenizer.json of a text's characters, in the order of their code points; U+FFFD is the last id and
// stands for every other character. tokenizer_open_dir reads it like any other. Returns the number of ids.
int chars_tokenizer_json(const char *text, size_t n, buf *out);

#endif
