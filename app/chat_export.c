// /save: the conversation as a file.
#include "app/chat_impl.h"
#include "app/session_export.h"
#include "model/file/outfile.h"

#include <stdlib.h>

int chat_export(const chat *c, const char *path, error *err) {
    session s;
    buf out = {0};
    chat_turns_session(c, &s);
    session_write(&s, session_format_of(path), &out);
    int failed = outfile_replace(path, buf_str(&out), out.len, err);
    free(s.messages);
    buf_free(&out);
    return failed;
}
