// model/file: bytes on disk -> a checked table of tensors and settings, whatever the format.
//
// A model_file is a GGUF or a Hugging Face directory (config.json + safetensors). Both end in the same table: tensors
// under GGUF's names. Where a Hugging Face layout differs (GPT-2's Conv1D weights lie transposed; NeoX and Falcon
// interleave q, k and v) the table holds what GGUF would hold, converted when it is opened; the rope convention is
// not converted but told (net_config.rope_neox), since permuting rows would cost a copy.
#ifndef DOPPEL_FILE_H
#define DOPPEL_FILE_H

#include "model/base/base.h"
#include "model/file/gguf.h"
#include "model/file/tensor.h"

typedef struct cJSON cJSON;

typedef struct model_file model_file;

// path: a .gguf file or a Hugging Face directory. NULL with a message on failure. Free with model_file_close.
model_file *model_file_open(const char *path, error *err);
void model_file_close(model_file *f); // NULL is fine

const char *model_file_path(const model_file *f);

// What was read from a file that is cut off or written to while it is open may be anything. model_file_is_torn: some of it
// was not there any more (cheap: to be asked after every pass). model_file_check: 0, or -1 with a message when that is
// so or the file was written to.
bool model_file_is_torn(const model_file *f);
int model_file_check(const model_file *f, error *err);

const gguf *model_file_gguf(const model_file *f);  // NULL for a directory
const cJSON *model_file_json(const model_file *f); // config.json of a directory; NULL for a GGUF

// A tensor by GGUF's name; NULL when absent.
const file_tensor *model_file_tensor(const model_file *f, const char *name);
size_t model_file_n_tensors(const model_file *f);
const file_tensor *model_file_tensor_at(const model_file *f, size_t i);

// Tells the system that the pages of t (mapped from disk) are not needed any more: called after a tensor was repacked,
// so that a loaded model is not in memory twice. The data stays readable.
void model_file_drop(const model_file *f, const file_tensor *t);
// The same for all pages of the file: called when a model is loaded, since tensors share pages with their neighbours and
// the tables in front of them were read too.
void model_file_drop_all(const model_file *f);

#endif
