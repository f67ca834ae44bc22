// Dropout's masks: how many are left out, that the others make up for it, and that keys decide alone.
#include "model/learn/dropout.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

enum { N = 100003 };

static float x[N], out[N], again[N];

static void test_rates(void) {
    for (int i = 0; i < N; i++) x[i] = 1 + (float)(i % 7);
    for (int percent = 0; percent < 100; percent += 11) {
        float rate = (float)percent / 100;
        double left_out = 0, sum = 0, before = 0;
        dropout_apply(dropout_key(1, 2, 3), rate, x, N, out, false);
        for (int i = 0; i < N; i++) {
            left_out += out[i] == 0;
            sum += out[i];
            before += x[i];
        }
        OK(fabs(left_out / N - rate) < 0.006, "%d %%: %g", percent, left_out / N);
        OK(fabs(sum / before - 1) < 0.1, "what is kept makes up for it at %d %%: %g", percent, sum / before);
    }
    dropout_apply(dropout_key(1, 2, 3), 0, x, N, out, false);
    OK(memcmp(x, out, sizeof x) == 0, "a rate of 0 changes nothing");
}

// The share of places at which two masks agree; half of them by chance.
static double agreement(uint64_t a, uint64_t b) {
    double same = 0;
    dropout_apply(a, 0.5f, x, N, out, false);
    dropout_apply(b, 0.5f, x, N, again, false);
    for (int i = 0; i < N; i++) same += (out[i] == 0) == (again[i] == 0);
    return same / N;
}

static void test_keys(void) {
    uint64_t key = dropout_key(1, 2, 3);
    OK(agreement(key, dropout_key(1, 2, 3)) == 1, "the same keys, the same mask");
    const uint64_t others[] = {
        dropout_key(2, 2, 3), dropout_key(1, 3, 3), dropout_key(1, 2, 4), dropout_key(1, 3, 2), key + 1, key + 4};
    for (int i = 0; i < 6; i++)
        OK(fabs(agreement(key, others[i]) - 0.5) < 0.01, "mask %d has nothing to do with it: %g", i,
           agreement(key, others[i]));
}

static void test_adding(void) {
    dropout_apply(7, 0.3f, x, N, out, false);
    memcpy(again, x, sizeof x);
    dropout_apply(7, 0.3f, x, N, again, true);
    int wrong = 0;
    for (int i = 0; i < N; i++) wrong += again[i] != x[i] + out[i];
    OK(wrong == 0, "added to what is there");
    memcpy(again, x, sizeof x);
    dropout_apply(7, 0.3f, again, N, again, false);
    OK(memcmp(again, out, sizeof out) == 0, "in place");
    dropout_apply(7, 0.3f, x, 5, again, false);
    OK(memcmp(again, out, 5 * sizeof *out) == 0, "a part of it has the same mask");
}

int main(void) {
    test_rates();
    test_keys();
    test_adding();
    return test_end();
}
