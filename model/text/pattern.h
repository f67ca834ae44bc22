// Regular expressions out of tokenizer files, compiled once (PCRE2) and searched for in texts. They are limited, not
// trusted: one that backtracks without end gives an error.
#ifndef DOPPEL_TEXT_PATTERN_H
#define DOPPEL_TEXT_PATTERN_H

#include "model/base/base.h"

typedef struct pattern pattern; // immutable: any number of threads may search with it

pattern *pattern_new(const char *text, size_t len, error *err); // NULL with a message (without a file name)
void pattern_free(pattern *p);                                  // NULL is fine

// What searching needs besides the pattern; one serves any number of patterns, in one thread.
typedef struct pattern_search pattern_search;
pattern_search *pattern_search_new(size_t longest); // the length of the longest text to be searched
void pattern_search_free(pattern_search *s);        // NULL is fine

// The first match of at least one byte at or after `from` in text, which is valid UTF-8: 1 found, 0 none, -1 with a
// message.
int pattern_find(const pattern *p, pattern_search *s, const char *text, size_t len, size_t from, size_t *start,
                 size_t *end, error *err);

#endif
