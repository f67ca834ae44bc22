// The menu of completions above the prompt. The first Tab completes what all have in common and shows the list, the
// next ones walk through it.
#ifndef DOPPEL_UI_COMPLETION_H
#define DOPPEL_UI_COMPLETION_H

#include "model/base/base.h"
#include "ui/canvas.h"

typedef struct completion { // (completion){0} is a closed one
    buf words;              // NUL-terminated, one after the other; empty: closed
    int n_words;
    int chosen;  // -1: none yet
    char *typed; // the word as it stands before the cursor; it is what the next choice replaces
} completion;

// Opens it with `words` (one per line) for the word that was typed. Returns the text that the word becomes (valid until
// the next completion_ call), or NULL when there is nothing to complete. Words with control characters are left out;
// with one word the menu stays closed.
const char *completion_open(completion *m, const char *words, const char *typed);
bool completion_is_open(const completion *m);
// Walks to the next (1) or previous (-1) word and returns it. It replaces m->typed as it was before the call.
const char *completion_walk(completion *m, int direction);
void completion_close(completion *m);

// Draws it at the lower edge of the area, as many rows as it needs.
void completion_draw(const completion *m, canvas *c, rect area);

#endif
