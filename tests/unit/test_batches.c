// Rows of tokens, and the order in which steps take them.
#include "model/learn/batches.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

// Token i is i; labels are the tokens.
static batches make(size_t n, int len, int batch_size) {
    batches b;
    error err;
    int32_t *ids = mem_calloc(n, sizeof *ids), *labels = mem_calloc(n, sizeof *labels);
    for (size_t i = 0; i < n; i++) ids[i] = labels[i] = (int32_t)i;
    if (batches_open(&b, ids, labels, NULL, n, len, batch_size, &err) != 0) abort();
    return b;
}

// How often each row is taken in steps [from, to); returns whether every row is whole.
static bool count_rows(batches *b, size_t from, size_t to, int *counts) {
    bool whole = true;
    for (size_t t = from; t < to; t++) {
        learn_batch x = batches_take(b, t);
        for (int r = 0; r < x.rows; r++) {
            const int32_t *row = x.ids + (size_t)r * (size_t)x.len;
            for (int i = 0; i < x.len; i++) whole = whole && row[i] == row[0] + i;
            whole = whole && memcmp(row, x.labels + (size_t)r * (size_t)x.len, (size_t)x.len * sizeof *row) == 0;
            counts[row[0] / x.len]++;
        }
    }
    return whole;
}

static void test_epochs(void) {
    batches b = make(10 * 7 + 3, 7, 5); // 10 rows, 3 tokens left over
    b.shuffle = true;
    b.seed = 9;
    OK(batches_rows(&b) == 10 && batches_epoch(&b) == 2 && batches_most_rows(&b) == 5, "the shape");
    int once[10] = {0}, orders = 0;
    OK(count_rows(&b, 0, 2, once), "rows are whole");
    for (int i = 0; i < 10; i++) OK(once[i] == 1, "row %d is taken once in an epoch: %d", i, once[i]);
    for (size_t t = 0; t < 2; t++) {
        learn_batch x = batches_take(&b, t);
        int32_t first[5];
        for (int r = 0; r < 5; r++) first[r] = x.ids[r * 7];
        x = batches_take(&b, t + 2);
        for (int r = 0; r < 5; r++) orders += first[r] != x.ids[r * 7];
    }
    OK(orders > 0, "another epoch has another order");
    batches_free(&b);
}

static void test_steps_across_epochs(void) {
    batches b = make(3 * 4, 4, 2); // 3 rows, 2 a step: step 1 reaches into the next epoch
    b.shuffle = true;
    int counts[3] = {0};
    OK(count_rows(&b, 0, 3, counts), "rows are whole");
    for (int i = 0; i < 3; i++) OK(counts[i] == 2, "two epochs in three steps: %d", counts[i]);
    batches_free(&b);
}

static void test_any_step_alone(void) {
    batches a = make(200, 6, 4), b = make(200, 6, 4);
    a.shuffle = b.shuffle = a.sliding = b.sliding = true;
    a.seed = b.seed = 3;
    for (size_t t = 0; t < 60; t++) batches_take(&a, t);
    for (size_t t = 60; t-- > 0;) {
        learn_batch x = batches_take(&a, t), y = batches_take(&b, t);
        size_t bytes = (size_t)x.rows * (size_t)x.len * sizeof *x.ids;
        if (!OK(memcmp(x.ids, y.ids, bytes) == 0, "step %zu is the same whatever came before", t)) break;
    }
    b.seed = 4;
    b.epoch = SIZE_MAX;
    learn_batch x = batches_take(&a, 0), y = batches_take(&b, 0);
    OK(memcmp(x.ids, y.ids, 24 * sizeof *x.ids) != 0, "another seed, other rows");
    batches_free(&a);
    batches_free(&b);
}

static void test_sliding(void) {
    batches b = make(103, 10, 1);
    b.sliding = true;
    size_t rows = batches_rows(&b), begins = 0;
    bool whole = true, inside = true;
    OK(rows == 9, "wherever the cuts begin there are as many rows: %zu", rows);
    int32_t last = -1;
    for (size_t epoch = 0; epoch < 20; epoch++)
        for (size_t i = 0; i < rows; i++) {
            learn_batch x = batches_take(&b, epoch * rows + i);
            if (i == 0) begins += x.ids[0] != last;
            if (i == 0) last = x.ids[0];
            inside = inside && x.ids[9] < 103;
            for (int k = 0; k < 10; k++) whole = whole && x.ids[k] == x.ids[0] + k;
        }
    OK(whole && inside, "rows are whole and inside the text");
    OK(begins > 10, "epochs begin at different places: %zu", begins);
    batches_free(&b);
    b = make(10, 10, 1);
    b.sliding = true;
    OK(batches_rows(&b) == 1 && batches_take(&b, 5).ids[0] == 0, "a text as long as one row");
    batches_free(&b);
}

static void test_in_order(void) {
    batches b = make(7 * 3, 3, 3); // 7 rows: 3, 3 and 1
    b.shuffle = true;
    batches_in_order(&b);
    OK(batches_epoch(&b) == 3 && batches_most_rows(&b) == 3, "three steps");
    OK(batches_take(&b, 2).rows == 1 && batches_take(&b, 2).ids[0] == 18, "the rest comes last");
    OK(batches_take(&b, 4).ids[0] == 9, "steps go round");
    batches_free(&b);
    b = make(100 * 2, 2, 8);
    batches_thin(&b, 10);
    batches_in_order(&b);
    OK(b.n_tokens == 20 && b.ids[0] == 0 && b.ids[2] == 20 && b.ids[18] == 180 && b.ids[19] == 181, "evenly thinned");
    batches_thin(&b, 50);
    OK(b.n_tokens == 20, "fewer than that stay");
    batches_free(&b);
}

static void test_digest(void) {
    batches a = make(60, 5, 2), b = make(60, 5, 2);
    OK(batches_digest(&a) == batches_digest(&b), "the same data");
    b.labels[31] = LEARN_NO_LABEL;
    OK(batches_digest(&a) != batches_digest(&b), "another label");
    b.labels[31] = 31;
    b.seed = 1;
    OK(batches_digest(&a) != batches_digest(&b), "another seed");
    batches_free(&a);
    batches_free(&b);
}

static void test_bad(void) {
    batches b;
    error err = {""};
    int32_t ids[4] = {0};
    OK(batches_open(&b, ids, ids, NULL, 4, 5, 1, &err) == -1 && strstr(err.text, "4 tokens"), "%s", err.text);
    OK(batches_open(&b, ids, ids, NULL, 4, 1, 1, &err) == -1, "a row of one token predicts nothing");
    batches none = {0};
    batches_free(&none);
}

int main(void) {
    test_epochs();
    test_steps_across_epochs();
    test_any_step_alone();
    test_sliding();
    test_in_order();
    test_digest();
    test_bad();
    return test_end();
}
