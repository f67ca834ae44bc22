// One conversation as the full screen and the line REPL see it: turns, settings, slash commands, and the state of the
// running answer. No terminal in it. Everything here belongs to the main thread.
//
// Whoever shows a chat reads the struct, waits for input and for chat_fds (app/chat_background.h), and calls chat_pump and
// chat_submit; the flags they return say what to draw again. A message that cannot be sent yet (the model loads, an
// answer runs) becomes a waiting turn and is sent by itself as soon as it can be.
#ifndef DOPPEL_CHAT_H
#define DOPPEL_CHAT_H

#include "app/store.h"
#include "app/style/copies.h"
#include "app/worker.h"

#include <time.h>

typedef enum turn_kind {
    TURN_USER,  // what the person wrote
    TURN_MODEL, // an answer; grows while it streams
    TURN_NOTE,  // what doppel says (help, results of commands, errors); never sent to the model
} turn_kind;

typedef struct chat_turn {
    turn_kind kind;
    unsigned id;  // counts up with every turn made, and is never used again
    char *author; // shown name; "" for notes
    time_t time;
    buf text;      // UTF-8, as received: whoever draws it filters control characters
    bool running;  // the answer that streams now, or a note that still changes (a download's progress)
    bool waiting;  // a message not yet sent; these stand behind all other turns
    bool failed;   // a message that got no answer and is not part of the conversation: /again tries it again
    bool is_error; // a note that reports a failure
    gen_stop stop; // of a finished answer
    int n_tokens;
    int nth, n_alternatives; // of a message: which of its alternatives this is, from 1, and how many there are
    // Of an answer: what stands word by word in the training text (app/chat_copies.h).
    copy_scan copied;
    unsigned copied_by; // which index marked it; 0: none
    bool copied_whole;  // to its end
    bool is_recalled;   // not made just now: it came back from the store, or from among the alternatives
    // Private to chat*.c: its place in the tree of app/session.h (number 0: a note), what wrote it (likewise; NULL: not
    // known), and what the store has of it.
    int number, parent;
    bool is_chosen;
    char *model, *setup;
    struct {
        bool is_stored, is_chosen, unsent, failed, growing;
        int parent;
        size_t len;
    } kept;
} chat_turn;

// A question that the next submitted line answers with y or n; its text stands in the last note.
typedef enum chat_question {
    QUESTION_NONE,
    QUESTION_FETCH,
    QUESTION_OVERWRITE,
    QUESTION_REMOVE,  // a conversation
    QUESTION_DISCARD, // a training
    QUESTION_LEAVE,   // while it trains: k, s or c (chat_train_may_leave)
} chat_question;

// An adapter in use.
typedef struct chat_adapter {
    char *name, *path;
    float strength;
} chat_adapter;

// The conversation as one of those that are kept.
typedef struct chat_session {
    int64_t id;  // in the store; 0: it is not there, or not yet: it has no messages
    char *title; // "" before the first message
    bool is_named;
    int64_t created, changed;
    bool is_read_along; // another doppel goes on with it: this one shows what that adds, and cannot add to it
} chat_session;

typedef struct chat {
    worker *worker;
    struct background *background; // app/background.h: trainings
    unsigned training_news;        // BACKGROUND_ flags of what it told; whoever acts on them clears them
    store *store;                  // NULL: nothing is kept
    chat_session session;
    chat_turn *turns;
    size_t n_turns, cap_turns;
    char *system;          // "" : the model's own default
    char *model_name;      // for the status line; "" before a model is loaded
    char *model_path;      // likewise
    char *user_name;       // "you"
    char *theme;           // from the config file; "" when it names none
    gen_settings settings; // change with chat_set_settings
    chat_adapter adapters[WORKER_MAX_ADAPTERS];
    size_t n_adapters;
    struct chat_style *style; // app/chat_style.h: who speaks, and how
    struct tuning *tuning;    // app/tuning.h: a training that is prepared
    struct chat_train *train; // app/chat_train.h: /train
    bool loading, fetching, adapting, answering, quitting;
    bool looking_up;                 // where copied text comes from
    size_t answer;                   // index of the running answer in turns, while answering
    event candidates;                // the newest token event that carried candidates (n_candidates 0: none yet)
    int prefill_done, prefill_total; // while the prompt is read; total 0 otherwise
    int n_read;                      // tokens of the prompt that the newest answer was not spared to read
    int fetch_done, fetch_total;     // kilobytes, while fetching; total 0: not known
    double tok_s;                    // of the running or last answer
    int n_past, n_ctx;               // context in use
    int dropped_turns;               // oldest messages left out of the last request
    unsigned last_id;                // of the newest turn
    unsigned revision;               // grows with every change of turns
    chat_question question;
    // Private to chat*.c:
    uint64_t asked, load_request, fetch_request; // numbers of the newest requests; asked is 0 when no answer runs
    uint64_t adapt_request;
    size_t n_agreed;          // of the adapters: these the model has, the others it is asked to take
    bool renewing;            // what it is asked to take are those it has, read again
    char *question_file;      // QUESTION_OVERWRITE: which
    int64_t question_session; // QUESTION_REMOVE: which
    char *draft;              // see chat_take_draft
    chat_turn *others;        // messages that are not in the conversation: alternatives, and what followed them
    size_t n_others, cap_others;
    int last_number;     // of the newest message
    bool told_of_loss;   // that leaving this conversation would lose it
    bool is_linked;      // parent, nth and n_alternatives are right
    struct keeper *keep; // chat_keep.c
} chat;

