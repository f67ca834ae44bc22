// Text from a model, a file or a name on its way to the terminal: what could steer the terminal is taken out.
//
// Dropped are control characters (C0, DEL and C1, but not newline and tab), escape sequences as a whole (ESC and the
// 8-bit forms of CSI, OSC, DCS, SOS, PM, APC) and the characters that turn the direction of what follows. Bytes that
// are no UTF-8 become U+FFFD. A sequence may be split anywhere between two calls; one that is never finished takes the
// rest of its line with it at most.
#ifndef DOPPEL_CLEAN_H
#define DOPPEL_CLEAN_H

#include "model/base/base.h"

typedef enum clean_state {
    CLEAN_TEXT,
    CLEAN_ESCAPE,       // after ESC and intermediate bytes
    CLEAN_CSI,          // parameters of a control sequence
    CLEAN_STRING,       // inside OSC, DCS, SOS, PM, APC
    CLEAN_STRING_ESCAPE // ESC inside one of these: the first half of its end
} clean_state;

// Zeroed is the beginning of a text.
typedef struct clean {
    clean_state state;
    char pending[4]; // the beginning of a character whose end has not arrived
    int n_pending;
} clean;

void clean_feed(clean *c, const char *s, size_t n, buf *out); // appends what may be shown
void clean_end(clean *c, buf *out);                           // half a character becomes U+FFFD; c is as new

// The same for a whole text at once.
void clean_text(const char *s, size_t n, buf *out);

#endif
