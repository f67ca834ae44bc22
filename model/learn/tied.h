// The gradient of an embedding that is the head as well gets two kinds of summands: those of the head, row by row, and
// those of the tokens that were read. A pass adds the first for all of its rows before it knows the second; added to
// one sum, their order would depend on how rows are put into passes. So what the tokens add is kept apart until the step
// is complete: a row for each token that occurs in it.
#ifndef DOPPEL_LEARN_TIED_H
#define DOPPEL_LEARN_TIED_H

#include <stddef.h>
#include <stdint.h>

typedef struct tied tied;

tied *tied_open(int vocab, int width);
void tied_close(tied *t); // NULL is fine

// Makes room for the tokens of a pass. One thread.
void tied_note(tied *t, const int32_t *ids, size_t n);
// The sum (width) of a token that was noted. Good until the next tied_note.
float *tied_row(const tied *t, int32_t id);
// Adds all sums to grad (vocab, width) and forgets them. One thread.
void tied_finish(tied *t, float *grad);

#endif
