// SentencePiece's precompiled_charsmap: which sequences of characters become which others before a text is split.
// The blob is a double-array trie (darts-clone) of the sequences, and the replacements as NUL-terminated strings.
#ifndef DOPPEL_TEXT_CHARSMAP_H
#define DOPPEL_TEXT_CHARSMAP_H

#include "model/base/base.h"

typedef struct charsmap charsmap;

// Copies the blob. NULL with a message when its sizes do not fit together. An empty blob changes nothing.
charsmap *charsmap_open(const char *blob, size_t len, error *err);
void charsmap_free(charsmap *m); // NULL is fine

// Appends the text with the longest sequence at every place replaced.
void charsmap_apply(const charsmap *m, const char *text, size_t len, buf *out);

#endif
