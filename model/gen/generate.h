// Generation: the loop that evaluates, runs the chain, draws, decodes and stops.
#ifndef DOPPEL_GEN_GENERATE_H
#define DOPPEL_GEN_GENERATE_H

#include "model/gen/chain.h"
#include "model/gen/draft.h"
#include "model/net/net.h"
#include "model/text/tokenizer.h"

typedef enum gen_stop { GEN_EOS, GEN_LENGTH, GEN_CHARS, GEN_STOP_TEXT, GEN_INTERRUPTED } gen_stop;
const char *gen_stop_name(gen_stop s); // "eos", "length", "chars", "stop", "interrupted"

enum { GEN_MAX_CANDIDATES = 32 };

typedef struct gen_token {
    int32_t id;
    double logprob;   // the model's own, before the chain
    const char *text; // what may be shown now, UTF-8, n_text bytes: held back while it could begin a stop string or is
    size_t n_text;    // no whole character; later text carries what was held back, and the last token all of it
    bool is_end;      // the end token that stops the answer: it has no text of its own
    int n_candidates; // filled when the request asked for candidates: what stood to choose from at this place
    candidate candidates[GEN_MAX_CANDIDATES];
} gen_token;

typedef struct gen_request {
    const int32_t *prompt;
    size_t n_prompt;
    const gen_settings *settings;
    // Penalties and bans look at the prompt too (`run`); false: at the answer only (chat), and bans spare end tokens.
    bool penalise_prompt;
    int n_candidates; // how many candidates each token event carries; 0: none
    // Called before every draw; may change the settings (sliders). NULL: settings stay. Beam search never calls it.
    void (*refresh)(void *arg, gen_settings *s);
    // Called with every new token. Returning false stops: GEN_INTERRUPTED, the token stays. Beam search calls it when
    // it is done, once for every token of the best text.
    bool (*on_token)(void *arg, const gen_token *t);
    // Called between pieces of a long prompt (and before every step of a beam search); returning false stops. NULL: not
    // wanted.
    net_progress on_prefill;
    void *arg;
    // Looks up what may follow, so that several tokens need one pass; the answer is the same, token for token, as without.
    // NULL: none. Beam search never uses it.
    drafter *drafter;
} gen_request;

typedef struct gen_result {
    gen_stop stop;
    id_list ids;  // new ids, the end token that stopped it included
    buf text;     // the answer, exact: without end tokens, cut before the stop string
    double score; // of a beam search: sum of log-probabilities / length^length_penalty; 0 otherwise
    int n_prompt; // tokens in the prompt
    int n_reused; // of these found in the cache
    double prefill_seconds, decode_seconds;
    int n_decoded;             // tokens that the model read after the prompt; of a beam search: passes
    int n_drafted, n_accepted; // tokens proposed by the drafter; of these drawn
} gen_result;

// Runs one request on state s (which keeps prompt and answer for the next). tokenizer may be NULL (ids only: no text,
// no stop strings). c carries the random generator. 0, or -1 with a message: prompt empty or longer than the context.
// The result is the caller's to free with gen_result_free, also after -1. A full context ends the answer: GEN_LENGTH.
int generate(net_state *s, const tokenizer *t, chain *c, const gen_request *r, gen_result *out, error *err);
void gen_result_free(gen_result *r);

#endif
