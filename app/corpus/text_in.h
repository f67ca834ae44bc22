// Bytes from anywhere in, clean UTF-8 out, a piece at a time.
//
// A byte-order mark is dropped and UTF-16 converted when one announces it; Latin-1 is converted when the beginning of
// the text says so (charset=, coding:, encoding=) and is not UTF-8. CRLF and lone CR become LF, NUL bytes go, every
// byte that is not part of valid UTF-8 becomes U+FFFD. Memory is the size of what the reader asks to see at once.
#ifndef DOPPEL_CORPUS_TEXT_IN_H
#define DOPPEL_CORPUS_TEXT_IN_H

#include "model/base/base.h"

#include <sys/types.h>

// Where bytes come from: a file, standard input, a member of a zip archive, memory.
typedef struct byte_source {
    ssize_t (*read)(void *self, void *bytes, size_t n); // 0 at the end, -1 with errno on failure
    void (*close)(void *self);                          // may be NULL
    void *self;
    int64_t size; // -1: not known
} byte_source;

// A file, or standard input for "-". 0, or -1 with a message.
int byte_source_file(const char *path, byte_source *out, error *err);
// A file that doppel keeps for itself: a pipe or a device under its name is an error (model/base/plain_file.h).
int byte_source_plain(const char *path, byte_source *out, error *err);
// n bytes that outlive the source.
byte_source byte_source_memory(const char *bytes, size_t n);

// Called now and then with the number of bytes read since the last call (0: a signal came in). Returns false to stop reading.
typedef bool text_in_progress_fn(void *arg, size_t bytes);

typedef struct text_in text_in;

text_in *text_in_open(byte_source source); // takes the source over
void text_in_close(text_in *t);            // NULL is fine
void text_in_on_progress(text_in *t, text_in_progress_fn *fn, void *arg);

// Shows the text from the current place on: at least `want` bytes unless the text ends before. *n is what there is.
// The pointer is good until the next call.
const char *text_in_peek(text_in *t, size_t want, size_t *n);
void text_in_skip(text_in *t, size_t n); // n bytes that a peek has shown

// The next line without its LF (good until the next call); false at the end of the text.
bool text_in_line(text_in *t, const char **line, size_t *n);

// What became of the bytes so far.
typedef enum text_in_state { TEXT_IN_FINE, TEXT_IN_FAILED, TEXT_IN_STOPPED } text_in_state;
text_in_state text_in_status(const text_in *t);
int64_t text_in_place(const text_in *t);  // bytes of clean text skipped so far
bool text_in_is_binary(const text_in *t); // more than 1 byte in 10 so far was NUL or invalid

// What the bytes are if they begin like something that is no text ("a PNG image"); NULL otherwise. Reads the beginning.
const char *text_in_signature(text_in *t);

#endif
