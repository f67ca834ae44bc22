// Exports that are whole folders (or zips of them): Discord data packages and Slack exports.
#ifndef DOPPEL_CORPUS_ARCHIVE_H
#define DOPPEL_CORPUS_ARCHIVE_H

#include "app/corpus/folder.h"
#include "app/corpus/gather.h"

// Opens file i of the folder for reading, with the reader's progress attached. NULL with a message.
typedef text_in *archive_open_fn(void *arg, folder *f, size_t i, error *err);

typedef struct archive_kind {
    const char *name, *title; // as in corpus_format
    // Does file i tell that one lies here? *prefix is the folder it lies in ("package/", ""), the caller frees it.
    bool (*matches)(const folder *f, size_t i, char **prefix);
    int (*read)(gather *g, folder *f, const char *prefix, archive_open_fn *open, void *arg, error *err);
} archive_kind;

extern const archive_kind package_archive, slack_archive;

#endif
