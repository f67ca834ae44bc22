// Drafts: guesses at the next tokens, looked up in what was said before. Where the last few tokens stood already, in the
// conversation or in a text that was added (the author's own log), what followed them there may follow again. The guess
// is checked by one pass over all its tokens (net_eval_few); how, generate.c tells.
//
// A pass over more positions takes longer, so a guess must come true often enough. The drafter is told how long passes
// took and what came true, proposes as many tokens as promise the most tokens per second, none where one at a time is
// faster, and keeps an account: drafts stop before the time they lost exceeds a hundredth of all time spent.
// Neither its guesses nor its clock change what is generated, only when.
//
// What it is good for: text that repeats what was said, or an author's own phrases, which comes up to 2.5 times as fast.
// In ordinary chat hardly a token of two hundred is guessed, and next to no draft is made.
#ifndef DOPPEL_GEN_DRAFT_H
#define DOPPEL_GEN_DRAFT_H

#include "model/base/base.h"

typedef struct drafter drafter; // belongs to one thread at a time; lives as long as its measurements are of use

enum { DRAFT_MOST = 15 };

// most: tokens of a draft, 1 .. DRAFT_MOST. always: propose whatever is found, without reckoning (for tests).
drafter *drafter_open(int most, bool always);
void drafter_close(drafter *d); // NULL is fine

// Adds a text to look drafts up in, for good.
void drafter_add_text(drafter *d, const int32_t *ids, size_t n);

// The conversation is now ids[0..n-1]; what was said in an earlier one is forgotten.
void drafter_start(drafter *d, const int32_t *ids, size_t n);
// One more token was said.
void drafter_say(drafter *d, int32_t id);

// Guesses at what follows, at most room and `most`; returns how many were written to out. 0: nothing found, or not worth
// its time.
int drafter_propose(drafter *d, int room, int32_t *out);

// A pass took seconds: over one token alone (n_drafted 0), or over one and the n_drafted last proposed, of which
// n_tested were compared with what was drawn and n_accepted were right.
void drafter_learn(drafter *d, int n_drafted, int n_tested, int n_accepted, double seconds);

#endif
