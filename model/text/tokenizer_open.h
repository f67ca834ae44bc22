// Inside model/text: the readers that tokenizer_open_dir chooses from. Each takes a file's bytes and gives a tokenizer,
// or NULL with a message that does not name the file.
#ifndef DOPPEL_TEXT_TOKENIZER_OPEN_H
#define DOPPEL_TEXT_TOKENIZER_OPEN_H

#include "model/text/json.h"
#include "model/text/tokenizer_impl.h"

// tokenizer.json of Hugging Face's tokenizers library: BPE, Unigram, WordPiece, WordLevel.
tokenizer *tokenizer_json_open(const char *text, size_t len, error *err);
// tokenizer.model of SentencePiece: unigram, BPE, word and character models.
tokenizer *sentencepiece_open(const char *bytes, size_t len, error *err);

// Shared by the readers.
// Marks id as an added token: kind, and the text that is cut out for it.
void tokenizer_add_special(tokenizer *t, int32_t id, bool control);
// Pieces of WordPiece: a space in front but where prefix ("##") stands; cleanup takes the space before punctuation away.
void tokenizer_spaced_pieces(tokenizer *t, const char *prefix, bool cleanup);
// Fills the trie of pieces from the tokens that text may become (not control, not unknown).
void tokenizer_index_pieces(tokenizer *t);

// SentencePiece's way with spaces: replacements, squeezed runs, a mark in front, U+2581 for every space; the pieces and
// the splitter that go with it. -1 with a message when the table of replacements is damaged.
int tokenizer_marked_steps(tokenizer *t, const char *charsmap, size_t n_charsmap, bool squeeze, bool prefix,
                           error *err);

#endif
