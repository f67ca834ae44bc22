// How long people wait before they write the next message: the distribution of the time between messages of one session,
// kept as counts of ranges that grow with the time. Zeroed is an empty one.
#ifndef DOPPEL_CORPUS_GAPS_H
#define DOPPEL_CORPUS_GAPS_H

#include "app/corpus/corpus.h"

enum { GAPS_QUANTILES = 5, GAPS_RANGES = 1024 };

typedef struct gaps {
    int64_t counts[GAPS_RANGES];
    int64_t n;
    bool has_last;
    int64_t last; // seconds
} gaps;

// Every message in order; a gap longer than session_gap minutes (0: an hour) ends a session, and does not count.
void gaps_add(gaps *g, const corpus_message *m, int session_gap);
// Seconds that 10, 25, 50, 75 and 90 of a hundred gaps are shorter than. False, and zeros, when there is none.
bool gaps_quantiles(const gaps *g, double out[GAPS_QUANTILES]);
// A gap, for a random u from 0 to 1: as quantiles say, straight lines between them, at least a second.
double gaps_draw(const double quantiles[GAPS_QUANTILES], double u);

#endif
