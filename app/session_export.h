// A conversation as a text for other programs.
//
// Markdown and plain text hold what is chosen, in order. JSON holds the whole tree:
//   {"id":3,"title":"...","created":"2026-11-20T12:06:00","changed":"...","system":"...","model":"...","messages":[
//    {"number":1,"parent":0,"chosen":true,"role":"user"|"model","author":"...","time":"...","text":"...",
//     "stop":"eos","tokens":9,"model":"...","setup":{...}}]}
// where stop, tokens, model and setup are an answer's; stop is null for one that still grows. Times are local.
#ifndef DOPPEL_SESSION_EXPORT_H
#define DOPPEL_SESSION_EXPORT_H

#include "app/session.h"

typedef enum session_format { SESSION_MARKDOWN, SESSION_TEXT, SESSION_JSON } session_format;

// "md", "txt" or "json"; false for another word.
bool session_format_named(const char *name, session_format *out);
// By the ending of a file's name; Markdown unless it is .txt or .json.
session_format session_format_of(const char *path);

void session_write(const session *s, session_format format, buf *out);

#endif
