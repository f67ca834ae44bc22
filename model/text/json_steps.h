// The "normalizer" and "pre_tokenizer" of a tokenizer.json, as steps of ours.
#ifndef DOPPEL_TEXT_JSON_STEPS_H
#define DOPPEL_TEXT_JSON_STEPS_H

#include "model/text/json.h"
#include "model/text/normalizer.h"
#include "model/text/split.h"

// Add the steps of v (null and absent: none). -1 with a message (without a file name) for a type that doppel does not
// know or a damaged one.
int json_steps_normalizer(json v, normalizer *n, error *err);
int json_steps_splitter(json v, splitter *s, error *err);

// Whether v, or a member of the sequence v, is of this type.
bool json_steps_has(json v, const char *type);

// One of BERT's two normalisers, also used for vocab.txt. strip_accents goes with lowercase where the file says nothing.
void json_steps_bert(normalizer *n, bool clean, bool cjk, bool strip_accents, bool lowercase);
void json_steps_bert_splitter(splitter *s);

#endif
