// doppel bench --only draft: decoding with and without guesses at the next tokens (model/gen/draft.h), on a text that says
// much twice and on one that does not.
#ifndef DOPPEL_BENCH_DRAFT_H
#define DOPPEL_BENCH_DRAFT_H

#include "model/model.h"

// Prints a line for each text. 0, or -1 with a message. A model without a tokenizer has nothing to measure.
int bench_draft(const model *m, net_state *s, bool json, error *err);

#endif
