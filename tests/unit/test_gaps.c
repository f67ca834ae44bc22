// How long people wait: quantiles of the gaps between messages, and gaps drawn from them; what a run.json says of it.
#include "app/corpus/gaps.h"
#include "app/style/voice.h"
#include "tests/models.h"
#include "tests/test.h"

#include <math.h>

static void add(gaps *g, int seconds, bool border) {
    char time[32];
    snprintf(time, sizeof time, "2026-05-01T%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    gaps_add(g, &(corpus_message){.author = "a", .text = "x", .n_text = 1, .time = time, .border = border}, 60);
}

static void test_quantiles(void) {
    static gaps none, g;
    double q[GAPS_QUANTILES];
    OK(!gaps_quantiles(&none, q) && q[2] == 0, "no messages, no gaps");
    int at = 0;
    add(&g, at, true);
    for (int i = 1; i <= 100; i++) add(&g, at += i, false);
    add(&g, at += 7200, false); // another session
    add(&g, at + 1, true);      // another file
    gaps_add(&g, &(corpus_message){.author = "a", .text = "x", .n_text = 1}, 60);
    OK(g.n == 100 && gaps_quantiles(&g, q), "gaps within sessions count: %lld", (long long)g.n);
    static const double want[] = {10, 25, 50, 75, 90};
    for (int i = 0; i < GAPS_QUANTILES; i++) OK(fabs(q[i] - want[i]) <= 1, "quantile %d is %g", i, q[i]);
}

static void test_drawing(void) {
    static const double q[GAPS_QUANTILES] = {10, 20, 30, 60, 120};
    OK(gaps_draw(q, 0) == 1, "at least a second: %g", gaps_draw(q, 0));
    OK(fabs(gaps_draw(q, 0.5) - 30) < 1e-9, "the middle: %g", gaps_draw(q, 0.5));
    OK(gaps_draw(q, 0.999) == 120, "at most what is usual: %g", gaps_draw(q, 0.999));
    double last = 0;
    bool grows = true;
    for (int i = 0; i < 100; i++) {
        grows = grows && gaps_draw(q, i / 100.0) >= last;
        last = gaps_draw(q, i / 100.0);
    }
    OK(grows, "in order");
}

static void test_run(void) {
    static const char *const RUNS[][2] = {{"[1,2,3,4,5]", "good"},  {"[1,2,3,4]", "short"},
                                          {"[5,4,3,2,1]", "falls"}, {"[1,2,3,4,5,6]", "long"},
                                          {"7", "no list"},         {"[1,2,\"3\",4,5]", "text"}};
    char *folder = make_folder();
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        buf run = {0};
        voice v;
        buf_printf(&run, "{\"layout\":\"lines\",\"authors\":[\"a\"],\"data\":[\"x\"],\"gaps\":%s}", RUNS[i][0]);
        write_file(folder, "run.json", run.data, run.len);
        voice_read(&v, folder);
        OK(v.speaks && (v.gaps[0] == 1) == (i == 0) && v.gaps[4] >= v.gaps[0] && v.gaps[4] > 0, "%s: %g to %g",
           RUNS[i][1], v.gaps[0], v.gaps[4]);
        voice_free(&v);
        buf_free(&run);
    }
    remove_file(folder, "run.json");
    rmdir(folder);
    free(folder);
}

int main(void) {
    test_quantiles();
    test_drawing();
    test_run();
    return test_end();
}
