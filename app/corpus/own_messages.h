// Messages of one channel in a Discord data package: collected, because the files are written newest first, and
// gathered in the order of their ids.
#ifndef DOPPEL_CORPUS_OWN_MESSAGES_H
#define DOPPEL_CORPUS_OWN_MESSAGES_H

#include "app/corpus/gather.h"

// Reads messages.json or messages.csv of a channel. owner is the author of everything in it.
void own_messages_read(gather *g, text_in *in, const char *owner);

#endif
