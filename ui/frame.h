// One frame: everything the screen shows, from what the program knows.
#ifndef DOPPEL_UI_FRAME_H
#define DOPPEL_UI_FRAME_H

#include "ui/state.h"

// Lays out and draws u->canvas for a screen of u->rows x u->cols.
void frame_draw(ui *u);

#endif
