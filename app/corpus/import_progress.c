#include "app/corpus/import_progress.h"

#include <stdio.h>
#include <time.h>

enum { CELLS = 30 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void import_progress_show(import_progress *p, int64_t done, int64_t total) {
    double t = p->shown ? now() : 0;
    if (!p->begun) p->begun = t;
    // An import that is over at once needs no bar.
    if (!p->shown || t - p->begun < 0.3 || t - p->last < 0.1) return;
    double rate = (double)done / (t - p->begun);
    p->last = t;
    p->drawn = true;
    if (total > 0) {
        double share = done < total ? (double)done / (double)total : 1;
        fprintf(stderr, "\r[");
        for (int i = 0; i < CELLS; i++) fputc(i < share * CELLS ? '#' : ' ', stderr);
        fprintf(stderr, "] %3.0f%%  %.0f of %.0f MB, %.0f MB/s, %.0f s left\033[K", share * 100, (double)done / 1e6,
                (double)total / 1e6, rate / 1e6, (double)(total - done) / rate);
    } else {
        fprintf(stderr, "\r%.0f MB, %.0f MB/s\033[K", (double)done / 1e6, rate / 1e6);
    }
    fflush(stderr);
}

void import_progress_clear(import_progress *p) {
    if (p->drawn) fprintf(stderr, "\r\033[K");
    p->drawn = false;
}
