// Small files read whole: tokenizer files, templates.
#ifndef DOPPEL_TEXT_FILE_H
#define DOPPEL_TEXT_FILE_H

#include "model/base/base.h"

// Puts DIR/NAME into out (NUL-terminated). 1 read; 0 there is no such file (out empty); -1 with a message: no regular
// file, not readable, larger than 512 MB.
int text_file_read(const char *dir, const char *name, buf *out, error *err);

#endif
