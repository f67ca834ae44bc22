// The pane of sampling sliders: which knobs, which of them has the focus, what keys and the mouse do to them.
#ifndef DOPPEL_UI_SAMPLING_H
#define DOPPEL_UI_SAMPLING_H

#include "ui/keys.h"
#include "ui/slider.h"

enum { SAMPLING_MAX = 24, SAMPLING_TYPED = 16, SAMPLING_VALUE_COLS = 6 };

typedef struct sampling {
    const gen_knob *knobs[SAMPLING_MAX];
    int n_knobs;
    bool focused;               // keys come here
    int selected;               // index of a knob
    int top;                    // the knob in the first row
    bool dragging;              // the mouse holds `selected`
    char typed[SAMPLING_TYPED]; // a number being typed; "" when none
    rect area;                  // where it was drawn last; cols 0: nowhere
    int track_col, track_cols;
    error err; // why the last typed number was refused; "" when it was not
} sampling;

typedef enum sampling_result {
    SAMPLING_IGNORED, // not for the sliders
    SAMPLING_TAKEN,
    SAMPLING_CHANGED, // *s was changed
    SAMPLING_LEFT,    // the focus goes back to the prompt
} sampling_result;

void sampling_init(sampling *p);
sampling_result sampling_key(sampling *p, const key *k, gen_settings *s); // while focused
sampling_result sampling_mouse(sampling *p, const key *k, gen_settings *s);
void sampling_draw(sampling *p, canvas *c, rect area, const gen_settings *s);

#endif
