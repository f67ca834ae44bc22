// The pane of the training that runs: how far it is, its curves, its figures, what it wrote last. It folds with its
// area down to one line; what remains when there is no pane is a field of the status line.
#ifndef DOPPEL_UI_TRAINPANE_H
#define DOPPEL_UI_TRAINPANE_H

#include "app/background.h"
#include "ui/canvas.h"

enum { TRAINPANE_MIN_ROWS = 5, TRAINPANE_WANT_ROWS = 9, TRAINPANE_STATUS = 48 };

// Both take NULL for no training.
bool trainpane_is_shown(const background_state *s);  // is there one to show, that runs or has ended?
bool trainpane_is_active(const background_state *s); // does it run, or will it after a pause?

// with_sample: the newest sample takes the lower part.
void trainpane_draw(canvas *c, rect area, const background_state *s, bool with_sample);

// "training 42% ▇▇▁▁" for the status line, without the word where is_short; "" when nothing runs. out has
// TRAINPANE_STATUS bytes.
void trainpane_status(const background_state *s, bool is_short, char *out);

#endif
