// The page on which a training is prepared: what was read, whom to imitate, how hard to try, what it will cost, Start.
//
// It is a list of rows, made anew for every frame from the tuning and the room there is: first the preview folds, then
// empty rows, then the list of authors gets shorter, and what is still too long scrolls with the focus.
#ifndef DOPPEL_UI_TRAINFORM_H
#define DOPPEL_UI_TRAINFORM_H

#include "app/tuning.h"
#include "ui/canvas.h"
#include "ui/keys.h"
#include "ui/mode.h"

// What can have the focus, from top to bottom. FORM_TEXT is a row that cannot.
typedef enum form_item {
    FORM_SOURCE,
    FORM_AUTHORS,
    FORM_SCRUB,
    FORM_EFFORT,
    FORM_RANK,
    FORM_RATE,
    FORM_NAME,
    FORM_START,
    FORM_TEXT,
} form_item;

typedef struct form_row {
    form_item item;
    int part; // which of the item's rows; of the authors: 0 the head, then one for each in view
} form_row;

enum { FORM_MAX_ROWS = 256 };

typedef struct trainform { // (trainform){0} is ready
    form_item focus;
    buf filter;                   // what authors' names must contain
    size_t *shown;                // n_shown indices into the authors
    size_t n_shown, cap_shown;    //
    size_t author, author_top;    // selected and first in view, in shown
    buf name;                     // being typed
    bool is_naming;               // else the tuning's own name is shown
    bool is_dragging;             // the mouse holds the slider that has the focus
    error err;                    // why the last key did nothing; "" when it did
    form_row rows[FORM_MAX_ROWS]; // of the last frame
    int n_rows, top, author_rows; // top: first row in view
    rect area;                    // where it was drawn last
    int track_col, track_cols;    // the sliders in it
} trainform;

typedef enum form_result {
    FORM_IGNORED,
    FORM_TAKEN,
    FORM_CHOOSE, // another source is wanted
    FORM_GO,     // Start
    FORM_LEFT,   // Escape
} form_result;

void trainform_reset(trainform *f); // for another source
void trainform_free(trainform *f);

form_result trainform_key(trainform *f, tuning *t, const key *k);
form_result trainform_mouse(trainform *f, tuning *t, const key *k);
int trainform_footer(const trainform *f, mode_key keys[MODE_MAX_KEYS]); // what the keys do where the focus is
// For trainform_draw.c: works out which authors are shown; moves the focus to what can have it.
void trainform_settle(trainform *f, const tuning *t);
void trainform_filter(trainform *f, const tuning *t);
// The rows it would like to have.
int trainform_rows(trainform *f, const tuning *t);
void trainform_draw(trainform *f, const tuning *t, canvas *c, rect area);

#endif
