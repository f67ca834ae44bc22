// A list of records of any length, written once and then read in either direction, that may be larger than memory:
// what exceeds a few megabytes goes to a file in $TMPDIR that has no name.
#ifndef DOPPEL_CORPUS_SPOOL_H
#define DOPPEL_CORPUS_SPOOL_H

#include "model/base/base.h"

typedef struct spool spool;

spool *spool_new(void);
void spool_free(spool *s); // NULL is fine

// Appends one record. 0, or -1 with a message (the disk is full); after that the spool only fails.
int spool_add(spool *s, const void *bytes, size_t n, error *err);
int64_t spool_end(const spool *s); // the place behind the last record

// Reads the record that begins at *at and moves *at behind it; or, back, the one that ends at *at and moves *at to its
// beginning. The pointer is good until the next call. 1; 0 at the end (beginning); -1 with a message.
int spool_next(spool *s, int64_t *at, const char **bytes, size_t *n, error *err);
int spool_back(spool *s, int64_t *at, const char **bytes, size_t *n, error *err);

#endif
