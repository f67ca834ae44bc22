// The adapters of a command line: -a NAME[=STRENGTH], opened for a net and put to use in its states.
#ifndef DOPPEL_ADAPTERS_H
#define DOPPEL_ADAPTERS_H

#include "app/options.h"
#include "model/net/adapter.h"

typedef struct adapters {
    adapter **opened;  // (n)
    adapter_use *uses; // (n), for net_set_adapters
    int n;
} adapters;

// words: NAME or NAME=STRENGTH, the strength from 0 to 2, 1 unless given. NAME is a PEFT directory or a GGUF LoRA file,
// or the name of one under adapters/. 0, or -1 with a message; free with adapters_close in both cases, after the states
// that use them.
int adapters_open(adapters *a, const option_list *words, const net *n, error *err);
void adapters_close(adapters *a);

// The path and strength that one such word means. 0, or -1 with a message.
int adapters_find(const char *word, buf *path, float *strength, error *err);

// The model of a command: -m, else the one that the first adapter was trained on where its run.json says so and it is
// still there, else paths_chosen_model's. Appends its path. 0, or -1 with a message.
int adapters_chosen_model(const options *o, buf *out, error *err);

#endif
