// The training text behind an adapter, beside a running chat: a thread at idle priority reads the files and makes an index
// of them (copies.h), later it looks up where a span that was copied comes from. Everything below is called by one thread
// (main).
//
// The text itself is not kept: to find a source the files are read again, so that a log of 100 MB costs its index alone.
// Files that are gone are told, and the others serve.
#ifndef DOPPEL_STYLE_SOURCES_H
#define DOPPEL_STYLE_SOURCES_H

#include "app/style/copies.h"

enum { SOURCES_SPANS = 8 };

typedef struct sources sources;

// Where a span comes from: the message that has most of it in a row.
typedef struct source_hit {
    char *span;                        // what was asked for
    char *author, *time, *text, *file; // NULL where there is none; text is cut around the span when it is long
    size_t start, end;                 // the span in text
} source_hit;

// Begins to read. NULL with a message when no thread could be made.
sources *sources_open(const char *const *files, size_t n, error *err);
void sources_close(sources *s);                                         // stops what runs; NULL is fine
bool sources_are(const sources *s, const char *const *files, size_t n); // of these very files?

int sources_fd(const sources *s); // readable when there is something to take in
// Takes it in. SOURCES_READY: the index is there; SOURCES_FOUND: what sources_find asked for.
enum { SOURCES_READY = 1, SOURCES_FOUND = 2 };
unsigned sources_pump(sources *s);

bool sources_is_ready(const sources *s);
const copies *sources_index(const sources *s); // NULL until it is ready, or when there was nothing to read
const char *
sources_problem(const sources *s); // lines about what could not be read; "" for nothing; after SOURCES_READY

// Looks the spans up (at most SOURCES_SPANS of them). False while the last ones are still looked up, or before the index is
// ready.
bool sources_find(sources *s, const char *const *spans, size_t n);
const source_hit *sources_found(const sources *s, size_t *n); // after SOURCES_FOUND, until the next sources_find

#endif
