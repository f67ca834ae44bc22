// The sampling chain: raw logits -> probabilities, in the order and with the meanings of transformers' generate():
// repetition, presence and frequency penalties, n-gram bans, temperature, top-k, top-p, min-p, typical-p, softmax.
#ifndef DOPPEL_GEN_CHAIN_H
#define DOPPEL_GEN_CHAIN_H

#include "model/gen/settings.h"

typedef struct chain chain; // scratch memory for one vocabulary size, and the random generator

chain *chain_open(int n_vocab, uint64_t seed);
void chain_close(chain *c);
void chain_seed(chain *c, uint64_t seed);

// Runs the chain over logits (n_vocab; -inf allowed; NaN counts as -inf). prev: the ids that penalties and bans look
// at, oldest first. exempt: ids that bans never touch (the end-of-turn token in chat), n_exempt of them.
// Leaves the survivors in the chain; returns how many there are (at least 1).
int chain_apply(chain *c, const gen_settings *s, const float *logits, const int32_t *prev, size_t n_prev,
                const int32_t *exempt, int n_exempt);
// The probability that the chain gave id (0 when filtered out).
float chain_prob(const chain *c, int32_t id);
// All n_vocab probabilities, after the chain.
void chain_probs(const chain *c, float *probs);
// Draws one of the survivors: greedy at temperature 0 (lowest id on ties), else by the chain's generator.
int32_t chain_draw(chain *c);

// log p of id under the model's own logits, before the chain (log-sum-exp over all of them, in double).
double chain_logprob(const float *logits, int n_vocab, int32_t id);

typedef struct candidate {
    int32_t id;
    float before, after; // probability by the model alone, and after the chain
} candidate;
// The n most probable ids by the model (ties: lowest id first), with both probabilities; returns how many were written.
int chain_candidates(const chain *c, const float *logits, candidate *out, int n);

#endif
