// A training that is being prepared: what to learn from, whom to imitate, how hard to try, and what that will cost.
//
// Used by the full screen's training mode and by /train in the line REPL alike. Reading a log and forecasting happen on
// a thread of its own; everything below is called by main, and tuning_pump takes in what that thread found after
// tuning_fd became readable. Of what is read the newest wish counts: choosing another file drops the one before.
#ifndef DOPPEL_TUNING_H
#define DOPPEL_TUNING_H

#include "app/train_settings.h"

typedef enum tuning_stage {
    TUNING_EMPTY,   // nothing chosen
    TUNING_READING, // the source is being read: bytes_done of bytes_total
    TUNING_READY,   // preview, authors and findings are there; the forecast may still be on its way
    TUNING_FAILED,  // err says why the source cannot be used
} tuning_stage;

typedef enum tuning_effort { TUNING_QUICK, TUNING_NORMAL, TUNING_THOROUGH, TUNING_EFFORTS } tuning_effort;

typedef struct tuning_author {
    char *name;
    int64_t messages, words;
    bool chosen;
} tuning_author;

typedef struct tuning_forecast {
    bool known;               // the numbers hold for what is chosen, or did a moment ago
    bool stale;               // another one is being worked out
    bool measured;            // seconds and bytes are known
    int64_t examples, tokens; // rows and tokens of one time through the data
    int steps;
    double epochs;               // times through the data
    double seconds, bytes;       // time; memory on top of what the chat takes
    double tokens_per_character; // about 0.25 where the model knows the language; 0: not known
} tuning_forecast;

enum { TUNING_LEAST_RANK = 1, TUNING_MOST_RANK = 128 };
#define TUNING_LEAST_RATE 1e-5
#define TUNING_MOST_RATE  1e-2

// Text in it comes from files as it is: whoever shows it filters control characters.
typedef struct tuning {
    tuning_stage stage;
    char *title;                     // "whatsapp.txt", "pasted text"; "" while empty
    int64_t bytes_done, bytes_total; // total -1: not known
    bool is_log;                     // has authors to choose from; else prose, or examples with answers
    char *format;                    // "whatsapp"
    int64_t messages, skipped;
    char first[32], last[32]; // times of the earliest and latest message; "": not known
    tuning_author *authors;   // who wrote most words first
    size_t n_authors;
    buf preview; // the first few messages or lines, one a line
    buf notes;   // lines for the person
    buf warning; // "3 e-mail addresses, 2 phone numbers, 1 key or token"; empty: nothing found
    bool scrub;  // replace them in what is learned
    tuning_effort effort;
    int rank;
    double rate; // learning rate
    char *name;  // of the adapter to be made
    tuning_forecast forecast;
    error err; // FAILED: why; READY: why it cannot be trained as it is chosen, "" when it can
    struct tuning_private *p;
} tuning;

tuning *tuning_new(error *err); // NULL with a message: no thread, no pipe
void tuning_free(tuning *t);    // ends what runs (within a second or two); NULL is fine
int tuning_fd(const tuning *t);
bool tuning_pump(tuning *t);       // true: something changed
bool tuning_busy(const tuning *t); // reading or forecasting

// Begins to read; what was chosen before is dropped. The model at model_path is what will be trained. What is wrong
// with the files is told by TUNING_FAILED.
void tuning_read_files(tuning *t, const char *model_path, const char *const *paths, size_t n);
// Pasted text: kept as a file under datasets/ first (a chat log becomes a data set of messages there, so that `doppel
// forget` finds it), so that --resume finds it. -1 with a message when it cannot be kept.
int tuning_read_text(tuning *t, const char *model_path, const char *text, size_t n, error *err);
void tuning_cancel(tuning *t); // back to TUNING_EMPTY
// Does a paste look like a chat log (not a message to the model)? Cheap: looks at its beginning. format gets its name.
bool tuning_is_log(const char *text, size_t n, char *format, size_t size);

// These make the forecast stale; effort, rank and rate have the new one at once.
void tuning_choose(tuning *t, size_t author, bool chosen);
// Chooses people by what was typed: "2", a name, or part of letter case of one; "all" for everybody. 0, or -1 with a
// message, and then nothing changed.
int tuning_choose_words(tuning *t, const char *const *words, size_t n, error *err);
size_t tuning_n_chosen(const tuning *t); // 0: everybody is learned
// The forecast found that the model was hardly trained on such text: it falls into many small tokens, costs more, and is
// learned less well.
bool tuning_is_strange(const tuning *t);
void tuning_set_effort(tuning *t, tuning_effort e);
void tuning_set_rank(tuning *t, int rank); // these two are cut to their range
void tuning_set_rate(tuning *t, double rate);
int tuning_set_name(tuning *t, const char *name, error *err); // -1 with a message: taken, or no name
void tuning_set_scrub(tuning *t, bool on);

const char *tuning_effort_name(tuning_effort e);              // "quick"
int tuning_effort_find(const char *word, tuning_effort *out); // -1: there is none of this name

// The settings to train with, ready for background_start: s went through train_settings_finish, arguments as train_run
// wants them are appended. Free s with train_settings_free. 0, or -1 with a message: nothing is read yet, an author
// without turns, too little text, a name that is taken.
int tuning_settings(tuning *t, train_settings *s, buf *arguments, error *err);

#endif
