// Writing GGUF files (v3): settings first, then descriptions of the tensors, then their data in the same order.
#ifndef DOPPEL_GGUF_WRITE_H
#define DOPPEL_GGUF_WRITE_H

#include "model/file/gguf.h"
#include "model/file/outfile.h"

typedef struct gguf_writer {
    buf keys, tensors;
    uint64_t n_keys, n_tensors, end; // end: of the data described so far
    outfile *file;
} gguf_writer; // {0} is an empty one

// Settings. Keys must differ.
void gguf_write_int(gguf_writer *w, const char *key, int64_t v); // as a uint32; v fits one
void gguf_write_float(gguf_writer *w, const char *key, double v);
void gguf_write_bool(gguf_writer *w, const char *key, bool v);
void gguf_write_text(gguf_writer *w, const char *key, const char *s, size_t len);
// n numbers of a scalar type.
void gguf_write_numbers(gguf_writer *w, const char *key, gguf_type type, const void *numbers, uint64_t n);
// A list of n strings, which follow one by one.
void gguf_write_texts(gguf_writer *w, const char *key, uint64_t n);
void gguf_write_next_text(gguf_writer *w, const char *s, size_t len);
// Key i of another file, as it stands there.
void gguf_write_copy(gguf_writer *w, const gguf *from, size_t i);

// Describes a tensor; ne as in file_tensor.
void gguf_write_tensor(gguf_writer *w, const char *name, tensor_type type, int n_dims, const int64_t *ne);

// Opens the file and writes everything in front of the data. Then gguf_write_data gives the bytes of every tensor (in
// as many pieces as wanted), and gguf_write_pad ends each. 0, or -1 with a message.
int gguf_write_begin(gguf_writer *w, const char *path, error *err);
void gguf_write_data(gguf_writer *w, const void *bytes, size_t n);
void gguf_write_pad(gguf_writer *w);

int gguf_write_commit(gguf_writer *w, error *err); // 0, or -1 with a message
void gguf_write_free(gguf_writer *w);              // also discards a file that was not committed

#endif
