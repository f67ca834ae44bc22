// A file cut into texts: lines, JSON strings line by line, or paragraphs.
#ifndef DOPPEL_TEXTS_H
#define DOPPEL_TEXTS_H

#include "model/base/base.h"

typedef enum texts_cut {
    TEXTS_LINES,      // every line, the empty ones too, without its end (LF or CRLF)
    TEXTS_JSON_LINES, // a JSON string on each line that is not blank
    TEXTS_PARAGRAPHS, // lines without a blank one between them; long ones are cut at the end of a line
} texts_cut;

enum { TEXTS_LONG_PARAGRAPH = 1000 }; // bytes after which a paragraph is cut

typedef struct text_place {
    size_t at, len; // in bytes
    size_t line;    // where it begins, from 1
} text_place;

typedef struct texts {
    buf bytes;
    text_place *places; // in their order
    size_t n, cap;
} texts;

// Reads path ("-": standard input). 0, or -1 with a message that names the file and the line. Free with texts_free in
// both cases.
int texts_read(texts *t, const char *path, texts_cut cut, error *err);
void texts_free(texts *t);

bool texts_blank(const char *s, size_t n); // nothing but white space

#endif
