// The model that a training begins with: what it is, and making one for a training from scratch.
#ifndef DOPPEL_TRAIN_BASE_H
#define DOPPEL_TRAIN_BASE_H

#include "app/train_settings.h"
#include "model/file/file.h"

typedef struct train_base {
    char *path;     // absolute
    uint64_t bytes; // of its tensors
    size_t n_tensors, parameters;
    uint64_t fingerprint; // of names, shapes, and the beginning of every tensor's data
} train_base;

void train_base_describe(train_base *b, const char *path, const model_file *f);
void train_base_free(train_base *b);

// Reads the data, makes the tokenizer that the settings name, and writes an untrained model to folder. 0, or -1 with a
// message.
int train_base_make(const char *folder, const train_settings *s, error *err);

#endif
