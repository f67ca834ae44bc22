// Three passes in a row that slept much begin a trial of three passes alone; the quicker of the two is kept for a while.
#include "model/net/pace.h"

#include <time.h>

enum {
    NAPS = 6,       // in one pass: a quiet machine has none
    TRIAL = 3,      // passes that decide
    STAY_ALONE = 48 // passes before the others are asked again
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void pace_begin(pace *p, team *t) {
    p->members = team_active(t);
    if (p->mode != PACE_TOGETHER) team_set_active(t, 1);
    p->naps = team_naps(t);
    p->started = now();
}

static void start(pace *p, pace_mode mode, int passes) {
    p->mode = mode;
    p->left = passes;
    p->crowded = 0;
}

void pace_end(pace *p, team *t) {
    double seconds = now() - p->started;
    team_set_active(t, p->members);
    if (p->members == 1) return;
    switch (p->mode) {
    case PACE_TOGETHER:
        if (p->left > 0) { // alone was no better: no new trial for a while
            p->left--;
        } else if (team_naps(t) - p->naps < NAPS) {
            p->crowded = 0;
        } else {
            p->together = p->crowded == 0 ? seconds : p->together + seconds;
            if (++p->crowded == TRIAL) {
                start(p, PACE_TRYING, TRIAL);
                p->alone = 0;
            }
        }
        break;
    case PACE_TRYING:
        p->alone += seconds;
        if (--p->left > 0) break;
        if (p->alone < p->together)
            start(p, PACE_ALONE, STAY_ALONE);
        else
            start(p, PACE_TOGETHER, STAY_ALONE);
        break;
    case PACE_ALONE:
        if (--p->left == 0) start(p, PACE_TOGETHER, 0);
        break;
    }
}
