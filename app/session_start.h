// Which conversation a chat begins with: the store is opened, and the session in it found that goes on.
#ifndef DOPPEL_SESSION_START_H
#define DOPPEL_SESSION_START_H

#include "app/store.h"

typedef struct session_start {
    store *store;      // NULL: nothing is kept
    int64_t session;   // to go on with; 0: a new one
    const char *title; // of a new one; NULL: its first message gives it one
    char *model;       // that the session was held with, where it is still there; NULL: none
    buf notes;         // what to tell, a line each
    error complaint;   // why nothing is kept; "" for nothing
} session_start;

// name: the session that was asked for (a number or a title; a new one is begun under a title that there is not), or
// NULL. resumes: without a name, the one that was open last goes on, if no other doppel has it. 0, or -1 with a message
// when the name cannot be understood.
int session_start_open(session_start *s, const char *name, bool resumes, error *err);
void session_start_free(session_start *s); // all but the store, which the chat takes over

#endif
