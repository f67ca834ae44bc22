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

// The process that trains in this folder; 0: none, or this one; -1: one that has only just begun.
pid_t headless_holder(const char *folder);

// False with a message: whoever trains in this folder chats as well, and is not to be ended for it.
bool headless_can_stop(const char *folder, error *err);
// Asks whoever trains there to end, with everything saved. 0 (also when nobody does), or -1 with the same message.
int headless_stop(const char *folder, error *err);

// Begins `doppel train` for a folder: --resume where there is something to go on with, else with the arguments (a JSON
// array of words). Returns once the new process holds the folder's lock; at that point it depends on this one for
// nothing. threads 0: all. 0, or -1 with a message.
int headless_begin(const char *folder, const char *arguments, int threads, error *err);

#endif
