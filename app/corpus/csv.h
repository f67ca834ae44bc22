// Rows of comma-separated values: quoted fields may hold commas, line breaks and doubled quotes.
#ifndef DOPPEL_CORPUS_CSV_H
#define DOPPEL_CORPUS_CSV_H

#include "app/corpus/span.h"
#include "app/corpus/text_in.h"

typedef struct csv {
    text_in *in;
    buf fields;   // contents of all fields of the row, one after the other
    size_t *ends; // where each ends in `fields`
    size_t n, cap;
    int64_t unread; // bytes of the row that was cut off
} csv;

typedef enum csv_got {
    CSV_END = 0,
    CSV_ROW = 1,
    CSV_CUT = -1, // the text ends inside a quoted field
    CSV_BAD = -2, // a quote was never closed; reading goes on at the next line that looks like a row of its own
} csv_got;

void csv_start(csv *c, text_in *in);
void csv_end(csv *c);                         // frees what c holds, not the text
csv_got csv_row(csv *c);                      // the next row that is not empty
span csv_field(const csv *c, int i);          // good until the next row; an empty one for i < 0 or beyond the row
int csv_find(const csv *c, const char *name); // place of the field with this content, -1 when there is none

#endif
