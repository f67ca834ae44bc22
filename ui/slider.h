// One slider: a knob's value as a position on a track, and back. Pure arithmetic.
#ifndef DOPPEL_UI_SLIDER_H
#define DOPPEL_UI_SLIDER_H

#include "model/gen/settings.h"
#include "ui/canvas.h"

enum { SLIDER_LARGE = 10 }; // steps of a large move

// The cell 0..cells-1 of a track that stands for the value, which is clamped to the slider's range.
int slider_position(const gen_knob *k, double value, int cells);

// The value for a cell of the track, on a multiple of the knob's step; the first and last cell give the range's ends.
double slider_value(const gen_knob *k, int position, int cells);

// The value moved by steps, kept within the slider's range and on its steps.
double slider_moved(const gen_knob *k, double value, int steps);

void slider_draw(canvas *c, int row, int col, int cells, int position);

#endif
