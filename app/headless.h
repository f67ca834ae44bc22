// Trainings that run in processes of their own: `doppel train --resume NAME` in a session of its own, at idle priority,
// with train.log in its folder. Whether a folder is trained in is told by the lock that whoever trains holds.
#ifndef DOPPEL_HEADLESS_H
#define DOPPEL_HEADLESS_H

#include "model/base/base.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct cJSON cJSON;

// run.json of a training: a name (an adapter or a model under doppel's folders) or a folder (with a slash). Appends
// the folder's path when folder is not NULL. NULL with a message: there is no such training. Free with cJSON_Delete.
cJSON *headless_read_run(const char *name, buf *folder, error *err);

// The process that trains in this folder; 0: none, or this one. Not to be asked about a folder that this process itself
// trains in: a lock of POSIX's kind is lost when its own process opens and closes the file.
pid_t headless_holder(const char *folder);

// Begins `doppel train` for a folder: --resume where there is something to go on with, else with the arguments (a JSON
// array of words). Returns once the new process holds the folder's lock; at that point it depends on this one for
// nothing. threads 0: all. 0, or -1 with a message.
int headless_begin(const char *folder, const char *arguments, int threads, error *err);

// A training that is not done: it runs in another process, or was interrupted.
typedef struct headless_training {
    char *name, *folder;
    pid_t holder; // 0: nobody trains it
    int step, steps;
} headless_training;

typedef struct headless_list {
    headless_training *items;
    size_t n, cap;
} headless_list;

// All of them below adapters/ and models/, by name; those in skip (a folder that this process trains in; NULL: none) left
// out. Free with headless_list_free.
void headless_find(headless_list *out, const char *skip);
void headless_list_free(headless_list *l);

#endif
