// Answers with and without a training take turns; each that runs beside one begins while the training has the processors
// for itself. What is measured is the time between two tokens as the main thread sees it.
#include "app/bench_latency.h"
#include "app/background.h"
#include "app/tree.h"
#include "app/worker.h"
#include "model/file/outfile.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 8, TOKENS = 128, TEXT_WORDS = 60000 };
static const double ALONE_SECONDS = 1; // what the training has before each answer

typedef struct gaps {
    double ms[ROUNDS * TOKENS];
    int n;
} gaps;

typedef struct bench {
    worker *worker;
    background *background;
    gaps idle, training;
    double alone_steps, alone_seconds, beside_steps, beside_seconds;
} bench;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(gaps *g, double part) {
    if (g->n == 0) return 0;
    qsort(g->ms, (size_t)g->n, sizeof *g->ms, by_size);
    return g->ms[(int)(part * (g->n - 1))];
}

// ---- the two threads

// Waits for either of them, `seconds` at most, and takes in what the training told. -1: the training has ended.
static int wait_for_news(bench *b, double seconds, error *err) {
    struct pollfd fds[] = {{.fd = worker_fd(b->worker), .events = POLLIN},
                           {.fd = background_fd(b->background), .events = POLLIN}};
    if (poll(fds, 2, (int)(seconds * 1000) + 1) < 0 && errno != EINTR)
        return error_set(err, "cannot wait: %s", strerror(errno));
    background_pump(b->background);
    const background_state *s = background_look(b->background);
    if (s->phase == BACKGROUND_FAILED) return error_set(err, "%s", s->err.text);
    return s->phase == BACKGROUND_DONE ? error_set(err, "the training ended before the measurement") : 0;
}

static int load(bench *b, const char *path, error *err) {
    worker_load(b->worker, path);
    for (;;) {
        event e;
        struct pollfd fd = {.fd = worker_fd(b->worker), .events = POLLIN};
        poll(&fd, 1, -1);
        if (!worker_next(b->worker, &e)) continue;
        int rc = e.type == EVENT_LOADED ? 0 : error_set(err, "%s", e.text);
        event_free(&e);
        return rc;
    }
}

// One answer; the gaps between its tokens are added to out.
static int answer(bench *b, gaps *out, error *err) {
    static const chat_message question = {"user", "Tell me what the harbour looks like early in the morning."};
    double last = 0;
    int rc = 0;
    worker_reseed(b->worker);
    worker_ask(b->worker, &question, 1);
    background_yield(b->background, true);
    for (bool ended = false; !ended && rc == 0;) {
        event e;
        while (!ended && worker_next(b->worker, &e)) {
            double time = now();
            if (e.type == EVENT_TOKEN && last > 0 && out->n < ROUNDS * TOKENS) out->ms[out->n++] = 1e3 * (time - last);
            if (e.type == EVENT_TOKEN) last = time;
            if (e.type == EVENT_ERROR) rc = error_set(err, "%s", e.text);
            ended = e.type == EVENT_DONE || e.type == EVENT_ERROR;
            event_free(&e);
        }
        if (!ended) rc = wait_for_news(b, 1, err);
    }
    background_yield(b->background, false);
    return rc;
}

// ---- the training

static int write_text(const char *path, error *err) {
    static const char *const words[] = {"harbour", "morning", "the",  "a",     "boat",  "goes",  "out",   "before",
                                        "light",   "and",     "wind", "comes", "from",  "north", "we",    "wait",
                                        "until",   "lamp",    "is",   "green", "dogs",  "need",  "their", "ticket",
                                        "bicycle", "travels", "free", "of",    "board", "in",    "winter"};
    enum { N = sizeof words / sizeof *words };
    buf text = {0};
    uint32_t seed = 1;
    for (int i = 0; i < TEXT_WORDS; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_printf(&text, "%s%s", words[(seed >> 16) % N], i % 12 == 11 ? ".\n" : " ");
    }
    int rc = outfile_replace(path, text.data, text.len, err);
    buf_free(&text);
    return rc;
}

