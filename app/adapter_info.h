// What the files of an adapter say about it, without its model: for lists, and for finding the model it belongs to.
#ifndef DOPPEL_ADAPTER_INFO_H
#define DOPPEL_ADAPTER_INFO_H

#include "model/base/base.h"

#include <stdbool.h>

typedef struct adapter_info {
    char *name, *path;
    bool gguf;          // a GGUF LoRA file, else a PEFT directory
    char *problem;      // why it cannot be used; NULL when nothing is known against it
    char *base;         // path or name of its model; "" when it does not say
    char *targets;      // "q_proj, v_proj"; "" when it does not say
    int rank;           // 0: unknown
    double alpha;       // 0: unknown
    int64_t bytes;      // of all its files
    int64_t parameters; // of A and B; 0: unknown
    // Of run.json, where doppel trained it:
    bool trained;
    char *status, *imitates; // "finished", "Anna, Ben"; "" for none
    int steps, step, best_step;
    double loss; // held out; NAN when there is none
} adapter_info;

// Reads what is at path; name is for showing. Never fails: see problem. Free with adapter_info_free.
void adapter_info_read(adapter_info *a, const char *name, const char *path);
void adapter_info_free(adapter_info *a);

// Calls fn for every adapter under adapters/, sorted by name.
typedef void (*adapter_info_fn)(void *arg, const adapter_info *a);
void adapter_info_all(adapter_info_fn fn, void *arg);

#endif
