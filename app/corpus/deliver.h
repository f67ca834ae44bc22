// From gathered drafts to messages: order, times, mentions and replies are settled; the person's options select and
// clean; what is left is numbered and handed over.
#ifndef DOPPEL_CORPUS_DELIVER_H
#define DOPPEL_CORPUS_DELIVER_H

#include "app/corpus/gather.h"

// fn may be NULL (only the report is wanted). Returns CORPUS_DONE, CORPUS_FAILED with a message, CORPUS_CANCELLED.
int deliver(gather *g, const corpus_options *o, corpus_message_fn *fn, void *arg, corpus_report *report, error *err);

#endif
