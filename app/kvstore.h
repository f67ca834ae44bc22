// The states of conversations on disk (model/net/snapshot.h), one file each, NAME.kv in one folder. All of them together
// take no more than a cap: when a new one comes, those go that were not used for longest. Nothing is lost with a state
// but the time to read its conversation again.
#ifndef DOPPEL_KVSTORE_H
#define DOPPEL_KVSTORE_H

#include "model/net/snapshot.h"

typedef struct kvstore {
    char *dir;   // made (0700) when the first state is kept; NULL: nothing is kept
    int64_t cap; // bytes; 0: nothing is kept
} kvstore;

enum { KVSTORE_MOST_NAME = 64 };

// Whether a conversation may be called that: 1 to KVSTORE_MOST_NAME letters, digits, - and _.
bool kvstore_is_name(const char *name);

// Keeps s as the state of a conversation, in place of the one it had, and drops old ones. A state that would not fit
// under the cap alone is not kept, and the conversation's old one goes. 0, or -1 with a message.
int kvstore_keep(const kvstore *k, const char *name, const net_state *s, const snapshot_extra *extra, error *err);

// Makes s hold what was kept. -1 with a message: there is none, or it is stale or damaged (and gone now); s is empty then.
int kvstore_recall(const kvstore *k, const char *name, net_state *s, snapshot_extra *extra, error *err);

// Removes the state of a conversation that is deleted; NULL: of all.
void kvstore_forget(const kvstore *k, const char *name);

#endif
