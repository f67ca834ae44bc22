// An open model that several threads use: the generator that answers with it, a training that learns over it. Whoever
// lets go of it last closes it, so that there is one copy of its weights for as long as anybody needs them.
#ifndef DOPPEL_HELD_MODEL_H
#define DOPPEL_HELD_MODEL_H

#include "model/model.h"

typedef struct held_model held_model;

// Opens the model at path (model_open) with one holder. NULL with a message.
held_model *held_model_open(const char *path, int threads, error *err);
const model *held_model_get(const held_model *h); // for reading, while it is held

held_model *held_model_keep(held_model *h); // one more holder; returns h; NULL stays NULL. Any thread.
void held_model_drop(held_model *h);        // one holder less; NULL is fine. Any thread.

// Whether path leads to the file or folder that h was opened from.
bool held_model_is(const held_model *h, const char *path);

#endif
