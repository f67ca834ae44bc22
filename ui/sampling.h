// The pane of sliders: one for the strength of each adapter, then the knobs of generation; which of them has the focus,
// what keys and the mouse do to them.
//
// Two knobs share a row, since both say how long an answer may get: max-tokens and max-chars. The one that has a limit of
// characters set is shown; 'u', or a press on its value, changes the unit.
#ifndef DOPPEL_UI_SAMPLING_H
#define DOPPEL_UI_SAMPLING_H

#include "ui/keys.h"
#include "ui/slider.h"

enum { SAMPLING_MAX = 24, SAMPLING_DIALS = 8, SAMPLING_TYPED = 16, SAMPLING_VALUE_COLS = 6, SAMPLING_NAME = 64 };

// The strength of an adapter, 0 to 2.
typedef struct sampling_dial {
    char name[SAMPLING_NAME]; // as it may be shown
    double value;
} sampling_dial;

typedef struct sampling {
    sampling_dial dials[SAMPLING_DIALS]; // the first rows
    int n_dials;
    bool dials_off;                      // they do not act now
    const gen_knob *knobs[SAMPLING_MAX]; // the rows behind them
    int n_knobs;
    bool focused;               // keys come here
    int selected;               // a row
    int top;                    // the row in the first line
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
    SAMPLING_DIALLED, // dials[selected].value was changed
    SAMPLING_LEFT,    // the focus goes back to the prompt
} sampling_result;

void sampling_init(sampling *p);
// The adapters as they are now. The row that has the focus keeps it when others come or go.
void sampling_set_dials(sampling *p, const sampling_dial *dials, int n, bool off);
int sampling_rows(const sampling *p);
bool sampling_has_unit(const sampling *p); // the selected row is the one whose unit can be changed
sampling_result sampling_key(sampling *p, const key *k, gen_settings *s); // while focused
sampling_result sampling_mouse(sampling *p, const key *k, gen_settings *s);
void sampling_draw(sampling *p, canvas *c, rect area, const gen_settings *s);

#endif
