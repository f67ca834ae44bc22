// A Hugging Face directory: config.json and model.safetensors, whole or in shards, its tensors under GGUF's names.
// Immutable after opening: any thread may read it.
#ifndef DOPPEL_HFDIR_H
#define DOPPEL_HFDIR_H

#include "model/base/base.h"
#include "model/file/table.h"

typedef struct cJSON cJSON;
typedef struct hfdir hfdir;

// NULL with a message on failure. Free with hfdir_close.
hfdir *hfdir_open(const char *path, error *err);
void hfdir_close(hfdir *d);             // NULL is fine
bool hfdir_is_torn(const hfdir *d);     // file_map_is_torn, of any of its files of weights
bool hfdir_has_changed(const hfdir *d); // file_map_has_changed, likewise

const cJSON *hfdir_config(const hfdir *d); // config.json
const tensor_table *hfdir_tensors(const hfdir *d);

// Names of the files that may stand beside config.json and the weights: what tokenizers and generation need. Ends with
// NULL.
extern const char *const hfdir_side_files[];

// Tells the system that the pages of t are not needed any more. The data stays readable.
void hfdir_drop(const hfdir *d, const file_tensor *t);
void hfdir_drop_all(const hfdir *d); // the same for all files

#endif
