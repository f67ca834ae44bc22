// Classes of characters as tokenizers mean them (Unicode properties, by utf8proc), and steps through UTF-8.
#ifndef DOPPEL_TEXT_UNICODE_H
#define DOPPEL_TEXT_UNICODE_H

#include "model/base/base.h"

bool unicode_is_space(uint32_t c);    // White_Space
bool unicode_is_word(uint32_t c);     // letters, marks, decimal digits, connectors: what regular expressions call \w
bool unicode_is_punct(uint32_t c);    // general category P
bool unicode_is_mark(uint32_t c);     // nonspacing mark (Mn): an accent by itself
bool unicode_is_any_mark(uint32_t c); // general category M
bool unicode_is_control(uint32_t c);  // control, format and private characters (Cc, Cf, Co)
bool unicode_is_cjk(uint32_t c);      // the ideographs that BERT sets apart by spaces

// The character that ends at s[at] (at > 0). Its length, with *c set; 0 when no valid character ends there.
int unicode_before(const char *s, size_t at, uint32_t *c);

// The part of s without white space at its ends (Python's str.strip()); *len is changed.
const char *unicode_strip(const char *s, size_t *len);

#endif
