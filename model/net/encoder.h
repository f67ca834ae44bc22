// Encoders: transformers that read a text as a whole and give one vector for it, its embedding (BERT, DistilBERT).
//
// They are made of the decoder's parts (linear.h, the norms and attention of model/math) in another arrangement: every
// position sees all the others of its text, norms stand behind the sums, nothing is kept from one text to the next.
// An encoder belongs to one thread at a time; the file it was opened from must outlive it.
#ifndef DOPPEL_NET_ENCODER_H
#define DOPPEL_NET_ENCODER_H

#include "model/file/file.h"

typedef struct encoder encoder;

// How the vectors of a text's positions become one.
typedef enum encoder_pooling {
    ENCODER_MEAN, // their mean, the special tokens' included
    ENCODER_CLS,  // the first position's
} encoder_pooling;

// Whether the file says that it is of a family below; it may still be damaged.
bool encoder_is_one(const model_file *f);

// threads: of its team; 0: all cores. NULL with a message: another kind of model, settings out of range, a tensor
// missing or of another shape, no memory.
encoder *encoder_open(const model_file *f, int threads, error *err);
void encoder_close(encoder *e); // NULL is fine

int encoder_width(const encoder *e);                       // components of a vector
int encoder_n_positions(const encoder *e);                 // tokens of the longest text it reads
int encoder_n_vocab(const encoder *e);                     // ids are below this
encoder_pooling encoder_default_pooling(const encoder *e); // what the model's files ask for, else the mean

typedef struct encoder_text {
    const int32_t *ids;
    int n; // 1 .. encoder_n_positions
} encoder_text;

// The embeddings of n texts: out (n, width). normalize: each is divided by its length. 0, or -1 with a message: an id
// outside the vocabulary, a text that is empty or too long, no memory, a result that is no number.
int encoder_embed(encoder *e, const encoder_text *texts, int n, encoder_pooling pooling, bool normalize, float *out,
                  error *err);

// The last hidden states of one text: *hidden (text.n, width), valid until the next call. Failures as above.
int encoder_hidden(encoder *e, encoder_text text, const float **hidden, error *err);

#endif
