// Pre-tokenizers: a text is cut into pieces before its bytes or characters are merged, by a sequence of steps. Every
// step cuts the pieces of the step before it.
#ifndef DOPPEL_TEXT_SPLIT_H
#define DOPPEL_TEXT_SPLIT_H

#include "model/base/base.h"

typedef enum split_behavior { // what becomes of a match (names as in tokenizer.json)
    SPLIT_ISOLATED,           // a piece of its own
    SPLIT_REMOVED,
    SPLIT_WITH_PREVIOUS, // the end of the piece before it
    SPLIT_WITH_NEXT,     // the beginning of the piece after it
    SPLIT_CONTIGUOUS,    // a piece of its own, together with the matches beside it
} split_behavior;

typedef enum split_prefix { SPLIT_PREFIX_NEVER, SPLIT_PREFIX_FIRST, SPLIT_PREFIX_ALWAYS } split_prefix;

typedef struct splitter splitter;

splitter *splitter_new(void);    // no steps: a text is one piece
void splitter_free(splitter *s); // NULL is fine

// Steps, in order. A pattern is a regular expression (PCRE2, UTF, Unicode properties); invert: what does not match is
// taken for the match. -1 with a message when it cannot be compiled.
int splitter_add_regex(splitter *s, const char *pattern, size_t len, split_behavior behavior, bool invert, error *err);
void splitter_add_literal(splitter *s, const char *text, size_t len, split_behavior behavior, bool invert);
// A piece that does not begin with a space gets one.
void splitter_add_prefix_space(splitter *s);
// From here on pieces are written in GPT-2's byte characters (byte_map.h).
void splitter_add_bytes(splitter *s);
// Spaces become `mark` (U+2581), in front of the text too as prefix says; split: a new piece begins at every mark.
void splitter_add_metaspace(splitter *s, const char *mark, size_t len, split_prefix prefix, bool split);

size_t splitter_n_steps(const splitter *s);

// Called with every piece in order; the bytes are only valid during the call. Returns 0, or -1 to stop.
typedef int (*split_sink)(void *arg, const char *piece, size_t len);

// Cuts a text (valid UTF-8). first: it is the beginning of what the user wrote (for SPLIT_PREFIX_FIRST). Pieces of
// splitters that end in byte characters are given as plain bytes. 0, or -1 when the sink stopped it or the
// pattern gave up (message). Any thread.
int splitter_run(const splitter *s, const char *text, size_t len, bool first, split_sink sink, void *arg, error *err);

// The pattern that GPT-2 splits by; also tokenizer.json's ByteLevel with use_regex.
#define SPLIT_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

#endif
