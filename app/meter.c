// A download's rate is taken over a ring of the last samples, so that it follows a changing network and does not jump.
#include "app/meter.h"

#include <time.h>

static const double CALL_EVERY = 0.2; // seconds

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void meter_start(meter *m, const fetch_options *o, const char *name) {
    *m = (meter){.now = {.name = name, .eta_s = -1}, .last_call = -1e9};
    if (o) m->fn = o->progress, m->arg = o->arg;
}

static void measure_rate(meter *m, double time) {
    if (m->n_samples && m->now.done < m->samples[(m->n_samples - 1) % METER_SAMPLES].done) m->n_samples = 0;
    unsigned oldest = m->n_samples < METER_SAMPLES ? 0 : m->n_samples % METER_SAMPLES;
    double seconds = time - m->samples[oldest].time;
    m->now.bytes_s = 0;
    if (m->n_samples && seconds > 0) m->now.bytes_s = (double)(m->now.done - m->samples[oldest].done) / seconds;
    m->now.eta_s = -1;
    if (m->now.total > 0 && m->now.bytes_s > 0) m->now.eta_s = (double)(m->now.total - m->now.done) / m->now.bytes_s;
    m->samples[m->n_samples % METER_SAMPLES].time = time;
    m->samples[m->n_samples % METER_SAMPLES].done = m->now.done;
    m->n_samples++;
}

bool meter_tick(meter *m, fetch_stage stage, int64_t done, int64_t total) {
    if (m->cancelled) return false;
    double time = now();
    bool changed = stage != m->now.stage;
    if (!changed && time - m->last_call < CALL_EVERY) return true;
    if (changed) m->n_samples = 0;
    m->now.stage = stage, m->now.done = done, m->now.total = total;
    measure_rate(m, time);
    m->last_call = time;
    if (m->fn && !m->fn(m->arg, &m->now)) m->cancelled = true;
    return !m->cancelled;
}

bool meter_wait(meter *m, double seconds) {
    struct timespec step = {0, 50 * 1000 * 1000};
    for (double end = now() + seconds; now() < end;) {
        if (!meter_tick(m, m->now.stage, m->now.done, m->now.total)) return false;
        nanosleep(&step, NULL);
    }
    return !m->cancelled;
}
