// Normalisers: what happens to a text before it is split: Unicode forms, lower case, replacements, in order.
#ifndef DOPPEL_TEXT_NORMALIZER_H
#define DOPPEL_TEXT_NORMALIZER_H

#include "model/base/base.h"

typedef struct normalizer normalizer;

typedef enum normalizer_form { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD } normalizer_form;

normalizer *normalizer_new(void);
void normalizer_free(normalizer *n); // NULL is fine
size_t normalizer_n_steps(const normalizer *n);

// Steps, in order (names as in tokenizer.json). Their texts must be valid UTF-8.
void normalizer_add_form(normalizer *n, normalizer_form form);
void normalizer_add_lowercase(normalizer *n);
void normalizer_add_strip_marks(normalizer *n, bool all); // nonspacing marks go; all: every kind of mark
void normalizer_add_nmt(normalizer *n);                   // control characters go, uncommon white space becomes ' '
void normalizer_add_clean(normalizer *n);                 // BERT's: control characters go, white space becomes ' '
void normalizer_add_cjk_spaces(normalizer *n);            // BERT's: a space on both sides of an ideograph
void normalizer_add_strip(normalizer *n, bool left, bool right); // white space at the ends
void normalizer_add_squeeze(normalizer *n); // SentencePiece's remove_extra_whitespaces: ends bare, runs of ' ' single
void normalizer_add_prepend(normalizer *n, const char *text, size_t len);
void normalizer_add_append(normalizer *n, const char *text, size_t len);
void normalizer_add_replace(normalizer *n, const char *from, size_t n_from, const char *to, size_t n_to);
// -1 with a message when the pattern is not understood.
int normalizer_add_regex(normalizer *n, const char *pattern, size_t len, const char *to, size_t n_to, error *err);
// SentencePiece's precompiled_charsmap. -1 with a message when it is damaged.
int normalizer_add_charsmap(normalizer *n, const char *map, size_t len, error *err);

// Replaces out's content by the normalised text (valid UTF-8, as text must be). begins: false leaves out what is
// prepended, since the text only continues one. 0, or -1 with a message. Any thread.
int normalizer_run(const normalizer *n, const char *text, size_t len, bool begins, buf *out, error *err);

#endif
