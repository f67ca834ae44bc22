// Records of JSON: one a line, or the items of one array, or values one after the other.
#ifndef DOPPEL_CORPUS_JSONL_H
#define DOPPEL_CORPUS_JSONL_H

#include "app/corpus/gather.h"
#include "app/corpus/json_stream.h"

// Calls fn for every record that is JSON; number counts them from 0, broken ones included. What is broken is skipped
// and counted in g. Stops early when g->failed is set.
typedef void jsonl_record_fn(gather *g, const cJSON *record, int64_t number);
void jsonl_each(gather *g, text_in *in, jsonl_record_fn *fn);

#endif
