#include "app/held_model.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct held_model {
    model model;
    atomic_int holders;
};

held_model *held_model_open(const char *path, int threads, error *err) {
    held_model *h = mem_calloc(1, sizeof *h);
    if (model_open(&h->model, path, threads, 0, err) != 0) {
        free(h);
        return NULL;
    }
    h->holders = 1;
    return h;
}

const model *held_model_get(const held_model *h) {
    return &h->model;
}

held_model *held_model_keep(held_model *h) {
    if (h) atomic_fetch_add(&h->holders, 1);
    return h;
}

void held_model_drop(held_model *h) {
    if (!h || atomic_fetch_sub(&h->holders, 1) > 1) return;
    model_close(&h->model);
    free(h);
}

bool held_model_is(const held_model *h, const char *path) {
    char *a = realpath(model_file_path(h->model.file), NULL), *b = realpath(path, NULL);
    bool same = a && b && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}
