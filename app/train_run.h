// A training from its settings to its result: data, model, plan, steps, evaluations, samples, checkpoints.
//
// Everything happens on the caller's thread (and the compute threads it makes), so that the interface can run it on one
// of its own. Nothing is printed: what happens is told by events.
#ifndef DOPPEL_TRAIN_RUN_H
#define DOPPEL_TRAIN_RUN_H

#include "app/train_event.h"
#include "app/train_settings.h"

typedef struct train_watch {
    train_event_fn *on_event;
    bool (*go_on)(void *arg); // asked often; false ends the training with everything saved. NULL: never ends it
    void *arg;
} train_watch;

enum { TRAIN_RUN_DONE = 0, TRAIN_RUN_FAILED = -1, TRAIN_RUN_INTERRUPTED = 1 };

// s comes from train_settings_finish; arguments from train_settings_arguments (kept in run.json for --resume).
// TRAIN_RUN_FAILED with a message; what was saved before is still there.
int train_run(const train_settings *s, const char *arguments, const train_watch *w, error *err);

#endif
