// How many members decode. Every step of a layer ends with a barrier, so a pass is as slow as its slowest member: where
// other programs hold the processors, one member alone can be several times faster than two that wait for each other.
// A pace notices that (members that had to sleep between two steps, and took long), tries a few passes alone, stays with what was
// faster and looks again from time to time. Results do not depend on it (forward.c).
#ifndef DOPPEL_NET_PACE_H
#define DOPPEL_NET_PACE_H

#include "model/math/team.h"

typedef enum pace_mode { PACE_TOGETHER, PACE_TRYING, PACE_ALONE } pace_mode;

typedef struct pace {
    pace_mode mode;
    int left;        // passes until the mode is looked at again
    int stay;        // passes of the last stay alone; 0: the machine was quiet since
    int crowded;     // long passes in a row whose members had to sleep
    double quiet;    // seconds of a pass whose members had not, averaged; 0: there was none yet
    double together; // seconds of such passes, summed
    double alone;    // and of those tried alone, or of the stay
    unsigned naps;   // of the team, when the pass began
    double started;  // seconds
    int members;     // what the team had active before
} pace;

// Around a pass of one or a few positions. The team's active number is as it was after pace_end.
void pace_begin(pace *p, team *t);
void pace_end(pace *p, team *t);

#endif
