// Lines for the REPL: libedit where a person sits at a capable terminal, a plain reader everywhere else.
#ifndef DOPPEL_REPL_INPUT_H
#define DOPPEL_REPL_INPUT_H

#include "app/chat.h"

typedef struct repl_input repl_input;

typedef enum input_event {
    INPUT_LINE,
    INPUT_EOF,
    INPUT_INTERRUPT,       // Ctrl-C on an empty line
    INPUT_INTERRUPT_TYPED, // Ctrl-C on a line with something in it, which is gone
    INPUT_END,             // a signal that ends the program
    INPUT_FAILED,          // reading failed, or a line was longer than 64 MB
} input_event;

// What goes on while a line is awaited: pump takes in what the chat has to tell and returns whether something has to be
// written; write writes it. A line that is being edited is shown again below.
typedef struct repl_meanwhile {
    bool (*pump)(void *arg);
    void (*write)(void *arg);
    void *arg;
} repl_meanwhile;

// interactive: a person types (prompts are shown). Never fails: without libedit lines are read plainly.
repl_input *repl_input_open(chat *c, bool interactive, repl_meanwhile m);
void repl_input_close(repl_input *in); // puts the terminal back; NULL is fine

// Waits for a line; out gets it without its newline, NUL bytes replaced by U+FFFD. draft: text to begin with, or NULL;
// *draft_shown tells whether it could be put into the line.
input_event repl_input_read(repl_input *in, const char *prompt, const char *draft, bool *draft_shown, buf *out);

// Adds a message to the history file shared with the full screen.
void repl_input_remember(repl_input *in, const char *text);

// Between lines, while doppel writes: what is typed ahead is not echoed into the answer but kept for the next line.
void repl_input_hush(repl_input *in, bool hush);

// Ctrl-Z: gives the terminal back, stops the process, and takes the terminal again when it goes on.
void repl_input_suspend(repl_input *in);

#endif
