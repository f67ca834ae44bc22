// Folders on disk: measuring, finishing and removing them. Symbolic links are never followed below the path given.
#ifndef DOPPEL_TREE_H
#define DOPPEL_TREE_H

#include "model/base/base.h"

// Bytes of all regular files at or below path; *largest (may be NULL) is the size of the largest one. What cannot be
// read counts nothing.
int64_t tree_size(const char *path, int64_t *largest);

// Removes a file or a folder with all that is in it; a path that is not there is no failure. 0, or -1 with a message.
int tree_remove(const char *path, error *err);

// Bytes an ordinary user may still write where path lies; -1 when that cannot be known.
int64_t tree_free_space(const char *path);

// Makes a finished file or folder durable and gives it its name: fsync, rename over `to`, fsync of the folder it is
// in. 0, or -1 with a message (from is left as it was).
int tree_commit(const char *from, const char *to, error *err);

#endif
