// Tokenizers from a directory's files.
#include "model/text/tokenizer_impl.h"

tokenizer *tokenizer_open_dir(const char *dir, error *err) {
    error_set(err, "%s: no tokenizer file that doppel reads; use a GGUF", dir);
    return NULL;
}
