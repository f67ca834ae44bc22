// Inside the exports: one tensor after merging, row by row, in the order of the file that is written.
#ifndef DOPPEL_LEARN_EXPORT_ROWS_H
#define DOPPEL_LEARN_EXPORT_ROWS_H

#include "model/learn/export.h"
#include "model/net/rows.h"

typedef struct export_rows {
    const export_source *source;
    const file_tensor *tensor;
    const param *param;      // that replaces it; NULL for none
    const lora_part **parts; // (source->n_merges) what each adapter adds to it; NULL for nothing
    int64_t rows, cols;      // a vector is one row
    int64_t *place;          // row (of a vector: element) of the written file -> of the net; NULL: the same
    bool changed;            // not what the net's file holds
} export_rows;

void export_rows_open(export_rows *r, const export_source *s, const file_tensor *t, row_layout to);
void export_rows_close(export_rows *r);

// Row `row` of the written file (cols floats).
void export_rows_read(const export_rows *r, int64_t row, float *out);
// The same as bytes of a type (tensor_row_bytes); x: room for cols floats. False when a value is no number, or too
// large for F16.
bool export_rows_write(const export_rows *r, int64_t row, tensor_type type, float *x, void *out);

// Tells progress; -1 with a message when it says to stop.
int export_rows_progress(const export_source *s, size_t done, size_t total, error *err);

// Says which tensor of the export cannot be written. Always -1.
int export_rows_overflow(const char *path, const char *name, tensor_type type, error *err);

#endif
