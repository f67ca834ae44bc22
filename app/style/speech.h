// A message as a model writes it in a layout (app/corpus/layout.h), while it comes: generated text in, the text of the
// message out, and where it ends.
//
// In lines the text begins behind "Name:" and ends at the first line break that is not followed by two spaces; that one
// and what could still become it are held back. In turns a token ends the message, and the text is what was generated.
#ifndef DOPPEL_STYLE_SPEECH_H
#define DOPPEL_STYLE_SPEECH_H

#include "app/corpus/layout_kind.h"
#include "model/base/base.h"

#include <stdbool.h>

typedef struct speech { // zeroed but for kind: nothing came yet
    layout_kind kind;
    bool begun, ended;
    int held; // bytes of "\n  " at the end of what came
} speech;

// Appends to out what n bytes at s add to the message. True when it has ended; what follows is no part of it.
bool speech_feed(speech *p, const char *s, size_t n, buf *out);

#endif
