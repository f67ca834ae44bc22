// The pane of next-token candidates: for the newest token, what stood to choose from, its probability by the model and
// after the sampling chain, and which was drawn.
#ifndef DOPPEL_UI_CANDIDATES_H
#define DOPPEL_UI_CANDIDATES_H

#include "app/worker.h"
#include "ui/canvas.h"

void candidates_draw(canvas *c, rect area, const event *e);

#endif
