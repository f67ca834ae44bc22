// Six passes in a row that slept much and took long begin a trial of three passes alone; the quicker of the two is kept
// for a while. After a stay alone one pass together is enough to see that the machine is still crowded; the next stay is
// longer. Six, and the first stay short: often it is a moment's work of somebody's, a layer of the training beside the chat.
#include "model/net/pace.h"

#include <time.h>

enum {
    NAPS = 6,        // in one pass: a quiet machine has none
    CROWDED = 6,     // passes that begin a trial
    TRIAL = 3,       // passes that decide it
    STAY_ALONE = 4,  // passes before the others are asked again, the first time
    STAY_MOST = 768, // and at most
    REST = 48,       // passes without a new trial after one in vain
};
static const double LONG = 1.4; // times a quiet pass: alone is no better than two that take less

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

static void stay_alone(pace *p) {
    p->stay = p->stay == 0 ? STAY_ALONE : 2 * p->stay < STAY_MOST ? 2 * p->stay : STAY_MOST;
    start(p, PACE_ALONE, p->stay);
    p->alone = 0;
}

static void end_together(pace *p, unsigned naps, double seconds) {
    if (p->left > 0) { // alone was no better: no new trial for a while
        p->left--;
    } else if (naps < NAPS) {
        p->quiet = p->quiet > 0 ? p->quiet + (seconds - p->quiet) / 16 : seconds;
        p->crowded = p->stay = 0;
    } else if (p->stay > 0 && seconds * p->stay > p->alone) {
        stay_alone(p);
    } else if (seconds < LONG * p->quiet) {
        p->crowded = 0;
    } else {
        p->together = p->crowded == 0 ? seconds : p->together + seconds;
        if (++p->crowded < CROWDED) return;
        start(p, PACE_TRYING, TRIAL);
        p->alone = 0;
    }
}

void pace_end(pace *p, team *t) {
    double seconds = now() - p->started;
    team_set_active(t, p->members);
    if (p->members == 1) return;
    if (p->mode == PACE_TOGETHER) {
        end_together(p, team_naps(t) - p->naps, seconds);
        return;
    }
    p->alone += seconds;
    if (--p->left > 0) return;
    if (p->mode == PACE_ALONE) {
        start(p, PACE_TOGETHER, 0);
    } else if (p->alone * CROWDED < p->together * TRIAL) {
        p->stay = 0;
        stay_alone(p);
    } else {
        p->stay = 0;
        start(p, PACE_TOGETHER, REST);
    }
}
