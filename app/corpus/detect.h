// Which format a text is in, told by its content (the table in detect.c); the first match wins.
#ifndef DOPPEL_CORPUS_DETECT_H
#define DOPPEL_CORPUS_DETECT_H

#include "app/corpus/format.h"

enum { DETECT_SAMPLE = 4 << 20 }; // bytes of text that are looked at

// Looks at the beginning of the text without taking anything. NULL with a message for JSON or CSV of no known kind.
// Any other text is prose at last.
const corpus_format *detect(text_in *in, error *err);
bool detect_is_prose(const corpus_format *f);

#endif
