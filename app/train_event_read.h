// Lines of metrics.jsonl back to what a training told.
#ifndef DOPPEL_TRAIN_EVENT_READ_H
#define DOPPEL_TRAIN_EVENT_READ_H

#include "app/train_event.h"

typedef struct cJSON cJSON;

// Texts point into line or are constants; numbers that are not there are NAN or 0; method and products stay NULL. False: it
// is no such line.
bool train_event_read(const cJSON *line, train_event *out);

#endif
