// What keeping a conversation needs to remember. Shared by chat_keep.c, chat_state.c and chat_along.c; nobody else includes
// this.
#ifndef DOPPEL_CHAT_KEEPER_H
#define DOPPEL_CHAT_KEEPER_H

#include "app/chat_impl.h"

#include <sys/types.h>

typedef struct keeper {
    char *kv_dir;
    bool remembers;
    char *model, *setup; // what the session is written with; of an entered one as stored, until its model is loaded
    buf head;            // of the session as the store has it
    unsigned revision;   // of the turns as the store has them
    bool was_answering;  // when it looked last
    int n_failures;
    error why;
    bool has_complained;
    int64_t due;                // milliseconds: when to try or look again; 0: not at all
    int64_t version;            // of the database, in a session that is read along
    pid_t owner;                // of that session
    int n_past;                 // of the state that was kept, or recalled
    bool must_recall, is_fresh; // is_fresh: answered since the state was kept
} keeper;

int64_t chat_keeper_now(void); // milliseconds
bool chat_keeper_is_due(const keeper *k);

enum { CHAT_ALONG_MS = 250 }; // between two looks at a session that is read along

#endif
