// The file of submitted lines ($DOPPEL_HOME/history), shared by the full screen, the line REPL and every doppel that
// runs at the same time: loaded by libedit at the start, appended to line by line. Private (0600), in libedit's format.
#ifndef DOPPEL_HISTORY_FILE_H
#define DOPPEL_HISTORY_FILE_H

#include "model/base/base.h"

// Whether there is one that libedit can load: it would wait for whoever writes to a pipe of that name.
bool history_file_is_there(const char *path);

// Appends one line (UTF-8, may hold newlines), making the file if need be. 0, or -1 with a message.
int history_file_append(const char *path, const char *line, error *err);

// Cuts the file to its newest `keep` lines, in one step. A file that cannot be cut stays as it is.
void history_file_shorten(const char *path, int keep);

#endif
