// doppel import, shared by its files: cmd_import.c (messages and people), import_examples.c (training examples and
// --dry-run), import_texts.c (completions, pairs).
#ifndef DOPPEL_IMPORT_JOB_H
#define DOPPEL_IMPORT_JOB_H

#include "app/corpus/corpus.h"
#include "app/corpus/sink.h"
#include "app/options.h"
#include "model/text/chat_format.h"

typedef struct import_job {
    options common;
    const char *out, *save, *to, *scrub, *words, *layout, *keep, *columns, *template_name;
    bool authors, dry_run, times;
    int block_size, batch_size, session_gap, piece, tokens;
    option_list only, imitate, aliases;
    buf stored; // the path behind --save
    scrub_words *scrub_words;
    corpus_options select;
    corpus_report report;
    sink sink;
    int64_t lines; // written, where they are not messages
} import_job;

// Reads the files named on the command line with the job's options, bar and Ctrl-C included; CORPUS_ as corpus_read.
int import_read(import_job *job, corpus_message_fn *fn, void *arg, error *err);

// What --to names. They write to job->sink; CORPUS_.
int import_examples(import_job *job, error *err);
int import_dry_run(import_job *job, error *err); // prints
int import_completions(import_job *job, error *err);
int import_pairs(import_job *job, error *err);

// The tokenizer of the job's model, and its chat format (format may be NULL). NULL with a message.
tokenizer *import_tokenizer(const import_job *job, chat_format *format, error *err);

#endif
