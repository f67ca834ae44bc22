// A file that appears whole or not at all: written under a temporary name beside its place, flushed to the disk and
// renamed. Bytes go through a buffer, so that large models are written piece by piece.
#ifndef DOPPEL_OUTFILE_H
#define DOPPEL_OUTFILE_H

#include "model/base/base.h"

#include <stdbool.h>

typedef struct outfile outfile;

// What will be the file at path, or the one that a symbolic link there points to. A new file is private (0600), an old one
// keeps its permissions. NULL with a message: it cannot be written, or is no ordinary file. End it with outfile_commit or
// outfile_discard.
outfile *outfile_open(const char *path, error *err);

// Writing never fails here: a full disk is remembered and told by outfile_commit. ok is false once it has.
void outfile_write(outfile *o, const void *bytes, size_t n);
bool outfile_ok(const outfile *o);
uint64_t outfile_size(const outfile *o); // bytes written so far

// Flushes and renames; o is gone in both cases. 0, or -1 with a message, and then path is as it was.
int outfile_commit(outfile *o, error *err);
void outfile_discard(outfile *o); // NULL is fine; path is as it was

// The whole of it at once.
int outfile_replace(const char *path, const void *bytes, size_t n, error *err);

#endif
