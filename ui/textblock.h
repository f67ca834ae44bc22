// A text of any origin, cleaned and wrapped into an area.
#ifndef DOPPEL_UI_TEXTBLOCK_H
#define DOPPEL_UI_TEXTBLOCK_H

#include "ui/canvas.h"

// Returns how many rows were drawn; what does not fit is left out.
int textblock_draw(canvas *c, rect area, const char *s, size_t n, theme_style style);

#endif
