// The progress bar of an import, on stderr and only when that is a terminal.
#ifndef DOPPEL_CORPUS_IMPORT_PROGRESS_H
#define DOPPEL_CORPUS_IMPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct import_progress {
    bool shown;         // set by the caller
    double begun, last; // seconds on the monotonic clock; 0: not yet
    bool drawn;
} import_progress;

// Draws at most ten times a second. total -1: not known.
void import_progress_show(import_progress *p, int64_t done, int64_t total);
void import_progress_clear(import_progress *p);

#endif
