// What each key does. Editing keys go to libedit untouched; only keys it has no use for act on the rest of the screen,
// unless the focus was moved there.
#ifndef DOPPEL_UI_INPUT_H
#define DOPPEL_UI_INPUT_H

#include "ui/state.h"

// Acts on one key; characters for the editor are added to u->feed. Suspending is the caller's (loop.c).
void input_key(ui *u, const key *k);

// A line was submitted. Takes it over.
void input_submit(ui *u, char *line);

// The interrupt key, wherever it came from.
void input_interrupt(ui *u);

// After a call that may have changed the conversation.
void input_changed(ui *u, unsigned chat_flags);

// The same; when the call left an error as the newest note, the footer says it too, and this returns false.
bool input_act(ui *u, unsigned chat_flags);

// Says something in the footer until the next key; NULL says nothing.
void input_say(ui *u, const char *text);

// Puts text (UTF-8) into the editor at the cursor, as typed text that means nothing to it: line ends become '\n', other
// control characters are dropped.
void input_insert(ui *u, const char *text, size_t n);

#endif
