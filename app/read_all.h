// Reading a whole file or standard input.
#ifndef DOPPEL_READ_ALL_H
#define DOPPEL_READ_ALL_H

#include "model/base/base.h"

enum { READ_ALL_MOST = 1 << 30 };

// Appends the bytes of path ("-": standard input) to out. -1 with a message: it cannot be read, is a directory, or is
// larger than READ_ALL_MOST.
int read_all(const char *path, buf *out, error *err);

// The same for a file that doppel keeps for itself: a pipe or a device under its name is an error (model/base/plain_file.h).
int read_all_plain(const char *path, buf *out, error *err);

#endif
