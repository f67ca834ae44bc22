#include "model/learn/tied.h"
#include "model/base/base.h"
#include "model/learn/loops.h"

#include <stdlib.h>
#include <string.h>

struct tied {
    int vocab, width;
    int *row_of;  // (vocab) -1: none
    int32_t *ids; // of the rows
    size_t n, id_cap;
    float *sums; // (n, width)
    size_t sum_cap;
};

tied *tied_open(int vocab, int width) {
    tied *t = mem_calloc(1, sizeof *t);
    *t = (tied){.vocab = vocab, .width = width, .row_of = mem_calloc((size_t)vocab, sizeof *t->row_of)};
    for (int i = 0; i < vocab; i++) t->row_of[i] = -1;
    return t;
}

void tied_close(tied *t) {
    if (!t) return;
    free(t->row_of);
    free(t->ids);
    free(t->sums);
    free(t);
}

void tied_note(tied *t, const int32_t *ids, size_t n) {
    size_t before = t->n, width = (size_t)t->width;
    for (size_t i = 0; i < n; i++) {
        if (t->row_of[ids[i]] >= 0) continue;
        t->ids = mem_reserve(t->ids, &t->id_cap, t->n + 1, sizeof *t->ids);
        t->row_of[ids[i]] = (int)t->n;
        t->ids[t->n++] = ids[i];
    }
    t->sums = mem_reserve(t->sums, &t->sum_cap, t->n * width, sizeof *t->sums);
    memset(t->sums + before * width, 0, (t->n - before) * width * sizeof *t->sums);
}

float *tied_row(const tied *t, int32_t id) {
    return t->sums + (size_t)t->row_of[id] * (size_t)t->width;
}

void tied_finish(tied *t, float *grad) {
    size_t width = (size_t)t->width;
    for (size_t i = 0; i < t->n; i++) {
        loops_get()->add(grad + (size_t)t->ids[i] * width, t->sums + i * width, t->width, 1);
        t->row_of[t->ids[i]] = -1;
    }
    t->n = 0;
}
