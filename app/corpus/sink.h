// Where imported lines go: standard output, or a file that appears only when it is complete.
#ifndef DOPPEL_CORPUS_SINK_H
#define DOPPEL_CORPUS_SINK_H

#include "model/base/base.h"

typedef struct sink {
    int fd;
    char *path;      // NULL: standard output
    char *temporary; // beside path until sink_commit
    buf waiting;
    bool failed;
    error err;
} sink;

// path NULL: standard output. 0, or -1 with a message.
int sink_open(sink *s, const char *path, error *err);
buf *sink_line(sink *s);  // append to this, then call sink_flush
bool sink_flush(sink *s); // writes when enough is waiting; false when writing failed, now or before (s->err)
// Writes what waits and gives the file its name. 0, or -1 with a message. The sink is closed in either case.
int sink_commit(sink *s, error *err);
void sink_discard(sink *s); // nothing appears at path; harmless after sink_commit and on a zeroed sink

#endif
