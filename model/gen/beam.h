// Beam search, as transformers' generate() does it. Used by generate(); nothing else calls it.
#ifndef DOPPEL_GEN_BEAM_H
#define DOPPEL_GEN_BEAM_H

#include "model/gen/generate.h"

typedef struct beam_result {
    id_list ids;      // of the best text, the end token included
    double *logprobs; // (ids.len) the model's own; free()
    double score;
    bool ended;       // by an end token
    bool interrupted; // by the request's on_prefill; ids is the best so far
    int n_passes;
} beam_result;

// s holds the evaluated prompt. is_end tells which ids end a text, n_ends how many there are. s is left holding
// the prompt only. 0, or -1 with a message; free with beam_result_free in both cases.
int beam_search(net_state *s, chain *c, const gen_request *r, bool (*is_end)(void *arg, int32_t id), void *arg,
                int n_ends, beam_result *out, error *err);
void beam_result_free(beam_result *b);

#endif
