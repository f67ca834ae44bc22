// A file mapped read-only. If the file shrinks while it is mapped, reading past its new end raises SIGBUS.
#ifndef DOPPEL_MAP_H
#define DOPPEL_MAP_H

#include "model/base/base.h"

typedef struct file_map {
    const unsigned char *data;
    size_t size;
} file_map;

// 0, or -1 with a message: no such file, a directory, a pipe or device, an empty file, no permission. Never blocks.
int file_map_open(file_map *m, const char *path, error *err);
void file_map_close(file_map *m); // an empty one ({0}) is fine

// Tells the system that size bytes at data are not needed for now. They stay readable. Ignored for bytes that are not
// part of the mapping.
void file_map_drop(const file_map *m, const void *data, size_t size);

#endif
