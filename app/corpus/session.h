// Where one conversation ends and the next begins: at a border of the source, or where nobody wrote for a while.
#ifndef DOPPEL_CORPUS_SESSION_H
#define DOPPEL_CORPUS_SESSION_H

#include "app/corpus/corpus.h"

enum { SESSION_GAP_MINUTES = 60 };

typedef struct session_splitter {
    int gap_minutes; // 0: SESSION_GAP_MINUTES
    bool begun, has_last;
    int64_t last; // seconds
} session_splitter;

// Call for every message in order: does a session begin with this one? Messages without a time stay in the session.
bool session_begins(session_splitter *s, const corpus_message *m);

#endif
