// The full screen: the chat, its sliders, and everything a person does with them.
#ifndef DOPPEL_UI_H
#define DOPPEL_UI_H

#include "app/chat.h"

// Is the terminal of $TERM one that the full screen can be shown on? If not, why says what it lacks.
bool ui_is_possible(error *why);

// Takes the terminal on descriptors 0 and 1 and runs until the person leaves. Returns the exit code: 0, or 1 with a
// message when the terminal cannot be used. A signal that asks doppel to end (SIGTERM, SIGHUP, SIGINT) ends it here, by
// that signal. The terminal is given back in every case.
int ui_run(chat *c, error *err);

#endif
