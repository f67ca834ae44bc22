// Logs told by the look of their lines: each reader also says whether a line has its look.
#ifndef DOPPEL_CORPUS_TEXT_LOG_H
#define DOPPEL_CORPUS_TEXT_LOG_H

#include "app/corpus/format.h"
#include "app/corpus/span.h"

bool whatsapp_matches(span line);
bool irc_matches(span line);
bool imessage_matches(span line);
size_t paste_count(span line); // of headers in the line (paste_header.h)

#endif
