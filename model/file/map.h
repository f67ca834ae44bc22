// A file mapped read-only. Where it shrinks while it is mapped zeros are read (model/base/fault.h), and it is torn from
// then on.
#ifndef DOPPEL_MAP_H
#define DOPPEL_MAP_H

#include "model/base/base.h"

#include <time.h>

typedef struct file_map {
    const unsigned char *data;
    size_t size;
    // Private:
    int fd, watched;
    struct timespec written; // when the file was written last, as it was opened
} file_map;

// 0, or -1 with a message: no such file, a directory, a pipe or device, an empty file, no permission. Never blocks.
int file_map_open(file_map *m, const char *path, error *err);
void file_map_close(file_map *m); // an empty one ({0}) is fine

// Whether something that was read from it was not there any more. Cheap.
bool file_map_is_torn(const file_map *m);
// The same, or whether the file was written to since it was opened (the bytes may be others than were checked). An empty
// map is neither.
bool file_map_has_changed(const file_map *m);

// Tells the system that size bytes at data are not needed for now. They stay readable. Ignored for bytes that are not
// part of the mapping.
void file_map_drop(const file_map *m, const void *data, size_t size);

#endif
