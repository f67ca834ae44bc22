// The models of the shared reference files, opened.
#ifndef DOPPEL_TEST_GOLDEN_MODEL_H
#define DOPPEL_TEST_GOLDEN_MODEL_H

#include "model/model.h"
#include "tests/models.h"
#include "tests/test.h"

// False where there are none: the check is skipped then. Close it with model_close.
static inline bool open_golden(const char *name, model *m) {
    error err = {{0}};
    char *path = golden(name);
    if (!path) {
        SKIP("no golden models here");
        return false;
    }
    bool opened = OK(model_open(m, path, 1, 0, &err) == 0, "%s: %s", name, err.text);
    free(path);
    return opened;
}

#endif
