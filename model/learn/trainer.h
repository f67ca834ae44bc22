// Training steps: batches to gradients to new parameters, and the held-out loss.
//
// A step sums the gradients of its rows, `micro_batch` rows a pass, each label with its weight / the sum of all weights
// of the step, and lets AdamW move the parameters. Sums run in a fixed order: the number of rows in a pass changes no
// result, the number of threads last digits at most.
// One thread at a time works with a trainer.
#ifndef DOPPEL_LEARN_TRAINER_H
#define DOPPEL_LEARN_TRAINER_H

#include "model/learn/adamw.h"
#include "model/learn/batches.h"

typedef struct trainer_options {
    adamw_options adamw;   // steps: of the whole run, for the schedule
    int micro_batch;       // rows a pass
    product_mode products; // AUTO becomes what it turned out to be
    bool recompute;        // as learn_pass_options has it
    // Two-part loss: the mean over the labels whose weight is 1 (answers) + lm_weight x the mean over all labels. 0: the
    // weighted mean over all labels.
    double lm_weight;
    uint64_t seed; // of dropout
} trainer_options;

typedef struct trainer {
    trainer_options options;
    learn_graph *graph;
    batches *train, *held_out; // held_out NULL: none
    team *team;
    learn_pass *pass;
    float *weights; // of a step's labels, for the two-part loss
    int step;       // steps done
    // Called between passes; returning false gives up the step (TRAINER_STOPPED). NULL: not wanted.
    bool (*go_on)(void *arg);
    // Called at the places of a pass that learn_pass_at_layer names, on the thread that trains: a training in the background
    // waits here while the processors are wanted elsewhere. False gives up the step, too. NULL: not wanted.
    bool (*at_layer)(void *arg);
    void *arg;
} trainer;

typedef struct trainer_report {
    int step; // 1-based
    double loss, rate, grad_norm;
    int labels;     // that counted
    int64_t tokens; // that were read, padding included
    double seconds; // that the step took
} trainer_report;

enum { TRAINER_DONE = 0, TRAINER_FAILED = -1, TRAINER_STOPPED = 1, TRAINER_NO_MODEL = 2 };

// Everything is used until trainer_close and stays the caller's. 0, or -1 with a message: an id or a length that the
// model cannot take, no memory.
int trainer_open(trainer *t, const trainer_options *o, learn_graph *g, batches *train, batches *held_out, team *team,
                 error *err);
void trainer_close(trainer *t); // zeroed is fine

// One step. TRAINER_FAILED with a message: the loss is no number any more; the parameters may be spoilt, so go back to
// a checkpoint. TRAINER_STOPPED: as if it had not begun. TRAINER_NO_MODEL: likewise, since the model's file was cut off or
// written to (net_check; with a message).
int trainer_step(trainer *t, trainer_report *out, error *err);

// Mean loss over all labels of the held-out rows, unweighted; NAN when there are none, go_on or at_layer said no, or net_check.
double trainer_evaluate(trainer *t);

// Seconds that one pass over a full micro-batch takes, forward and backward; changes nothing.
double trainer_measure(trainer *t);

#endif
