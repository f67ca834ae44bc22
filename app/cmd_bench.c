// doppel bench: how fast the model runs and trains here, beside what the machine itself can do in the same run: decode
// beside a read-only stream over as many bytes as a token reads, prefill and training beside sgemm. Each figure is the
// best of some rounds, model and machine taking turns, since other programs share the machine.
#include "app/bench_adapter.h"
#include "app/bench_draft.h"
#include "app/bench_machine.h"
#include "app/bench_train.h"
#include "app/bench_latency.h"
#include "app/commands.h"
#include "app/engine.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/report.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"
#include "model/math/team.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECODE_TOKENS = 128, PREFILL_TOKENS = 512, ROUNDS = 4 };

typedef struct bench {
    options options;
    model model;
    net_state *state;
    team *team;
    int threads;
    const char *kv;
    net_cache cache;
} bench;

static double larger(double a, double b) {
    return a > b ? a : b;
}

// ---- the model ----

static int32_t some_id(const bench *b, int i) {
    return (int32_t)((unsigned)i * 2654435761u % (unsigned)net_get_config(b->model.net)->n_vocab);
}

// Tokens per second, or -1 with a message.
static double decode_rate(bench *b, int n, error *err) {
    net_truncate(b->state, 0);
    int32_t id = some_id(b, 1);
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        if (net_eval(b->state, &id, 1, NULL, NULL, err) != 0) return -1;
        id = some_id(b, i);
    }
    return n / (bench_now() - start);
}

static double prefill_rate(bench *b, int n, error *err) {
    int32_t *ids = mem_calloc((size_t)n, sizeof *ids);
    for (int i = 0; i < n; i++) ids[i] = some_id(b, i);
    net_truncate(b->state, 0);
    double start = bench_now();
    int rc = net_eval(b->state, ids, n, NULL, NULL, err);
    double seconds = bench_now() - start;
    free(ids);
    return rc == 0 ? n / seconds : -1;
}

static int at_most(const bench *b, int n) {
    return n < net_n_ctx(b->state) ? n : net_n_ctx(b->state);
}

static int bench_decode(bench *b, error *err) {
    size_t bytes = net_bytes_per_token(b->model.net);
    void *data = mem_alloc_big(bytes);
    if (!data) return error_set(err, "no memory for a stream of %zu MB", bytes >> 20);
    memset(data, 1, bytes);
    double rate = 0, memory = 0;
    for (int i = 0; i < ROUNDS && rate >= 0; i++) {
        for (int k = 0; k < 8; k++) memory = larger(memory, bench_stream(b->team, data, bytes));
        double once = decode_rate(b, at_most(b, DECODE_TOKENS), err);
        rate = once < 0 ? -1 : larger(rate, once);
    }
    mem_free_big(data, bytes);
    if (rate < 0) return -1;
    double roofline = rate * (double)bytes * 1e-9 / memory;
    if (b->options.json)
        printf("{\"type\":\"decode\",\"tok_s\":%.1f,\"bytes_per_token\":%zu,\"memory_gb_s\":%.1f,\"roofline\":%.3f,"
               "\"threads\":%d,\"kernels\":\"%s\"}\n",
               rate, bytes, memory, roofline, b->threads, net_kernels());
    else
        printf("decode   %8.1f tok/s   %.1f MB a token   memory %.1f GB/s   %.0f%% of it\n", rate, (double)bytes * 1e-6,
               memory, 100 * roofline);
    return 0;
}

static int bench_prefill(bench *b, error *err) {
    bench_sgemm matrices;
    if (bench_sgemm_open(&matrices, b->team, err) != 0) return -1;
    double rate = 0, sgemm = 0;
    int n = at_most(b, PREFILL_TOKENS);
    for (int i = 0; i < ROUNDS && rate >= 0; i++) {
        for (int k = 0; k < 3; k++) sgemm = larger(sgemm, bench_sgemm_rate(&matrices, b->team));
        double once = prefill_rate(b, n, err);
        rate = once < 0 ? -1 : larger(rate, once);
    }
    bench_sgemm_close(&matrices);
    if (rate < 0) return -1;
    double gflops = rate * bench_flops(net_get_config(b->model.net)) * 1e-9;
    if (b->options.json)
        printf(
            "{\"type\":\"prefill\",\"tok_s\":%.1f,\"gflops\":%.1f,\"sgemm_gflops\":%.1f,\"ratio\":%.3f,\"tokens\":%d,"
            "\"threads\":%d,\"kernels\":\"%s\",\"blas\":\"%s\"}\n",
            rate, gflops, sgemm, gflops / sgemm, n, b->threads, net_kernels(), blas_core());
    else
        printf("prefill  %8.1f tok/s   %.0f GFLOP/s   sgemm %.0f GFLOP/s (%s)   %.2fx it\n", rate, gflops, sgemm,
               blas_core(), gflops / sgemm);
    return 0;
}

