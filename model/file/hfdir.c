// Hugging Face directories.
#include "model/file/hfdir.h"

#include <cjson/cJSON.h>

#include <stdlib.h>

struct hfdir {
    cJSON *config;
    tensor_table table;
};

hfdir *hfdir_open(const char *path, error *err) {
    error_set(err, "%s: is a directory; give a GGUF file", path);
    return NULL;
}

void hfdir_close(hfdir *d) {
    if (!d) return;
    cJSON_Delete(d->config);
    tensor_table_free(&d->table);
    free(d);
}

const cJSON *hfdir_config(const hfdir *d) {
    return d->config;
}

const tensor_table *hfdir_tensors(const hfdir *d) {
    return &d->table;
}

void hfdir_drop(const hfdir *d, const file_tensor *t) {
    (void)d;
    (void)t;
}
