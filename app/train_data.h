// What a training learns from: files, logs and ids to rows of tokens, and what of them is held out.
//
// Prose is one stream of tokens per file, cut into rows at another place in every epoch. Instruction files (prompt and
// completion, chat messages, ShareGPT) are examples of which the answers count. Everything else is a chat log: the
// turns of the people to imitate count. Held out are whole files, examples or conversations; where there are too few of
// them, the last part of what there is.
#ifndef DOPPEL_TRAIN_DATA_H
#define DOPPEL_TRAIN_DATA_H

#include "app/corpus/gaps.h"
#include "app/train_settings.h"
#include "model/learn/batches.h"
#include "model/model.h"

typedef struct train_data {
    batches train, held_out; // held_out.ids NULL: none
    int64_t learned;         // labels that count in an epoch
    int64_t held_out_labels;
    double characters; // of the text of the held-out labels; 0: not known
    char **authors;    // everyone who wrote something
    size_t n_authors;
    bool chat; // authors, layout and gaps mean something
    gaps gaps;
    buf notes; // lines for the person
} train_data;

enum { TRAIN_DATA_DONE = 0, TRAIN_DATA_FAILED = -1, TRAIN_DATA_STOPPED = 1 };

// Reads everything. go_on (may be NULL) is asked now and then; false gives TRAIN_DATA_STOPPED. Free with
// train_data_free in every case.
int train_data_open(train_data *d, const train_settings *s, const model *m, bool (*go_on)(void *arg), void *arg,
                    error *err);
void train_data_free(train_data *d);

// Leaves so many held-out rows at most, evenly spread: all that an evaluation reads.
void train_data_thin(train_data *d, const model *m, size_t rows);

// The text of all files as it will be learned, for making a tokenizer out of it. 0, or -1 with a message.
int train_data_text(const train_settings *s, buf *out, error *err);

#endif
