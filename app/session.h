// A conversation as it is kept: a tree of messages. Each follows another one (its parent); several that follow the same
// one are alternatives, and one of them is chosen: from the beginning along the chosen ones runs the conversation as it
// is shown and as the model reads it. Nothing is ever taken out of the tree.
#ifndef DOPPEL_SESSION_H
#define DOPPEL_SESSION_H

#include "model/gen/generate.h"

typedef struct session_message {
    int number; // counts from 1 within its session, in the order of making
    int parent; // the message it follows; 0: it is a first one
    bool chosen;
    bool is_answer;     // the model wrote it; else a person
    bool is_unsent;     // a person's: still to be sent when it was written down
    bool is_failed;     // a person's: got no answer and is no part of what the model reads
    bool is_unfinished; // an answer that was growing when it was written down
    gen_stop stop;      // of a finished answer
    int n_tokens;
    int64_t time; // seconds since 1970
    char *author; // UTF-8; these four are never NULL
    char *text;
    char *model; // path of the model that wrote an answer; ""
    char *setup; // JSON object: what else it was written with (adapters, settings, seed); ""
} session_message;

typedef struct session {
    int64_t id; // never used again, also after the session is removed; 0: not stored yet
    char *title;
    bool is_named;             // the title was given by a person, not taken from the first message
    int64_t created, changed;  // seconds since 1970
    int length;                // messages along the chosen ones, for lists
    char *system;              // "": the model's own
    char *model, *setup;       // as in the messages; what the conversation goes on with
    session_message *messages; // in the order of their numbers
    size_t n_messages, cap_messages;
} session;

void session_message_free(session_message *m);
void session_free(session *s); // what it holds; s is empty then

// The indices of the messages of the conversation, in order (room for n_messages); returns how many there are. A damaged
// tree (a circle, a missing parent) gives a shorter conversation.
size_t session_path(const session *s, size_t *out);

// A title from a first message: its first line without control characters, cut at a word after some 60 characters.
char *session_title(const char *text);

// "2026-11-20 12:06", local time. out has room for 32.
const char *session_when(int64_t time, char out[32]);

#endif
