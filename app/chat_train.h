// Training from inside a chat: the command /train, what it tells in notes, and the question when somebody leaves while
// it runs. The full screen shows preparation (chat->tuning) and progress (chat->background) itself; the line REPL has it
// all in notes. Main thread.
#ifndef DOPPEL_CHAT_TRAIN_H
#define DOPPEL_CHAT_TRAIN_H

#include "app/background.h"
#include "app/chat.h"
#include "app/tuning.h"

typedef struct chat_train {
    bool has_pane;          // set by whoever shows preparation and progress itself: notes tell what ended only
    bool pasting;           // /train paste: what is submitted is text to learn from, until a line with a lone dot
    bool waiting;           // /train wait
    bool start_asked;       // private from here: start when the forecast is there
    bool described;         // the preparation was told
    bool brief;             // and its source, so that the next time is brief
    background_phase phase; // as told last
    buf pasted;
    char *left;     // the name of the training that was left to a process of its own; NULL: none
    char *unwanted; // QUESTION_DISCARD: the name of the training that would go
} chat_train;

chat_train *chat_train_new(void);
void chat_train_free(chat_train *t);

unsigned chat_train_run(chat *c, const char *args);  // the command /train
unsigned chat_train_show(chat *c);                   // without a word: how far it is, what is prepared
unsigned chat_train_list(chat *c, const char *args); // /train list
bool chat_train_runs(const chat *c);                 // one trains here, or is followed
void chat_train_greet(chat *c);                      // at the start: notes of trainings elsewhere, or that were cut off

// For chat.c: takes in what was read and forecast; tells what the training told (BACKGROUND_ flags). CHAT_ flags.
unsigned chat_train_pump(chat *c);
unsigned chat_train_news(chat *c, unsigned news);

// Reading or forecasting, or waited for by /train wait: the line REPL takes no new line meanwhile. progress gets what to
// say about it.
bool chat_train_busy(const chat *c);
void chat_train_progress(const chat *c, buf *progress);
unsigned chat_train_interrupt(chat *c); // ends that (Ctrl-C)

// Prepares a training on files, or on pasted text; begins what was prepared (as soon as its forecast is there); takes
// up what was learned last.
unsigned chat_train_files(chat *c, const char *const *paths, size_t n);
unsigned chat_train_text(chat *c, const char *text, size_t n);
unsigned chat_train_start(chat *c);
unsigned chat_train_try(chat *c);
unsigned chat_train_discard(chat *c); // asks before it does

// A line of /train paste, without its line break.
unsigned chat_train_paste_line(chat *c, const char *line);

// Wants to leave. True: nothing stands in the way. False: something trains here, and QUESTION_LEAVE was asked: the line
// "k" submitted keeps it training without this program, "s" stops it with everything saved, "c" stays.
bool chat_train_may_leave(chat *c, unsigned *flags);
bool chat_train_leave_answer(chat *c, const char *text, unsigned *flags); // false: text is none of these

// Lines for the person: what is prepared, with authors and forecast; how far the training is.
void chat_train_describe(const tuning *t, bool brief, buf *out); // brief: without the source and its beginning
void chat_train_forecast_line(const tuning *t, buf *out);
void chat_train_status_line(const background_state *s, buf *out);
void chat_train_time(double seconds, buf *out); // "40 s", "4 min", "1.5 h"

const char *chat_train_own_path(const chat *c); // of the training that this process runs; NULL: none

// Appends a line for every word that may follow /train.
void chat_train_help(buf *out);
const char *chat_train_word(size_t i); // "imitate": what may follow /train; NULL behind the last

#endif
