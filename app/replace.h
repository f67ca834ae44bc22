// Files people made are replaced in one step or not at all.
#ifndef DOPPEL_REPLACE_H
#define DOPPEL_REPLACE_H

#include "model/base/base.h"

// Writes n bytes to a temporary file beside path, flushes it to the disk and renames it to path (what a symbolic link
// points to is replaced, not the link). A new file is private (0600), an old one keeps its permissions. 0, or -1 with
// a message, and then path is as it was.
int replace_file(const char *path, const void *bytes, size_t n, error *err);

#endif
