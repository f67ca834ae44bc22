// What stands on a canvas, for tests of what draws on one.
#ifndef DOPPEL_TEST_DRAWN_H
#define DOPPEL_TEST_DRAWN_H

#include "tests/test.h"
#include "ui/canvas.h"

#include <string.h>

static inline void expect_row(const canvas *c, int row, const char *expected, const char *what) {
    buf out = {0};
    canvas_text(c, row, &out);
    OK(strcmp(buf_str(&out), expected) == 0, "%s: \"%s\", expected \"%s\"", what, buf_str(&out), expected);
    buf_free(&out);
}

// Whether any row holds it.
static inline bool shows(const canvas *c, const char *what) {
    buf row = {0};
    bool found = false;
    for (int y = 0; y < c->rows && !found; y++) {
        buf_clear(&row);
        canvas_text(c, y, &row);
        found = strstr(buf_str(&row), what) != NULL;
    }
    buf_free(&row);
    return found;
}

#endif
