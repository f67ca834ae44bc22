// The command line of a training that goes on: what it began with (run.json), then what is given now.
#ifndef DOPPEL_TRAIN_RECALL_H
#define DOPPEL_TRAIN_RECALL_H

#include "model/base/base.h"

typedef struct cJSON cJSON;

typedef struct train_recall {
    int argc;
    char **argv; // NULL-terminated
    cJSON *run;  // whose strings it points to; NULL without --resume
    char *resume;
} train_recall;

// Looks for --resume NAME, --resume=NAME, or --resume with -o NAME. Without it argv stays what it is. NAME: a folder
// (with a slash), an adapter or a model. 0, or -1 with a message: there is no such training.
int train_recall_open(train_recall *r, int argc, char **argv, error *err);

// Appends the path of a training's run.json. name: as above. 0, or -1 with a message.
int train_recall_find(const char *name, buf *out, error *err);
void train_recall_close(train_recall *r);

#endif
