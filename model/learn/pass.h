// One pass of training: forward, loss and backward of a few rows of tokens, gradients added to the parameters.
//
// Memory: every layer's input, turned q, k and v, attention output and MLP pre-activations stay for the backward half, the
// rest is calculated again; with `recompute` only the inputs stay. Attention holds the scores of one head and a stretch
// of queries per member; logits exist for a few labelled positions at a time and for no others.
// Sums run in a fixed order: how rows are put into passes changes no bit of any result, and neither does recompute. The
// number of threads may change last digits.
#ifndef DOPPEL_LEARN_PASS_H
#define DOPPEL_LEARN_PASS_H

#include "model/learn/graph.h"
#include "model/learn/product.h"
#include "model/math/team.h"

typedef struct learn_pass learn_pass;

typedef struct learn_batch {
    int rows, len;         // rows of len tokens each (shorter ones are padded at the right)
    const int32_t *ids;    // (rows, len)
    const int32_t *labels; // (rows, len): what to predict AT each place (from the places before); -100: nothing.
                           // The first place of a row is never predicted.
    const float *weights;  // (rows, len): how much each label counts; NULL: 1 each
    uint64_t noise;        // decides what dropout leaves out; 0: nothing is left out
    int first_row;         // of these in the step, for the same
} learn_batch;

enum { LEARN_NO_LABEL = -100 };

typedef struct learn_pass_options {
    int max_rows, max_len; // rows of tokens, tokens a row
    product_mode products; // FLOAT32: no reduced precision anywhere; AUTO: what is best here (product.c)
    bool recompute;        // layers keep their inputs alone and go forward again in the backward half
} learn_pass_options;

// NULL with a message: no memory (says how much). Close the pass before the graph.
learn_pass *learn_pass_open(learn_graph *g, const learn_pass_options *o, team *team, error *err);
product_mode learn_pass_mode(const learn_pass *p);                          // what AUTO became
void learn_pass_close(learn_pass *p);                                       // NULL is fine
size_t learn_pass_bytes(const learn_graph *g, const learn_pass_options *o); // what opening will take

size_t learn_pass_size(const learn_pass *p); // what it took

// Called on the thread that runs the passes before each layer and each piece of the loss, and again halfway through them on
// the way back, which takes longest; the pass goes on when it returns, and the other members wait. Whoever has to give way
// to others waits in it. False gives up the pass: what it returns and adds to the gradients is nothing then. NULL: nothing
// is called.
void learn_pass_at_layer(learn_pass *p, bool (*call)(void *arg), void *arg);
bool learn_pass_given_up(const learn_pass *p); // the last one

// Labelled places of a batch.
int learn_batch_count(const learn_batch *b);

// Adds weight * d(sum over labelled places of -log p, each times its own weight) to the gradients and returns that sum.
// Ids must lie inside the vocabulary, rows and len within what was opened.
// They are complete after learn_pass_finish.
double learn_pass_train(learn_pass *p, const learn_batch *b, double weight);
// Adds what the passes of a step kept apart, so that its order is that of the rows: call it once after the last.
void learn_pass_finish(learn_pass *p);
// The sum alone.
double learn_pass_loss(learn_pass *p, const learn_batch *b);

#endif
