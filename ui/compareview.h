// Two answers side by side over the chat (app/chat_compare.h), or one under the other where there is no room.
#ifndef DOPPEL_UI_COMPAREVIEW_H
#define DOPPEL_UI_COMPAREVIEW_H

#include "ui/mode.h"

extern const mode_class compareview_mode;

// Opens the view when the chat compares, and closes it when it does not any more. After every change of the chat.
void compareview_follow(ui *u);

#endif
