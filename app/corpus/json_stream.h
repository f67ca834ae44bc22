// JSON out of a stream: walks into the objects and arrays that hold the messages and hands out one message at a time
// as text that cJSON can parse without loss.
//
// cJSON cuts a string at \u0000, rejects a lone surrogate and rounds integers above 2^53. A value is therefore
// rewritten where it has such a thing: \u0000 goes, a lone surrogate becomes \ufffd, a long integer becomes a string.
//
// What is broken costs as little as possible: a string ends at a raw line break (JSON has none), and after a broken
// value reading goes on at the next line that opens a value at the same indentation.
#ifndef DOPPEL_CORPUS_JSON_STREAM_H
#define DOPPEL_CORPUS_JSON_STREAM_H

#include "app/corpus/cjson.h"
#include "app/corpus/text_in.h"

typedef struct json_stream {
    text_in *in;
    buf scratch;   // a rewritten value
    buf key;       // the key that json_stream_key returned
    size_t indent; // of the value that comes next, if it stands first on its line
    bool first_on_line;
    int64_t intact; // place behind the last whole value taken (text_in_place)
} json_stream;

typedef enum json_got {
    JSON_END = 0,  // the object or array is closed
    JSON_GOT = 1,  // there is one
    JSON_CUT = -1, // the text ends here
    JSON_BAD = -2, // a broken or monstrous value was passed over
} json_got;

void json_stream_start(json_stream *j, text_in *in);
void json_stream_end(json_stream *j); // frees what j holds, not the text

char json_stream_next(json_stream *j);        // first byte of what comes next; '\0' at the end of the text
bool json_stream_eat(json_stream *j, char c); // takes c if it comes next

// Inside an object: the next key (its raw text, in j->key). JSON_BAD: what stands there is no key.
json_got json_stream_key(json_stream *j);
// Inside an array: is there another value?
json_got json_stream_item(json_stream *j);
// Takes a whole value and parses it (cJSON_Delete it). NULL with *got saying why.
cJSON *json_stream_parse(json_stream *j, json_got *got);
// Passes over a value of any size. JSON_GOT or JSON_CUT.
json_got json_stream_pass(json_stream *j);

// Parses n bytes with the same rewriting. NULL when they are not one JSON value.
cJSON *json_stream_whole(const char *s, size_t n);

#endif
