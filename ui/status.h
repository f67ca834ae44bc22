// The status line: model on the left; what runs, speed, context and seed on the right.
#ifndef DOPPEL_UI_STATUS_H
#define DOPPEL_UI_STATUS_H

#include "app/chat.h"
#include "ui/canvas.h"

void status_draw(canvas *c, rect area, const chat *chat);

#endif
