// Opening a file that doppel keeps for itself. What stands under its name may be something else: a pipe would make the
// program wait for whoever writes to it, a device may never end.
#ifndef DOPPEL_PLAIN_FILE_H
#define DOPPEL_PLAIN_FILE_H

#include "model/base/error.h"

// A descriptor for reading a regular file, which never waits; to be closed. -1 with a message, and errno ENOENT when
// nothing stands there.
int plain_file_open(const char *path, error *err);

#endif
