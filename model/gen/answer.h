// The text of an answer as it grows: ids become characters, the answer is searched for stop strings, and what could
// still become one is held back from being shown.
#ifndef DOPPEL_GEN_ANSWER_H
#define DOPPEL_GEN_ANSWER_H

#include "model/gen/settings.h"
#include "model/text/tokenizer.h"

typedef enum answer_end { ANSWER_GOES_ON, ANSWER_STOP_TEXT, ANSWER_MAX_CHARS } answer_end;

typedef struct answer {
    bool has_tokenizer;
    text_stream stream;
    buf text;      // whole characters only
    size_t chars;  // in text
    size_t shown;  // bytes of text that answer_news gave out
    bool finished; // nothing is held back any more
} answer;

answer answer_start(const tokenizer *t); // t NULL: the text stays empty
void answer_free(answer *a);

// Adds what id says. When the text now holds a stop string or max_chars characters it is cut there, and finished; with
// whole_words, once a good place to end near max_chars is known.
// Stop strings are looked for in what was not shown yet.
answer_end answer_add(answer *a, const gen_settings *s, int32_t id);
// Nothing follows: half a character becomes U+FFFD, what was held back may be shown.
void answer_finish(answer *a);
// The text that may be shown now and was not before, n bytes, valid until the next call with a.
const char *answer_news(answer *a, const gen_settings *s, size_t *n);

#endif
