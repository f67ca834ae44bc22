// How far a training in the background is: what a screen draws of it, made from the events it tells.
#ifndef DOPPEL_BACKGROUND_STATE_H
#define DOPPEL_BACKGROUND_STATE_H

#include "app/train_event.h"

typedef enum background_phase {
    BACKGROUND_IDLE,     // nothing was trained yet
    BACKGROUND_STARTING, // reads its data, measures
    BACKGROUND_RUNNING,
    BACKGROUND_PAUSED,   // by the person, or for pause_reason
    BACKGROUND_STOPPING, // was asked to end; saves
    BACKGROUND_DONE,     // ended: see reason; the result is in path
    BACKGROUND_FAILED,   // ended: err says why; what was saved before is still there
} background_phase;

typedef struct background_point {
    int step;
    double loss; // nats/token
} background_point;

enum { BACKGROUND_POINTS = 1024 }; // of a curve; when it is full, neighbours become their mean

typedef struct background_state {
    background_phase phase;
    char *name, *path;        // of the adapter (or model) in training; path is "" until its folder is known
    const char *pause_reason; // "on battery"; NULL: the person paused it
    double begun;             // when it was begun here, in seconds of the monotonic clock
    bool is_elsewhere;        // another process trains it; this one reads along
    int step, steps, best_step;
    // NAN while they are not known.
    double loss, held_out, first_held_out, best_held_out; // nats/token; first_held_out: before the first step
    double nll_char, copy_rate;                           // of the newest evaluation
    double tok_s, eta_s, seconds_planned, bytes_planned;
    background_point *losses, *evals; // of steps, of evaluations, in their order
    size_t n_losses, n_evals;
    int losses_each, evals_each; // how many of them a point is the mean of (the last point may still grow)
    int losses_last, evals_last; // how many the last point is the mean of so far
    buf sample;                  // the newest
    int sample_step;
    const char *reason; // DONE: "finished", "early-stop", "interrupted", "discarded"; NULL otherwise
    error err;          // FAILED
    bool can_go_on;     // FAILED: there is something to go on with, and err does not say so
    size_t n_waiting;   // trainings in line behind this one
    unsigned n_ended;   // trainings that ended so far, however: for a bell, a title
    bool has_result;    // there is an adapter (or a model) to try at path
    unsigned results;   // counts the better ones that were written
    bool has_held_out;  // evaluations come; otherwise every checkpoint is the newest result
} background_state;

// A training of this name begins (phase STARTING). n_waiting and n_ended stay.
void background_state_begin(background_state *s, const char *name);
void background_state_free(background_state *s);

// Takes in what the training told; returns BACKGROUND_ flags (app/background.h), without BACKGROUND_NOTE. The phase
// becomes RUNNING with the plan and stays otherwise: how it ended is not an event's to say.
unsigned background_state_take(background_state *s, const train_event *e);

#endif
