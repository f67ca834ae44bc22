// The page of the training that runs: the pane in large, and keys that steer it.
#ifndef DOPPEL_UI_TRAINRUN_H
#define DOPPEL_UI_TRAINRUN_H

#include "ui/mode.h"

typedef struct trainrun { // (trainrun){0} is ready
    bool shows_sample, shows_line;
    bool asks; // whether to discard
} trainrun;

enum { TRAINRUN_ROWS = 18 };

void trainrun_draw(trainrun *r, const ui *u, canvas *c, rect area);
// MODE_LEFT: Escape. MODE_IGNORED: not for this page.
mode_result trainrun_key(trainrun *r, ui *u, const key *k);
int trainrun_footer(const trainrun *r, const ui *u, mode_key keys[MODE_MAX_KEYS]);

#endif
