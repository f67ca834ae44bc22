// The sampling chain: raw logits -> probabilities, in the order and with the meanings of transformers' generate():
// repetition, presence and frequency penalties, n-gram bans, temperature, top-k, top-p, min-p, typical-p, softmax.
#ifndef DOPPEL_GEN_CHAIN_H
#define DOPPEL_GEN_CHAIN_H

#include "model/gen/settings.h"

typedef struct chain chain; // scratch memory for one vocabulary size, and the random generator

chain *chain_open(int n_vocab, uint64_t seed);
void chain_close(chain *c); // NULL is fine
int chain_n_vocab(const chain *c);
void chain_seed(chain *c, uint64_t seed);

// Where the random generator stands, to be kept with a conversation and put back.
typedef struct chain_random {
    uint64_t state[4];
} chain_random;
chain_random chain_get_random(const chain *c);
void chain_set_random(chain *c, const chain_random *r);

// Runs the chain over logits (n_vocab; -inf allowed; NaN counts as -inf). prev: the ids that penalties and bans look
// at, oldest first. exempt: ids that bans never touch (the end-of-turn token in chat), n_exempt of them.
// Leaves the survivors in the chain; returns how many there are (at least 1: when the bans leave nothing they are
// lifted, and when no logit is a number id 0 survives).
int chain_apply(chain *c, const gen_settings *s, const float *logits, const int32_t *prev, size_t n_prev,
                const int32_t *exempt, int n_exempt);
// The probability that the chain gave id (0 when filtered out).
float chain_prob(const chain *c, int32_t id);
// All n_vocab probabilities, after the chain.
void chain_probs(const chain *c, float *probs);
// Draws one of the survivors: greedy at temperature 0 (lowest id on ties), else by the chain's generator.
int32_t chain_draw(chain *c);

// The first links alone, in place: penalties and bans on scores (n_vocab), which may be logits or, in beam search,
// log-probabilities.
void chain_penalise(chain *c, const gen_settings *s, float *scores, const int32_t *prev, size_t n_prev,
                    const int32_t *exempt, int n_exempt);

// log p of id under the model's own logits, before the chain (log-sum-exp over all of them, summed in double).
double chain_logprob(const float *logits, int n_vocab, int32_t id);
// log of the sum of e^logit; -inf when no logit is a number.
double chain_log_sum(const float *logits, int n_vocab);
// The same for the logits of the last chain_apply, which has it at hand.
double chain_applied_log_sum(const chain *c);

enum { CHAIN_MAX_CANDIDATES = 64 };

typedef struct candidate {
    int32_t id;
    float before, after; // probability by the model alone, and after the chain
} candidate;
// The n most probable ids by the model (ties: lowest id first), with both probabilities; returns how many were written,
// CHAIN_MAX_CANDIDATES at most. logits: those of the last chain_apply.
int chain_candidates(chain *c, const float *logits, candidate *out, int n);

#endif
