// States on disk: what a net_state holds, so that a conversation opened again goes on as if it had never been closed.
//
// A file is of use only where the same state could have come about: the same model, adapters at the same strengths,
// kernels and kind of cache. It names all of these, and another one is refused; so is a file that is damaged. The
// numbers of a file that is taken are bit for bit those that were saved. (Size of the context and number of threads may
// differ: no number that is kept depends on the first, and only roundings on the second.)
#ifndef DOPPEL_NET_SNAPSHOT_H
#define DOPPEL_NET_SNAPSHOT_H

#include "model/net/net.h"

enum { SNAPSHOT_MOST_EXTRA = 4096 };

// Bytes of the caller's own that travel with a state (its random generator, for one).
typedef struct snapshot_extra {
    unsigned char bytes[SNAPSHOT_MOST_EXTRA];
    size_t n;
} snapshot_extra;

// What tells a model from others: net_open keeps it, since looking would bring pages of the whole file back into memory.
uint64_t snapshot_hash_model(const net *n);

// Bytes that the file of s takes now.
uint64_t snapshot_size(const net_state *s);

// Writes ids, cache and logits of s, in one step. extra may be NULL. 0, or -1 with a message; then path is as it was.
int snapshot_save(const net_state *s, const snapshot_extra *extra, const char *path, error *err);

// Makes s hold what the file holds; extra (may be NULL) is filled. -1 with a message: no such file, damaged, of another
// model, adapter, kernel tier or kind of cache, more positions than s has room for. Then s holds nothing.
int snapshot_restore(net_state *s, snapshot_extra *extra, const char *path, error *err);

// How many positions the file says it has, which a state needs room for; 0 when it is no saved state.
int snapshot_length(const char *path);

#endif
