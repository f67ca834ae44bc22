// How errors travel: a function returns -1 (or NULL) and leaves one sentence for the person at the keyboard.
// The sentence names the file, what was found, what was expected and what to do next; it has no trailing newline.
#ifndef DOPPEL_ERROR_H
#define DOPPEL_ERROR_H

typedef struct error {
    char text[1024];
} error;

// Writes the message (truncated if longer; control characters and invalid UTF-8 replaced, since names of files and
// tensors may come from strangers). err may be NULL. Always returns -1, so that `return error_set(err, ...)` reads well.
int error_set(error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Puts "prefix: " in front of what err already says. Always returns -1.
int error_prefix(error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
