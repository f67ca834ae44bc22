// The last words of a chat: what becomes of its trainings. The terminal is an ordinary one again by then.
#ifndef DOPPEL_UI_FAREWELL_H
#define DOPPEL_UI_FAREWELL_H

#include "app/chat.h"

// Ends the trainings with everything saved, and tells on stderr (unless quiet): that it saves, when that takes a moment;
// how far they came and how they go on. The chat is only to be closed after that. Call it while signals are still handled: a
// terminal that closes sends more than one.
void farewell_end_trainings(chat *c, bool quiet);

#endif
