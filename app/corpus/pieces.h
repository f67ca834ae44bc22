// Long texts cut into pieces at places where a reader would cut: between paragraphs, lines or sentences.
#ifndef DOPPEL_CORPUS_PIECES_H
#define DOPPEL_CORPUS_PIECES_H

#include "model/text/tokenizer.h"

typedef enum piece_boundary { PIECE_SENTENCES, PIECE_LINES } piece_boundary;

// "sentences" or "lines"; -1 with a message.
int piece_boundary_parse(const char *name, piece_boundary *b, error *err);

typedef bool piece_fn(void *arg, const char *s, size_t n); // false: stop

// Pieces of at most `most` characters, as long as boundaries allow; together they are the text but for the white space
// between them. A line or sentence that is longer is cut between words, a longer word anywhere between characters.
void pieces_cut(const char *s, size_t n, size_t most, piece_boundary b, piece_fn *fn, void *arg);

// Pieces of exactly `tokens` tokens (tokenised by themselves, without BOS) that begin at a boundary; what lies between
// the end of one and the next boundary is left out, and so is a rest that is too short. -1 with a message when the
// tokenizer fails.
int pieces_of_tokens(const tokenizer *t, const char *s, size_t n, size_t tokens, piece_boundary b, piece_fn *fn,
                     void *arg, error *err);

#endif
