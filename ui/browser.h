// A file browser: one folder's entries as a list, narrowed by typing, and a path that is typed or completed.
//
// What is typed filters the list. A '/' at its end enters the folder of that name ("/", "~/", "../" and whole paths
// work, too, so that a path can be typed or pasted). Names beginning with '.' are shown while what is typed begins with
// one. Space marks entries when nothing is typed, so that several files, or a whole folder, can be chosen at once.
#ifndef DOPPEL_UI_BROWSER_H
#define DOPPEL_UI_BROWSER_H

#include "model/base/base.h"
#include "ui/canvas.h"
#include "ui/keys.h"

#include <time.h>

typedef struct browser_entry {
    char *name;
    bool is_folder, is_marked;
    int64_t bytes;
    time_t changed;
} browser_entry;

typedef struct browser { // (browser){0} is a closed one
    char *folder;        // absolute; NULL: closed
    browser_entry *entries;
    size_t n_entries, cap_entries;
    size_t *shown; // n_shown indices into entries that match what is typed
    size_t n_shown, cap_shown;
    buf typed;
    size_t selected, top; // in shown
    error err;            // why the last key did nothing; "" when it did
    rect list;            // where the list was drawn last
} browser;

typedef enum browser_result {
    BROWSER_IGNORED,
    BROWSER_TAKEN,
    BROWSER_CHOSEN, // something to read was chosen: browser_chosen
    BROWSER_LEFT,   // Escape
} browser_result;

// Shows a folder, or the nearest one above it that can be read; NULL: the working directory. What was marked is
// forgotten.
void browser_show(browser *b, const char *folder);
void browser_close(browser *b);

browser_result browser_key(browser *b, const key *k);
browser_result browser_mouse(browser *b, const key *k); // a click selects, a second one opens

// What was chosen: the marked entries, or the selected one. n paths and the array are the caller's to free.
char **browser_chosen(const browser *b, size_t *n);

// The path in the first row, then the list. The cursor is placed behind what is typed.
void browser_draw(browser *b, canvas *c, rect area);

#endif
