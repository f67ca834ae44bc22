// The help overlay: keys and commands, in a frame over the chat.
#ifndef DOPPEL_UI_HELP_H
#define DOPPEL_UI_HELP_H

#include "ui/canvas.h"

int help_cols(void);     // of the longest line
int help_rows(int cols); // lines when there are so many columns

// Draws the lines from `top` on.
void help_draw(canvas *c, rect area, int top);

#endif
