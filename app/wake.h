// A pipe that wakes a thread out of poll: whoever has news for it calls wake_up, and it takes the byte out before it
// looks at the news.
//
// At most one byte is in the pipe, so that writing it never blocks, however often there is news.
#ifndef DOPPEL_WAKE_H
#define DOPPEL_WAKE_H

#include "model/base/base.h"

#include <stdatomic.h>

typedef struct wake {
    int read_end, write_end;
    atomic_bool is_pending; // the byte is in the pipe, or on its way
} wake;

int wake_open(wake *w, error *err); // neither end blocks, both are closed on exec; -1 with a message
void wake_close(wake *w);

int wake_fd(const wake *w); // readable after wake_up, until wake_clear
void wake_up(wake *w);      // from any thread, and from a signal handler
// Before looking for news: what is told after this makes the pipe readable again.
void wake_clear(wake *w);

#endif
