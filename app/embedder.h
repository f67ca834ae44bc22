// From texts to embeddings: an encoder model with its tokenizer, for the commands that compare meanings.
#ifndef DOPPEL_EMBEDDER_H
#define DOPPEL_EMBEDDER_H

#include "app/texts.h"
#include "model/net/encoder.h"
#include "model/text/tokenizer.h"

enum { EMBEDDER_GROUP = 64 }; // texts that are worth giving at once

typedef struct embedder {
    model_file *file;
    tokenizer *tokenizer;
    encoder *encoder;
    encoder_pooling pooling; // the model's own unless set
    bool normalize;          // true unless set: embeddings have length 1
    size_t n_cut;            // texts that were longer than the model reads
    size_t n_left_out;       // tokens of theirs that it did not read
    id_list ids;
} embedder;

// model: as for paths_model; NULL: the model that config.json names if it is an encoder, else the first encoder under
// models/. 0, or -1 with a message. Close in both cases.
int embedder_open(embedder *e, const char *model, int threads, error *err);
void embedder_close(embedder *e);

// Embeddings of n texts of bytes: out (n, encoder_width). 0, or -1 with a message.
int embedder_run(embedder *e, const char *bytes, const text_place *places, size_t n, float *out, error *err);

// One line on standard error if any text was cut.
void embedder_report_cuts(const embedder *e, const char *path);

// "mean" or "cls"; false for another word.
bool embedder_pooling_named(const char *name, encoder_pooling *out);

#endif
