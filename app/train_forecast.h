// What a training will cost, before anything of it is made: its data is read, its rows are counted, a pass is measured.
//
// What is measured is kept as numbers from which steps and seconds for other settings follow at once: epochs and steps
// exactly, the rank by how much work an adapter of that rank adds.
#ifndef DOPPEL_TRAIN_FORECAST_H
#define DOPPEL_TRAIN_FORECAST_H

#include "app/train_settings.h"
#include "model/model.h"

typedef struct train_forecast {
    // Of the data
    int64_t tokens, learned, held_out; // read in an epoch; of them that count; held out
    int64_t examples;                  // rows of an epoch
    double epoch;                      // steps that it takes to see every row once
    double tokens_per_character;       // how well the tokenizer fits the text; 0: not known
    int rows, len;                     // of a step; tokens a row
    size_t held_out_rows;
    // Of the model
    int rank;    // that was measured
    double pass; // seconds of a pass of micro_batch rows; 0: not measured
    int micro_batch;
    double weights;    // numbers that a token is multiplied with
    double trained;    // numbers that learn, at this rank
    double pass_bytes; // of memory, without what learns
} train_forecast;

enum { TRAIN_FORECAST_DONE = 0, TRAIN_FORECAST_FAILED = -1, TRAIN_FORECAST_STOPPED = 1 };

// Reads the data as s says and counts. s went through train_settings_finish; m has a tokenizer, and weights where
// measure is set: then a pass is measured too (a second or more, on all threads). go_on may be NULL; false stops the
// reading. Any thread.
int train_forecast_make(train_forecast *f, const train_settings *s, const model *m, bool measure,
                        bool (*go_on)(void *arg), void *arg, error *err);

// For the same data and model, with what s says of steps and rank. Seconds and bytes are 0 where nothing was measured.
int train_forecast_steps(const train_forecast *f, const train_settings *s);
double train_forecast_seconds(const train_forecast *f, const train_settings *s);
double train_forecast_bytes(const train_forecast *f, const train_settings *s);

#endif
