// How a conversation is written down for a model, in training and in chatting alike.
//
// lines (the default)     Nadia V: hi there<newline>
//                         a line break inside of a message is followed by two spaces
// turns                   the turn markers of the model's chat format with the name as role:
//                         <|im_start|>Nadia V<newline>hi there<|im_end|><newline>
//
// With times a header also tells when: "[2026-11-20 12:06] Nadia V:", or the role "Nadia V [2026-11-20 12:06]".
// Prose has no headers: its paragraphs stand as they are, with a blank line between them.
//
// A turn is header + body + end + tail. Body and end are what the author "says": they count in the loss.
#ifndef DOPPEL_CORPUS_LAYOUT_H
#define DOPPEL_CORPUS_LAYOUT_H

#include "app/corpus/layout_kind.h"
#include "model/text/chat_format.h"

typedef struct layout {
    layout_kind kind;
    bool times;
    char *open, *middle, *end, *tail; // turns: open NAME middle text end tail; NULL for lines
} layout;

// format is needed for turns only. -1 with a message when its markers have no place for a name.
int layout_open(layout *l, layout_kind kind, bool times, const chat_format *format, error *err);
void layout_free(layout *l);

// time may be NULL. Marks of the chat format inside of a name are broken up, line breaks become spaces.
void layout_header(const layout *l, const char *author, const char *time, buf *out);
// What follows the header, without end and tail. author NULL: prose.
void layout_body(const layout *l, const char *author, const char *text, size_t n, buf *out);
const char *layout_end(const layout *l, const char *author);
const char *layout_tail(const layout *l);

// A generated body back to the text of a message: the line breaks of `lines` are undone, blanks at the ends go.
void layout_unwrap(const layout *l, const char *body, size_t n, buf *out);

#endif
