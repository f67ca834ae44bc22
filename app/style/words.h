// The words of a text as they count when texts are compared: without regard to letter case, punctuation, composed or
// compatible forms of letters. "Don't!" and "don’t" are one word. Where words are written without spaces (ideographs, kana),
// every character counts as one.
#ifndef DOPPEL_STYLE_WORDS_H
#define DOPPEL_STYLE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct word {
    size_t start, end; // bytes of the text
    uint32_t hash;     // never 0
    bool complete;     // false: the text ends here, and more of it may go on with the word
} word;

// The first word that begins at or behind byte *at; moves *at behind it. False when there is none (and *at is where one
// may begin once there is more text). Bytes that are no UTF-8 stand between words.
bool word_next(const char *s, size_t n, size_t *at, word *out);

#endif
