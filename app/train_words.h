// The way back from train_settings_arguments: words of run.json to settings.
#ifndef DOPPEL_TRAIN_WORDS_H
#define DOPPEL_TRAIN_WORDS_H

#include "app/train_settings.h"

typedef struct cJSON cJSON;

// Lays words (an array of "--name=value" and "--name") over s, whose texts point into them from then on. 0, or -1 with a
// message: no array of strings, a name that is not an option, a value that it does not take.
int train_words_read(train_settings *s, const cJSON *words, error *err);

#endif
