// Keys and tokens that let whoever has them in: found by the marks that their issuers put on them, never by looks alone.
#ifndef DOPPEL_CORPUS_SECRET_H
#define DOPPEL_CORPUS_SECRET_H

#include "app/corpus/span.h"

// Whether a secret may begin with this byte (so that most places cost one look).
bool secret_may_begin(char c);

// The length in bytes of the secret at the beginning of t, where a word begins; 0: there is none.
size_t secret_find(span t);

#endif
