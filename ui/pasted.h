// The question what to do with a pasted chat log: learn from it, or put it into the message.
#ifndef DOPPEL_UI_PASTED_H
#define DOPPEL_UI_PASTED_H

#include "ui/mode.h"

extern const mode_class pasted_mode;

// Opens the question if the text (copied) looks like a chat log; false when it is text for the prompt.
bool pasted_ask(ui *u, const char *text, size_t n);

// Appends the text with '\n' at the end of its lines: terminals paste '\r'.
void pasted_lines(const char *text, size_t n, buf *out);

#endif
