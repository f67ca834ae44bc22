// What the REPL writes: turns as they come, as text for people or as JSON lines:
//   {"type":"token","text":"..."}   {"type":"done","text":"...","stop":"eos|length|...","tokens":9,"decode_tok_s":0,"copied":[],"author":"..."}
//   {"type":"note","error":false,"text":"..."}
//   {"type":"message","role":"user|model","text":"..."}: one that was said before, in a conversation opened by a command
#ifndef DOPPEL_REPL_OUTPUT_H
#define DOPPEL_REPL_OUTPUT_H

#include "app/chat.h"
#include "app/clean.h"

typedef struct repl_output {
    bool json;
    bool interactive; // a person types: notes stand between the answers; otherwise errors go to stderr
    bool terminal;    // stdout is one: control characters are filtered out
    bool quiet;
    bool asked;          // a line was submitted: notes from now on are answers to it
    unsigned seen;       // id of the newest turn that is written in full
    size_t written;      // bytes written of the answer that runs
    clean filter;        // for the same
    bool is_named;       // likewise: its author is written
    uint64_t comparison; // that was written last, and how many of its sides
    int compared;
    int n_failed;         // error notes so far
    int dropped;          // chat->dropped_turns, as last told
    unsigned n_ended;     // trainings that ended, as last told
    double next_progress; // when the progress of something long is told again; 0: nothing long runs
} repl_output;

// Writes what is new in c. 0, or -1 when stdout is gone.
int repl_output_update(repl_output *o, const chat *c);
// Whether repl_output_update would write something.
bool repl_output_pending(const repl_output *o, const chat *c);
// How far something long is, now and then.
void repl_output_progress(repl_output *o, const char *text);
// A note of the REPL's own.
void repl_output_say(repl_output *o, bool is_error, const char *text);

#endif
