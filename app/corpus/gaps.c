#include "app/corpus/gaps.h"
#include "app/corpus/session.h"

#include <math.h>

static const double shares[GAPS_QUANTILES] = {0.1, 0.25, 0.5, 0.75, 0.9};
static const double ranges_per_octave = 64;

static int range_of(int64_t seconds) {
    int i = (int)lround(ranges_per_octave * log2(1 + (double)seconds));
    return i < GAPS_RANGES ? i : GAPS_RANGES - 1;
}

void gaps_add(gaps *g, const corpus_message *m, int session_gap) {
    int64_t now, longest = (int64_t)(session_gap ? session_gap : SESSION_GAP_MINUTES) * 60;
    bool known = when_seconds(m->time, &now);
    if (m->border) g->has_last = false;
    if (!known) return;
    int64_t gap = now - g->last;
    if (g->has_last && gap >= 0 && gap <= longest) {
        g->counts[range_of(gap)]++;
        g->n++;
    }
    g->has_last = true;
    g->last = now;
}

bool gaps_quantiles(const gaps *g, double out[GAPS_QUANTILES]) {
    int64_t below = 0;
    int range = 0;
    for (int q = 0; q < GAPS_QUANTILES; q++) {
        while (range < GAPS_RANGES - 1 && (double)(below + g->counts[range]) < shares[q] * (double)g->n)
            below += g->counts[range++];
        out[q] = g->n > 0 ? round(exp2(range / ranges_per_octave) - 1) : 0;
    }
    return g->n > 0;
}

double gaps_draw(const double quantiles[GAPS_QUANTILES], double u) {
    double share = 0, seconds = 0, gap = quantiles[GAPS_QUANTILES - 1];
    for (int q = 0; q < GAPS_QUANTILES; q++) {
        if (u < shares[q]) {
            gap = seconds + (quantiles[q] - seconds) * (u - share) / (shares[q] - share);
            break;
        }
        share = shares[q];
        seconds = quantiles[q];
    }
    return gap > 1 ? gap : 1;
}
