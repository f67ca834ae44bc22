// F4: the list of conversations over the chat.
#ifndef DOPPEL_UI_SESSIONS_H
#define DOPPEL_UI_SESSIONS_H

#include "ui/mode.h"

extern const mode_class sessions_mode;

void sessions_open(ui *u);

#endif
