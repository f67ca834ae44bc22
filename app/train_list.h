// The trainings that left something: which of them go on, which were interrupted.
#ifndef DOPPEL_TRAIN_LIST_H
#define DOPPEL_TRAIN_LIST_H

#include "model/base/base.h"

#include <stdbool.h>

typedef enum train_standing {
    TRAIN_ENDED,       // by itself: nothing is left to do
    TRAIN_INTERRUPTED, // somebody stopped it
    TRAIN_CUT_OFF,     // it was running, and nobody runs it any more: killed, or the machine went down
    TRAIN_WAITING,     // it waited behind another one, and has not begun
    TRAIN_ELSEWHERE,   // another process runs it
} train_standing;

typedef struct train_listed {
    const char *name, *path, *imitates;
    train_standing standing;
    int step, steps, best_step;
    double loss; // NAN: not known
} train_listed;

// Calls fn for every training under adapters/, sorted by name. own: the path of the one that this process runs, which
// is passed over (NULL: none).
typedef void train_list_fn(void *arg, const train_listed *t);
void train_list_all(const char *own, train_list_fn *fn, void *arg);

#endif
