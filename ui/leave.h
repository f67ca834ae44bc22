// The question when somebody leaves while a training runs: keep it training without this program, stop it with
// everything saved, or stay.
#ifndef DOPPEL_UI_LEAVE_H
#define DOPPEL_UI_LEAVE_H

#include "ui/mode.h"

extern const mode_class leave_mode;

// The person wants to leave: sets u->is_leaving, or asks.
void leave_ask(ui *u);
// Opens the question if the chat has it open (/quit asks, too).
void leave_follow(ui *u);

#endif
