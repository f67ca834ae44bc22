// A training from its settings to its result: data, model, plan, steps, evaluations, samples, checkpoints.
//
// Everything happens on the caller's thread (and the compute threads it makes), so that the interface can run it on one
// of its own. Nothing is printed: what happens is told by events.
#ifndef DOPPEL_TRAIN_RUN_H
#define DOPPEL_TRAIN_RUN_H

#include "app/train_event.h"
#include "app/train_settings.h"
#include "model/model.h"

typedef struct train_watch {
    // A model that is open already and is s->model: its weights are read, never changed. NULL: opened here.
    const model *model;
    train_event_fn *on_event;
    // Asked before every pass; false ends the training with everything saved. It may wait, which pauses the training.
    // NULL: never ends it.
    bool (*go_on)(void *arg);
    // Called on the training's thread within a pass (learn_pass_at_layer) and before each token of a sample. It may wait,
    // which leaves the processors to others; false ends the training as go_on does, without the end of the pass. NULL: not
    // wanted.
    bool (*give_way)(void *arg);
    // Seconds spent waiting in the two so far: they are no time trained, and in no forecast. NULL: none.
    double (*waited)(void *arg);
    // What was learned is wanted no more: what cannot be written at the end is not tried again. NULL: it is wanted.
    bool (*unwanted)(void *arg);
    bool beside; // this process does other things as well: nobody is to end it to end the training
    void *arg;
} train_watch;

enum { TRAIN_RUN_DONE = 0, TRAIN_RUN_FAILED = -1, TRAIN_RUN_INTERRUPTED = 1 };

// s went through train_settings_locate and train_settings_finish; arguments from train_settings_arguments (kept in run.json for --resume).
// TRAIN_RUN_FAILED with a message; what was saved before is still there.
int train_run(const train_settings *s, const char *arguments, const train_watch *w, error *err);

// Makes the folder of a training that is to begin later: --resume begins it. -1 with a message: the name is taken, the
// disk is full.
int train_run_later(const train_settings *s, const char *arguments, error *err);

#endif
