// The form's sliders: effort, rank and learning rate as positions on a track.
#ifndef DOPPEL_UI_FORMSLIDER_H
#define DOPPEL_UI_FORMSLIDER_H

#include "ui/trainform.h"

bool formslider_is(form_item item);                         // has it one?
void formslider_move(tuning *t, form_item item, int steps); // nothing for items without
void formslider_put(tuning *t, form_item item, int cell, int cells);
int formslider_cell(const tuning *t, form_item item, int cells); // where the knob stands
void formslider_print(const tuning *t, form_item item, buf *out);

#endif
