// Question and answer from two columns of a CSV file with a header line (lyrics excerpt, moods).
#ifndef DOPPEL_CORPUS_PAIRS_H
#define DOPPEL_CORPUS_PAIRS_H

#include "app/corpus/span.h"

typedef bool pairs_fn(void *arg, span question, span answer); // trimmed, not empty; false: stop

typedef struct pairs_report {
    int64_t pairs, skipped; // skipped: rows in which a side is missing or empty
    int64_t unread;         // bytes of a last row that was cut off
} pairs_report;

// columns: "QUESTION,ANSWER", names from the header or numbers from 1. 0, or -1 with a message (no such column, no
// text, no rows that can be used).
int pairs_read(const char *path, const char *columns, pairs_fn *fn, void *arg, pairs_report *report, error *err);

#endif
