// What of a text stands word by word in another one: an index over a training text, and the marking of spans that were
// copied from it.
//
// A span is copied when each of its words belongs to six or more in a row that also stand in a row in the training text,
// within one message. Words are compared by their hashes (words.h): six of 32 bits each, so that a false match is not to
// be expected.
//
// The index keeps 4 bytes a word and 5.4 bytes for each run of six that differs from all before; a text of more than
// COPIES_MOST words is covered up to there.
#ifndef DOPPEL_STYLE_COPIES_H
#define DOPPEL_STYLE_COPIES_H

#include "model/base/base.h"

enum { COPIES_RUN = 6, COPIES_MOST = 16 << 20 };

typedef struct copies copies;

// One thread fills an index; once it is finished, any may read it.
copies *copies_new(void);
void copies_free(copies *c); // NULL is fine
// Adds a message, or more of one text (goes_on: runs may begin in what was added before). False when it is full, or when
// there is no memory for more: the rest need not be offered.
bool copies_add(copies *c, const char *text, size_t n, bool goes_on);
int copies_finish(copies *c, error *err); // after the last one. 0, or -1 with a message: no memory
bool copies_is_full(const copies *c);     // not all was taken in
size_t copies_n_words(const copies *c);
bool copies_has(const copies *c, const uint32_t run[COPIES_RUN]);

typedef struct copy_span {
    size_t start, end; // bytes of the text
    int words;
} copy_span;

// The spans of a text that grows. Zeroed is the beginning; free with copy_scan_free.
typedef struct copy_scan {
    copy_span *spans;
    size_t n, cap;
    size_t at;                   // bytes whose words are taken in
    int64_t n_words;             // taken in
    int64_t covered;             // words up to the end of the last span
    uint32_t hashes[COPIES_RUN]; // of the last words, a ring
    size_t starts[COPIES_RUN];
} copy_scan;

// Takes in what the text has beyond the last call. Its last word waits until it is complete, or until the text has ended.
void copy_scan_feed(copy_scan *s, const copies *c, const char *text, size_t n, bool ended);
void copy_scan_free(copy_scan *s); // and zeroes it

#endif
