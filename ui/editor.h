// The prompt's line editor: libedit under a screen that libedit knows nothing of.
//
// libedit edits only when its descriptors are a terminal, and draws on it. It gets a private pseudo-terminal that nobody
// reads and streams on /dev/null; what it would have drawn is taken from its line buffer. Its get-character function,
// which must block, is where the program's event loop runs: editor_line does not return before a line is submitted, and
// all that happens meanwhile happens inside the function given to editor_open. From there the calls marked (loop) may
// be made.
#ifndef DOPPEL_UI_EDITOR_H
#define DOPPEL_UI_EDITOR_H

#include "model/base/base.h"

#include <wchar.h>

typedef struct editor editor;

// Waits for the next character for the editor: 1 with *c set, or 0 at the end of input.
typedef int (*editor_next)(void *arg, wchar_t *c);

// Reads ~/.editrc ($EDITRC) and the history file (NULL: none is kept). The locale must be set. NULL with a message.
editor *editor_open(const char *history_path, editor_next next, void *arg, error *err);
void editor_close(editor *e); // NULL is fine

// Edits one line; returns it as UTF-8, which the caller frees, or NULL when input has ended or Ctrl-D was typed on an
// empty line.
char *editor_line(editor *e);

// Adds a line to the history, and at once to its file, which is made 0600 if need be. -1 with a message when the file
// cannot be written; the line is in the history of this session all the same.
int editor_remember(editor *e, const char *line, error *err);

// What stands in the line buffer.
typedef struct editor_view {
    const wchar_t *text; // n characters, not terminated
    size_t n, cursor;
    const wchar_t *search; // the pattern of a running search, n_search characters; NULL: none runs
    size_t n_search;
    char search_mark; // '<' back, '>' forward, '/' and '?' vi's, ':' a command
    bool search_failed;
} editor_view;

// libedit does not tell that it searches: text that looks like its search line, with the cursor before it, is taken for
// one.
void editor_look(const editor *e, editor_view *v); // (loop)

void editor_insert(editor *e, const wchar_t *text, size_t n); // (loop) at the cursor
void editor_erase(editor *e, size_t n);                       // (loop) n characters before the cursor
void editor_move(editor *e, size_t cursor);                   // (loop)
// (loop) The text before the cursor as UTF-8, n bytes; the caller frees it.
char *editor_before_cursor(const editor *e, size_t *n, bool *at_end);

// Did the user's file bind this sequence of bytes?
bool editor_is_bound(const editor *e, const char *bytes, size_t n);

// Does the user edit with vi's keys, where Escape is a command? In emacs mode it would be the first half of a later key.
bool editor_is_vi(const editor *e);

// (loop) Is the next character taken as it is, whatever it is bound to (after Ctrl-V)?
bool editor_quotes(const editor *e);

#endif