static int start_training(bench *b, const char *home, const char *model, int threads, error *err) {
    buf text = {0}, out = {0}, arguments = {0};
    buf_printf(&text, "%s/text.txt", home);
    buf_printf(&out, "%s/adapter", home);
    train_settings s = train_settings_none();
    s.model = model;
    s.threads = threads;
    s.out = out.data;
    s.max_steps = 1000000;
    s.val_fraction = 0;
    s.sample_every = 0;
    option_list_push(&s.data, text.data);
    held_model *m = worker_hold_model(b->worker);
    int rc = write_text(text.data, err);
    if (rc == 0) rc = train_settings_locate(&s, err);
    if (rc == 0) {
        train_settings_arguments(&s, &arguments);
        rc = background_start(b->background, &s, arguments.data, m, err);
    }
    held_model_drop(m);
    train_settings_free(&s);
    buf_free(&text);
    buf_free(&out);
    buf_free(&arguments);
    while (rc == 0 && background_look(b->background)->step < 1) rc = wait_for_news(b, 1, err);
    return rc;
}

static int let_train(bench *b, error *err) {
    double begun = now();
    int before = background_look(b->background)->step, rc = 0;
    while (rc == 0 && now() < begun + ALONE_SECONDS) rc = wait_for_news(b, begun + ALONE_SECONDS - now(), err);
    b->alone_steps += background_look(b->background)->step - before;
    b->alone_seconds += now() - begun;
    return rc;
}

static int measure(bench *b, error *err) {
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        background_pause(b->background);
        rc = answer(b, &b->idle, err);
        background_go_on(b->background);
        if (rc == 0) rc = let_train(b, err);
        int before = background_look(b->background)->step;
        double begun = now();
        if (rc == 0) rc = answer(b, &b->training, err);
        b->beside_steps += background_look(b->background)->step - before;
        b->beside_seconds += now() - begun;
    }
    return rc;
}

// ---- all of it

static void print(bench *b, int threads, bool json) {
    double idle = percentile(&b->idle, 0.95), training = percentile(&b->training, 0.95);
    double middle = percentile(&b->idle, 0.5), beside = percentile(&b->training, 0.5);
    double alone = b->alone_steps / b->alone_seconds;
    if (json)
        printf(
            "{\"type\":\"latency\",\"idle_p95_ms\":%.3f,\"training_p95_ms\":%.3f,\"ratio\":%.3f,\"idle_p50_ms\":%.3f,"
            "\"training_p50_ms\":%.3f,\"what\":\"lora\",\"steps\":%d,\"steps_s\":%.3f,\"threads\":%d}\n",
            idle, training, training / idle, middle, beside, background_look(b->background)->step, alone, threads);
    else
        printf(
            "latency  %8.2f ms between tokens, %.2f ms while training (LoRA r=16, 4 x 256): %.2fx   medians %.2f and "
            "%.2f ms   (95th percentiles; the training took %.2f steps/s between answers)\n",
            idle, training, training / idle, middle, beside, alone);
}

static int run(bench *b, const char *home, const char *path, int threads, error *err) {
    if (load(b, path, err) != 0) return -1;
    if (!worker_model(b->worker)->tokenizer) return 1;
    gen_settings s = gen_settings_chat();
    s.max_tokens = TOKENS;
    s.ignore_eos = true;
    s.seed = 1;
    worker_set_settings(b->worker, &s);
    int rc = start_training(b, home, path, threads, err);
    return rc == 0 ? measure(b, err) : rc;
}

int bench_latency(const char *path, int threads, net_cache cache, bool json, error *err) {
    const char *tmp = getenv("TMPDIR");
    const worker_options o = {.threads = threads, .cache = cache};
    buf home = {0};
    buf_printf(&home, "%s/doppel-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(home.data)) {
        error_set(err, "%s: cannot be made: %s", home.data, strerror(errno));
        buf_free(&home);
        return -1;
    }
    bench *b = mem_calloc(1, sizeof *b);
    b->worker = worker_open(&o, err);
    b->background = b->worker ? background_open(err) : NULL;
    int rc = b->background ? run(b, home.data, path, threads, err) : -1;
    if (rc == 0) print(b, threads, json);
    background_close(b->background);
    worker_close(b->worker);
    tree_remove(home.data, NULL);
    buf_free(&home);
    free(b);
    return rc < 0 ? -1 : 0;
}