typedef struct chat_options {
    const char *model_path; // NULL: no model yet (chat offers to fetch the default one)
    const char *system;     // these three: NULL for the default
    const char *user_name;
    const char *theme;
    worker_options worker;
    gen_settings settings;
    const char *const *adapters; // (n_adapters) NAME[=STRENGTH]: taken up when the model is loaded
    size_t n_adapters;
    store *store;      // where conversations are kept, taken over by chat_open; NULL: nowhere
    int64_t session;   // of the store, to go on with; 0: a new one
    const char *title; // of a new one; NULL: its first message gives it one
    bool remembers;    // what is open when the chat ends is what the next start goes on with (store_last)
} chat_options;

chat *chat_open(const chat_options *o, error *err); // starts the worker and the loading of the model
void chat_close(chat *c);                           // NULL is fine

enum { CHAT_TURNS = 1, CHAT_STATUS = 2, CHAT_CANDIDATES = 4, CHAT_SETTINGS = 8, CHAT_DONE = 16, CHAT_TRAINING = 32 };

// Takes in all waiting events; returns what changed, as CHAT_ flags. CHAT_DONE: an answer has ended. CHAT_TRAINING: see
// training_news.
unsigned chat_pump(chat *c);

// A line as the person submitted it (any bytes; invalid UTF-8 is repaired): "/name args" is a command, "//..." a
// message that begins with a slash, anything else a message. Returns CHAT_ flags; sets quitting.
unsigned chat_submit(chat *c, const char *text);
unsigned chat_stop(chat *c);  // stops the running answer and keeps it; cancels fetching
unsigned chat_again(chat *c); // asks for another answer beside the last one; tries a failed message again
unsigned chat_undo(chat *c);  // takes back the last exchange; its message becomes the draft
// Goes on with alternative nth (from 1) of the turn at that index, and with what followed it when it was left.
unsigned chat_alternative(chat *c, size_t at, int nth);
unsigned chat_walk(chat *c,
                   int direction); // to the next (1) or previous (-1) alternative of the last turn that has any
unsigned chat_note(chat *c, bool is_error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
uint64_t chat_clock_seed(void); // a seed from the clock, short enough to be read out and typed again
void chat_set_settings(chat *c, const gen_settings *s);

// ---- conversations (chat_session.c); without a store they say so

unsigned chat_session_new(chat *c, const char *title); // title NULL: its first message gives it one
// Goes on with one of the store: with its turns, system text, model and adapters. When another doppel has it, this one
// reads along until that one leaves it.
unsigned chat_session_open(chat *c, int64_t id);
unsigned chat_session_rename(chat *c, int64_t id, const char *title); // id 0: the open one
unsigned chat_session_remove(chat *c, int64_t id);                    // the open one is left for a new one
unsigned chat_sessions(chat *c, const char *args);                    // the command /sessions (chat_sessions.c)
// Milliseconds until chat_pump has something to do although nothing happened (a store to try again, a session to read
// along); -1: never.
int chat_wait_ms(const chat *c);
// Tries once more to write down what is not in the store yet. Why it cannot be; NULL: nothing is missing. For the last
// words of a program.
const char *chat_unkept(chat *c);

// Loads the model at path once what runs is done. Fetches the default model, then loads it.
unsigned chat_load(chat *c, const char *path);
unsigned chat_fetch(chat *c);

// Takes up an adapter, NAME[=STRENGTH], or changes the strength of one in use; leaves one. A change of strength acts while
// the answer streams.
unsigned chat_adapt(chat *c, const char *word);
unsigned chat_set_strength(chat *c, size_t i, float strength);
unsigned chat_drop_adapter(chat *c, size_t i);
void chat_label(const chat *c, buf *out); // "smollm2 + clone x0.80": the model with its adapters, for the status line

// Text that a command gives back for editing (/undo), once: the caller frees it. NULL when there is none. Ask for it
// after chat_submit and put it into the prompt editor.
char *chat_take_draft(chat *c);
// Whether anything runs that will end by itself: loading, fetching, taking up adapters, answering.
bool chat_busy(const chat *c);

// Runs a command line that begins with '/' (chat_submit does this).
unsigned chat_command_run(chat *c, const char *line);
// Answers the open question (chat_submit does this); false when text is neither yes nor no.
bool chat_question_answer(chat *c, const char *text, unsigned *flags);

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

// Writes the conversation (without notes) to path: Markdown, or plain text for a name ending in .txt, or JSON for .json
// (app/session_export.h). The file is replaced in one step. 0, or -1 with a message.
int chat_export(const chat *c, const char *path, error *err);

#endif
