// What the CSV and text files of DiscordChatExporter share: neither says what kind of message a row is.
#ifndef DOPPEL_CORPUS_DCE_H
#define DOPPEL_CORPUS_DCE_H

#include "app/corpus/span.h"

// The whole text is one that the exporter writes for a system message ("Pinned a message.").
bool dce_is_system(span text);

#endif
