// A JSON document checked once and then read in place: a value is a slice of the text, nothing is copied until a string
// is asked for. For tokenizer files (hundreds of thousands of small values) and for text that must survive whole:
// "\u0000" is a NUL byte, a lone surrogate becomes U+FFFD.
#ifndef DOPPEL_TEXT_JSON_H
#define DOPPEL_TEXT_JSON_H

#include "model/base/base.h"

typedef enum json_kind {
    JSON_ABSENT, // what json_get gives for a missing key; every reader below takes it for "not there"
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
} json_kind;

typedef struct json {
    const char *at, *end; // from the value's first byte to the end of the document; NULL when absent
} json;

// Checks that text is one JSON value with nothing after it (depth at most 128). The slices refer to text, which must
// outlive them. 0, or -1 with a message that names line and column.
int json_check(const char *text, size_t n, json *root, error *err);

json_kind json_type(json v);
json json_get(json object, const char *key); // the last of equal keys; absent when there is none or v is no object

// Goes through an array (key may be NULL) or object: `json_iter it = json_begin(v); while (json_next(&it, &k, &x))`.
typedef struct json_iter {
    const char *at, *end;
    bool object;
} json_iter;
json_iter json_begin(json v);
bool json_next(json_iter *it, json *key, json *value);

bool json_string(json v, buf *out);     // replaces out's content; false (out empty) when v is no string
bool json_is(json v, const char *text); // a string equal to text
bool json_int(json v, int64_t *out);    // false when v is no integer of 64 bits
bool json_double(json v, double *out);  // false when v is no number
bool json_bool(json v, bool fallback);

#endif
