// The help overlay: keys and commands, in a frame over the chat.
#ifndef DOPPEL_UI_HELP_H
#define DOPPEL_UI_HELP_H

#include "ui/canvas.h"

int help_rows(void); // lines of text
int help_cols(void); // of the longest one

// Draws the lines from `top` on.
void help_draw(canvas *c, rect area, int top);

#endif
