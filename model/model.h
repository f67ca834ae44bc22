// A model as the commands use it: file, tokenizer, chat format and weights opened together.
#ifndef DOPPEL_MODEL_H
#define DOPPEL_MODEL_H

#include "model/file/file.h"
#include "model/gen/generate.h"
#include "model/net/net.h"
#include "model/text/chat_format.h"

typedef struct model {
    model_file *file;
    tokenizer *tokenizer;  // NULL when the model has none (ids only)
    error tokenizer_error; // why tokenizer is NULL
    chat_format chat;
    net *net; // NULL when opened with MODEL_NO_WEIGHTS
} model;

enum { MODEL_NO_WEIGHTS = 1 };

// path: a file or directory. 0, or -1 with a message and m zeroed. Close with model_close.
int model_open(model *m, const char *path, int threads, unsigned flags, error *err);
void model_close(model *m); // zeroed is fine

#endif
