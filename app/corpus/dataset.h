// Stored data: canonical JSONL files NAME.jsonl in $DOPPEL_HOME/datasets, and forgetting a person.
//
// An adapter's folder says in its run.json whom it was trained on: "authors" (everyone in its data) and "imitate" (who
// it learned to be), lists of names. Forgetting looks for the name among all strings of run.json.
#ifndef DOPPEL_CORPUS_DATASET_H
#define DOPPEL_CORPUS_DATASET_H

#include "model/base/base.h"

// Appends the path of the stored data set NAME; its folder is made. -1 with a message: a name with a slash, no home.
int dataset_path(const char *name, buf *out, error *err);
// Appends what a person means by word: word itself if there is such a file or folder (or it is "-"), else the stored
// data set of this name, else word.
void dataset_resolve(const char *word, buf *out);

typedef struct forgotten_place {
    char *name;      // of the data set or the adapter
    int64_t removed; // messages; 0 for adapters
} forgotten_place;

typedef struct forgotten {
    forgotten_place *datasets, *adapters;
    size_t n_datasets, n_adapters, cap_datasets, cap_adapters;
} forgotten;

// Removes every message of the person from every stored data set (each file is replaced in one step) and lists the
// adapters that were trained on them. The name must be exact. Replies to removed messages become replies to nothing.
// with dry set, nothing is changed. 0, or -1 with a message; data sets listed so far were changed then.
int dataset_forget(const char *person, bool dry, forgotten *out, error *err);
void forgotten_free(forgotten *f);

#endif
