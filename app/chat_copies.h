// What the answers of a chat copied from the training text of its adapters: marks in the turns (chat_turn.copied), and
// where a span comes from. Main thread; the files are read beside it (app/style/sources.h).
#ifndef DOPPEL_CHAT_COPIES_H
#define DOPPEL_CHAT_COPIES_H

#include "app/chat.h"

// The adapters are others: their training text is read, that of earlier ones forgotten.
void chat_copies_follow(chat *c);
int chat_copies_fd(const chat *c);       // readable when there is something for chat_copies_pump; -1: nothing is read
bool chat_copies_reading(const chat *c); // the index is not there yet
unsigned chat_copies_pump(chat *c);      // takes it in, and marks; CHAT_ flags

void chat_copies_mark(chat *c);          // marks what is new in the turns
size_t chat_copies_count(const chat *c); // spans in the last answer
// Appends a line about the spans of an answer, such as: 2 spans of 6 words or more are copied: "...", "..."
void chat_copies_tell(const chat_turn *t, buf *out);
unsigned chat_copies_run(chat *c, const char *args); // /source

#endif
