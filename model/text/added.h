// Added tokens: texts that are cut out whole before a text is split and merged, such as <|im_end|>.
#ifndef DOPPEL_TEXT_ADDED_H
#define DOPPEL_TEXT_ADDED_H

#include "model/text/trie.h"

typedef struct added_token {
    int32_t id;
    bool special;        // cut out only where special tokens are wanted
    bool single_word;    // not where a letter or digit touches it
    bool lstrip, rstrip; // takes the white space beside it along
} added_token;

// One set is looked for in the text as it came, another (tokenizer.json's "normalized") after normalisation.
typedef struct added_set {
    added_token *tokens;
    size_t n, cap;
    trie texts; // text -> index in tokens
    bool first_bytes[256];
} added_set;

void added_init(added_set *a);
void added_free(added_set *a);
void added_put(added_set *a, const char *text, size_t len, added_token token); // the first of two equal texts stays

typedef struct added_match {
    size_t start, end; // bytes of the text that the token replaces
    size_t text_end;   // where its own text ends, without white space that it takes along
    int32_t id;
} added_match;

// The next token of a text of n bytes behind *m, which is all zero at first: leftmost, then longest. false when there is
// none. What one token took along of white space may yet begin the next one, whose start then is before the end of *m.
bool added_next(const added_set *a, const char *text, size_t n, bool want_special, added_match *m);

#endif
