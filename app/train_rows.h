// Tokens with their labels in the making, for the files of train_data.c.
#ifndef DOPPEL_TRAIN_ROWS_H
#define DOPPEL_TRAIN_ROWS_H

#include "app/train_data.h"

typedef struct train_rows {
    int32_t *ids, *labels;
    float *weights; // with --two-part: 1 for what is part of an answer, 0 for the rest; NULL otherwise
    size_t n, cap;
} train_rows;

void train_rows_put(train_rows *r, int32_t id, bool learn);
void train_rows_put_weighted(train_rows *r, int32_t id, bool learn, float weight);
void train_rows_free(train_rows *r);

// Makes the rows the data's batches; they are taken over. held_out with nothing to learn in it is dropped. 0, or -1
// with a message.
int train_rows_finish(train_data *d, const train_settings *s, const model *m, train_rows *train, train_rows *held_out,
                      bool sliding, error *err);

// Which of n pieces are held out: picked at random until a fraction of the whole is reached. sizes: what each counts.
// Returns how many; 0 when n is too small for that.
size_t train_rows_pick(const size_t *sizes, size_t n, double fraction, int seed, bool *pick);

// Prompt/completion, chat messages, ShareGPT (train_examples.c). name: the format's, as detect says.
bool train_examples_know(const char *name);
int train_examples_read(train_data *d, const train_settings *s, const model *m, const char *const *paths, size_t n,
                        error *err);

#endif
