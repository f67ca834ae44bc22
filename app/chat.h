// One conversation as the full screen and the line REPL see it: turns, settings, slash commands, and the state of the
// running answer. No terminal in it. Everything here belongs to the main thread.
#ifndef DOPPEL_CHAT_H
#define DOPPEL_CHAT_H

#include "app/worker.h"

#include <time.h>

typedef enum turn_kind {
    TURN_USER,  // what the person wrote
    TURN_MODEL, // an answer; grows while it streams
    TURN_NOTE,  // what doppel says (help, results of commands, errors); never sent to the model
} turn_kind;

typedef struct chat_turn {
    turn_kind kind;
    char *author; // shown name
    time_t time;
    buf text;     // UTF-8, as received: whoever draws it filters control characters
    bool running; // the answer that streams now (always the last turn)
    bool is_error; // a note that reports a failure
    gen_stop stop; // of a finished answer
    int n_tokens;
} chat_turn;

typedef struct chat {
    worker *worker;
    chat_turn *turns;
    size_t n_turns, cap_turns;
    char *system;      // "" : the model's own default
    char *model_name;  // for the status line
    char *model_path;
    char *user_name;   // "you"
    gen_settings settings; // change with chat_set_settings
    bool loading, answering, quitting;
    event candidates;  // the newest token event that carried candidates (n_candidates 0: none yet)
    int prefill_done, prefill_total; // while the prompt is read; total 0 otherwise
    double tok_s;      // of the running or last answer
    int n_past, n_ctx; // context in use
    int dropped_turns; // oldest turns left out of the last request
    unsigned revision; // grows with every change of turns
} chat;

typedef struct chat_options {
    const char *model_path; // NULL: no model yet
    const char *system;
    int threads, n_ctx;
    gen_settings settings;
} chat_options;

chat *chat_open(const chat_options *o, error *err); // starts the worker and the loading of the model
void chat_close(chat *c);

enum { CHAT_TURNS = 1, CHAT_STATUS = 2, CHAT_CANDIDATES = 4, CHAT_SETTINGS = 8, CHAT_DONE = 16 };

// Takes in all waiting worker events; returns what changed, as CHAT_ flags.
unsigned chat_pump(chat *c);

// A line as the person submitted it: "/name args" is a command, "//..." a message that begins with a slash, anything
// else a message (a note explains when the model is still loading or answering). Returns CHAT_ flags; sets quitting.
unsigned chat_submit(chat *c, const char *text);
void chat_stop(chat *c);   // stops the running answer and keeps it
unsigned chat_again(chat *c); // drops the last answer and asks for another
unsigned chat_note(chat *c, bool is_error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void chat_set_settings(chat *c, const gen_settings *s);

// The commands, for help and completion.
typedef struct chat_command {
    const char *name; // "set", without the slash
    const char *args; // "[NAME [VALUE]]"
    const char *help;
} chat_command;
size_t chat_n_commands(void);
const chat_command *chat_command_at(size_t i);

// Completions of the word that ends at byte `cursor` of line (commands, knob names, model names, files). Appends to
// out, one per line, whole replacement words; *start is where the word begins.
void chat_complete(const chat *c, const char *line, size_t cursor, size_t *start, buf *out);

#endif
