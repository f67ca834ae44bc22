// The training mode (F3): choosing what to learn from, preparing the training, watching it. One overlay of three pages;
// leaving it loses nothing, F3 comes back to the same place.
#ifndef DOPPEL_UI_TRAINING_H
#define DOPPEL_UI_TRAINING_H

#include "ui/mode.h"

typedef struct training training;

extern const mode_class training_mode;

void training_open(ui *u);
void training_free(training *t); // NULL is fine

// Opens it on what the chat has begun to read, and on text that was pasted elsewhere.
void training_prepare(ui *u);
void training_read(ui *u, const char *text, size_t n);

// After chat_pump: the window's title tells how far it is, the bell rings when one has ended.
void training_tell(ui *u);
// A training runs, or has ended and was not looked at in the overlay since.
bool training_has_pane(const ui *u);

#endif
