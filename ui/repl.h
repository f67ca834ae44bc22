// The line REPL: the chat for `--plain`, for a dumb terminal, and for when stdin or stdout is no terminal.
//
// Output only ever appends: nothing moves the cursor back, nothing is coloured, answers come in whole words, notes in
// whole lines, so that a screen reader can follow. Lines are edited with libedit when a person types them; otherwise
// they are read as they come, and an answer is finished before the next line is taken.
#ifndef DOPPEL_REPL_H
#define DOPPEL_REPL_H

#include "app/chat.h"

typedef struct repl_options {
    bool json;  // JSON lines instead of text
    bool quiet; // no notes but errors and answers to commands
} repl_options;

// Runs until /quit, the end of input or a signal. Returns the exit code: 0; 1 when a message got no answer and nobody
// was there to read why; 130 after an interrupt.
int repl_run(chat *c, const repl_options *o);

#endif
