// A folder on disk or a zip archive, as one list of files.
//
// An archive is refused as a whole when a member is encrypted, points outside the archive, or would unpack to far more
// than any log does (a "zip bomb"). Links to folders are not followed; hidden files are not listed.
#ifndef DOPPEL_CORPUS_FOLDER_H
#define DOPPEL_CORPUS_FOLDER_H

#include "app/corpus/text_in.h"

#include <cjson/cJSON.h>

typedef struct folder folder;

bool folder_is_zip(const char *path); // a file that begins like a zip archive
// path: a folder or a zip archive. NULL with a message.
folder *folder_open(const char *path, error *err);
void folder_close(folder *f); // NULL is fine; sources must be closed before

size_t folder_count(const folder *f);
// Path inside the folder, with '/' between its parts. Sorted, numbers in names by their value ("part 9" < "part 10").
const char *folder_name(const folder *f, size_t i);
int64_t folder_size(const folder *f, size_t i);
int folder_source(folder *f, size_t i, byte_source *out, error *err);

// The file whose path is prefix + name, letter case ignored; -1 when there is none.
ptrdiff_t folder_find(const folder *f, const char *prefix, const char *name);
// A small JSON file, parsed; NULL when it cannot be.
cJSON *folder_json(folder *f, size_t i);

#endif
