// The list of conversations: narrowed by typing (titles, and what was said), opened, renamed, removed.
#ifndef DOPPEL_UI_PICKER_H
#define DOPPEL_UI_PICKER_H

#include "app/store.h"
#include "ui/canvas.h"
#include "ui/keys.h"
#include "ui/mode.h"

typedef struct picker_row {
    int64_t id, changed;
    char *title, *excerpt; // as they may be shown; excerpt "" but for a search
    int n_messages;
    bool is_elsewhere; // another doppel has it open
} picker_row;

typedef enum picker_question { PICKER_NONE, PICKER_TITLE, PICKER_REMOVE } picker_question;

typedef struct picker { // one with a store and current set is ready for picker_load
    store *store;
    int64_t current; // the session that is open here; 0: none
    picker_row *rows;
    size_t n_rows, cap_rows;
    size_t selected, top;
    buf typed;                // what is searched for
    picker_question question; // about the selected one
    buf title;                // PICKER_TITLE: being typed
    error err;                // why the list is not what it should be; ""
    rect list;                // where it was drawn last
} picker;

typedef enum picker_result {
    PICKER_IGNORED,
    PICKER_TAKEN,
    PICKER_LEFT,    // Escape
    PICKER_OPEN,    // these are for the selected session: picker_selected
    PICKER_RENAMED, // to title
    PICKER_REMOVED,
    PICKER_NEW,
} picker_result;

void picker_load(picker *p); // reads the list (anew), and keeps the selection
void picker_free(picker *p);

const picker_row *picker_selected(const picker *p); // NULL: the list is empty

picker_result picker_key(picker *p, const key *k);
picker_result picker_mouse(picker *p, const key *k); // a click selects, a second one opens
int picker_footer(const picker *p, mode_key keys[MODE_MAX_KEYS]);

// What is typed in the first row, then the list. Places the cursor.
void picker_draw(picker *p, canvas *c, rect area);

#endif
