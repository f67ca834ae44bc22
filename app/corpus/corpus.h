// app/corpus: what people have in (chat logs, pages of prose, archives of them), messages and training examples out.
//
// corpus_read takes files, folders and zip archives of every format in detect.h, told by their content, and hands over
// clean messages, oldest first, one at a time. It needs little memory whatever the size of the log: drafts wait in a
// spool (spool.h) until the whole input was seen, because only then dates, replies and mentions can be resolved.
//
//   bytes -> text_in -> a format's reader -> drafts (gather.h) -> selection and cleaning (deliver.h) -> messages
//
// Other rooms: people.h (who wrote how much), select.h and scrub.h (options below), session.h (where a conversation
// ends), layout.h (how it is written down for a model), examples.h (messages -> token blocks with a mask for the loss),
// pieces.h (texts cut into completions), pairs.h (question and answer from columns), dataset.h (what is stored, and
// forgetting a person).
#ifndef DOPPEL_CORPUS_H
#define DOPPEL_CORPUS_H

#include "app/corpus/people.h"
#include "app/corpus/scrub.h"
#include "model/base/base.h"

// Strings are UTF-8, hold no NUL, and are good until the callback returns.
typedef struct corpus_message {
    const char *author; // NULL in prose
    const char *text;   // never empty
    size_t n_text;
    const char *time; // "2026-11-20T12:06:00", with "Z" or "+02:00" where the source has an offset; NULL: not known
    int64_t reply_to; // number (from 0) of the message replied to; -1: none, or it is not among these
    bool bot;
    bool border;   // another conversation begins here: the first message of a file, channel, chat or example
    bool imitated; // by one of the people in options.imitate; true for everybody when there are none
} corpus_message;

typedef bool corpus_message_fn(void *arg, const corpus_message *m);                  // false: stop
typedef bool corpus_progress_fn(void *arg, int64_t bytes_done, int64_t bytes_total); // total -1: not known; false: stop

// All zero: everything is taken as it is. Strings outlive the call.
typedef struct corpus_options {
    const char *const *only; // keep these people's messages only (names after aliases)
    size_t n_only;
    const char *const *imitate; // marks these people's messages (corpus_message.imitated)
    size_t n_imitate;
    const char *const *aliases; // "a=b": what a wrote counts as written by b
    size_t n_aliases;
    bool no_bots;
    const char *after;  // "2026-11-20" or "2026-11-20T12:06": keep messages from then on
    const char *before; // keep messages earlier than this. With either, messages without a time are left out
    int min_length;     // characters
    bool dedupe;        // keep the first of messages with the same source id, or the same author, time and text
    unsigned scrub;     // SCRUB_ flags (scrub.h)
    const scrub_words *scrub_words; // may be NULL
    corpus_progress_fn *progress;   // may be NULL
    void *progress_arg;
} corpus_options;

// What was read. Zero-initialise; free with corpus_report_free.
typedef struct corpus_report {
    buf format;                       // "whatsapp"; several are joined with '+'
    int64_t messages;                 // handed over
    int64_t dropped;                  // system lines and messages without text, as the format's rules say
    int64_t left_out;                 // by the options
    int64_t skipped;                  // broken ones
    int64_t unread;                   // bytes behind the last intact message of texts that were cut off
    int64_t files, files_passed_over; // read; of folders and archives: not text, or not a log
    int64_t scrubbed[SCRUB_KINDS];
    people people;            // of the messages handed over
    char first[32], last[32]; // times of the earliest and latest message; "" when no message has one
    buf notes;                // lines for the person: which file was cut off, what was skipped
} corpus_report;

enum { CORPUS_DONE = 0, CORPUS_FAILED = -1, CORPUS_CANCELLED = 1 };

// Reads paths ("-" is standard input) in the given order as one log. Nothing is handed over before everything was read,
// so a log that cannot be used gives an error and no message. CORPUS_FAILED with a message also when no message is left.
// Any one thread; blocks; callbacks run on the caller's thread. o, fn and report may be NULL.
int corpus_read(const char *const *paths, size_t n_paths, const corpus_options *o, corpus_message_fn *fn, void *arg,
                corpus_report *report, error *err);
void corpus_report_free(corpus_report *r);

// Appends m as one line of canonical JSONL, LF included.
void corpus_write_message(buf *out, const corpus_message *m);

#endif