// What --only names; NULL: everything.
static bool wanted(const char *only, const char *type) {
    return !only || strcmp(only, type) == 0;
}

static int measure(bench *b, const char *only, int threads, bool train, error *err) {
    b->threads = threads;
    b->team = team_open(threads, err);
    net_options o = {.n_ctx = 4096, .threads = threads, .cache = b->cache};
    b->state = b->team ? net_state_open(b->model.net, &o, err) : NULL;
    int rc = b->state ? 0 : -1;
    if (rc == 0 && !b->options.json)
        printf("%d thread%s, %s kernels\n", threads, threads > 1 ? "s" : "", net_kernels());
    if (rc == 0 && wanted(only, "decode")) rc = bench_decode(b, err);
    if (rc == 0 && wanted(only, "prefill")) rc = bench_prefill(b, err);
    if (rc == 0 && wanted(only, "adapter")) rc = bench_adapter(b->model.net, b->state, b->options.json, err);
    if (rc == 0 && wanted(only, "draft")) rc = bench_draft(&b->model, b->state, b->options.json, err);
    if (rc == 0 && train && wanted(only, "train")) rc = bench_train(&b->model, b->team, b->options.json, err);
    net_state_close(b->state);
    team_close(b->team);
    return rc;
}

// All threads, then, unless something was asked for, fewer.
static int run(bench *b, const char *only, error *err) {
    int threads = b->options.threads > 0 ? b->options.threads : team_cores();
    buf path = {0};
    int rc = paths_model(b->options.model, &path, err);
    bool latency = wanted(only, "latency"), others = !only || !latency, fewer = !only && b->options.threads == 0;
    if (rc == 0 && others) rc = model_open(&b->model, path.data, threads, 0, err);
    if (rc == 0 && others) rc = measure(b, only, threads, true, err);
    for (int t = threads / 2; rc == 0 && fewer && t > 0; t /= 2) rc = measure(b, only, t, false, err);
    model_close(&b->model);
    if (rc == 0 && latency) rc = bench_latency(path.data, threads, b->cache, b->options.json, err);
    buf_free(&path);
    return rc;
}

int cmd_bench(int argc, char **argv) {
    static const char *const types[] = {"decode", "prefill", "adapter", "draft", "train", "latency"};
    const char *only = NULL;
    bench b = {0};
    const option own[] = {
        {"only", 0, OPTION_TEXT, &only, "TYPE", "one of decode, prefill, adapter, draft, train, latency", 0, 0},
        {"kv", 0, OPTION_TEXT, &b.kv, "TYPE", ENGINE_KV_HELP, 0, 0},
        {0},
    };
    const option_help help = {
        .usage = "bench [options]",
        .about =
            "Measures decode, prefill and training beside this machine's memory bandwidth and sgemm rate, in one run;\n"
            "and how long the next token takes while a training runs in the background.",
        .takes = OPTIONS_MODEL | OPTIONS_JSON,
    };
    if (!options_read(&b.options, &help, own, argc, argv)) return b.options.exit_code;
    bool known = !only;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) known = known || strcmp(only, types[i]) == 0;
    int usage = EXIT_DONE;
    if (!known)
        usage = report_usage("bench --only knows decode, prefill, adapter, draft, train and latency, not \"%s\"", only);
    if (known && !engine_cache(b.kv, &b.cache)) usage = EXIT_USAGE;
    if (usage != EXIT_DONE) {
        options_free(&b.options);
        return usage;
    }
    error err = {{0}};
    int rc = run(&b, only, &err);
    options_free(&b.options);
    return rc == 0 ? EXIT_DONE : report_error(&err);
}
