// A few things to choose from, one a row: by its key, by the arrows and Enter, by a click.
#ifndef DOPPEL_UI_CHOICES_H
#define DOPPEL_UI_CHOICES_H

#include "ui/canvas.h"
#include "ui/keys.h"

typedef struct choice {
    uint32_t ch; // what its key sends
    const char *key, *what;
} choice;

typedef struct choices {
    const choice *list;
    int n, selected;
    rect area; // where they were drawn last
} choices;

int choices_take(choices *p, const key *k); // the index of what was chosen; -1: nothing yet
void choices_draw(choices *p, canvas *c, rect area);

#endif
