// Measures a download: passes progress on a few times a second and works out rate and time left.
#ifndef DOPPEL_METER_H
#define DOPPEL_METER_H

#include "app/fetch.h"

enum { METER_SAMPLES = 16 };

typedef struct meter {
    fetch_progress_fn *fn; // may be NULL
    void *arg;
    fetch_progress now;
    double last_call; // when fn was called
    bool cancelled;   // fn has returned false
    struct {
        double time;
        int64_t done;
    } samples[METER_SAMPLES]; // a ring: the last three seconds or so
    unsigned n_samples;
} meter;

// For one file; name must live as long as m. o may be NULL.
void meter_start(meter *m, const fetch_options *o, const char *name);

// Tells how far it is; call it as often as is convenient. Returns false when the download was cancelled, now or before.
bool meter_tick(meter *m, fetch_stage stage, int64_t done, int64_t total);

// Waits that long, ticking. Returns like meter_tick.
bool meter_wait(meter *m, double seconds);

#endif
