// What a training tells while it runs, and the same as JSON lines (for --json and metrics.jsonl).
#ifndef DOPPEL_TRAIN_EVENT_H
#define DOPPEL_TRAIN_EVENT_H

#include "model/base/base.h"

#include <stdbool.h>

typedef enum train_event_type {
    TRAIN_PLAN,       // once, before the first step; text: the folder
    TRAIN_STEP,       // after every step
    TRAIN_EVAL,       // held-out loss
    TRAIN_SAMPLE,     // text: what the model writes now
    TRAIN_CHECKPOINT, // text: where it was saved
    TRAIN_NOTE,       // text: something to know
    TRAIN_END,        // once, at the end; text: where the result is
} train_event_type;

// Which fields are set depends on the type; numbers that nobody knows are NAN.
typedef struct train_event {
    train_event_type type;
    int step, steps; // done, of all
    const char *text;
    double loss; // STEP: of this step; EVAL, END: held out (END: of the last step without held-out data), nats/token
    // STEP
    double rate, grad_norm, tok_s, eta_s;
    int64_t tokens; // read so far
    // EVAL
    double nll_char, copy_rate;
    bool best;
    // END
    int best_step;
    const char *reason; // "finished", "early-stop", "interrupted"
    // PLAN
    const char *method, *name;
    const char *products; // how numbers are multiplied: product_mode_name
    size_t parameters, trained;
    int64_t data_tokens, learned_tokens, held_out_tokens;
    int batch_size, micro_batch, block_size;
    bool recompute; // layers go forward twice, because it was asked for or because memory is short
    double epochs, seconds, bytes;
} train_event;

typedef void train_event_fn(void *arg, const train_event *e);

const char *train_event_name(train_event_type t);      // "plan", "step", ... as in its line
void train_event_json(const train_event *e, buf *out); // appends one line

#endif
