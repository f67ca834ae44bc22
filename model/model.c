// Opening and closing the parts of a model in their order.
#include "model/model.h"

int model_open(model *m, const char *path, int threads, unsigned flags, error *err) {
    *m = (model){0};
    m->file = model_file_open(path, err);
    if (!m->file) return -1;
    m->tokenizer = tokenizer_open(m->file, &m->tokenizer_error);
    // A directory may come without a tokenizer and be used by ids; a GGUF whose vocabulary is bad is a bad file.
    if (!m->tokenizer && model_file_gguf(m->file)) {
        if (err) *err = m->tokenizer_error;
        model_close(m);
        return -1;
    }
    m->chat = chat_format_of(m->file, m->tokenizer);
    if (!(flags & MODEL_NO_WEIGHTS)) {
        m->net = net_open(m->file, threads, err);
        if (!m->net) {
            model_close(m);
            return -1;
        }
    }
    if (model_file_check(m->file, err) != 0) {
        model_close(m);
        return -1;
    }
    return 0;
}

void model_close(model *m) {
    net_close(m->net);
    chat_format_free(&m->chat);
    tokenizer_free(m->tokenizer);
    model_file_close(m->file);
    *m = (model){0};
}
