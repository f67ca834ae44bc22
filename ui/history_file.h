// The file of submitted lines ($DOPPEL_HOME/history), shared by the full screen, the line REPL and every doppel that
// runs at the same time: read at the start, appended to line by line. Private (0600). Its format is libedit's.
#ifndef DOPPEL_HISTORY_FILE_H
#define DOPPEL_HISTORY_FILE_H

#include <histedit.h>

enum { HISTORY_LINES = 1000 };

// Sets h up (size, no repeats) and fills it from the file. Without a home, or with a broken file, h is just empty.
void history_file_load(History *h);

// Enters text into h and appends it to the file. Texts of more than 64 kB are entered only.
void history_file_add(History *h, const char *text);

#endif
