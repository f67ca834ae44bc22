// Headers of messages copied out of the Discord client, in their several looks.
//
//   Ulti / JohnToday at 12:06 PM                  joined: nothing between name and stamp
//   Nadia V — 11/20/2026 12:06 PM                 dashed
//   TeXit / APP /  — 11/20/2026 12:06 PM          tall: name, badge and stamp on three lines
//   [12:06 PM]name: text                          compact
#ifndef DOPPEL_CORPUS_PASTE_HEADER_H
#define DOPPEL_CORPUS_PASTE_HEADER_H

#include "app/corpus/span.h"
#include "app/corpus/when.h"

typedef enum paste_look { PASTE_JOINED, PASTE_DASHED, PASTE_TALL, PASTE_COMPACT } paste_look;

typedef struct paste_header {
    paste_look look;
    span name;
    span text; // compact: what follows the name
    when time; // kind WHEN_UNKNOWN for Today, Yesterday and compact stamps
    bool bot;
} paste_header;

// The line is a header, or the stamp of a tall one (which has no name then).
bool paste_header_read(span line, paste_header *h);
// A header begins at line i: the number of its lines, 0 when there is none.
size_t paste_header_at(const span *lines, size_t n, size_t i, paste_header *h);

// How many headers a line holds, joined ones inside of it included.
size_t paste_count(span line);

// ---- text whose line breaks were lost: joined headers inside of long lines

bool paste_is_flat(const span *lines, size_t n);

typedef struct paste_stamp {
    size_t name, at, end; // where the name begins, where the stamp begins and ends
    when time;
} paste_stamp;

typedef struct paste_stamps {
    paste_stamp *list;
    size_t n, cap;
} paste_stamps;

// Finds all joined stamps and, by their recurrence, the names in front of them.
void paste_stamps_find(paste_stamps *p, span text);
void paste_stamps_free(paste_stamps *p);

#endif
