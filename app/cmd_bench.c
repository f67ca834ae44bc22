// doppel bench: how fast the model runs and trains here, beside what the machine itself can do in the same run: decode
// beside a read-only stream over as many bytes as a token reads, prefill and training beside sgemm. Each figure is the
// best of some rounds, model and machine taking turns, since other programs share the machine.
#include "app/bench_adapter.h"
#include "app/bench_draft.h"
#include "app/bench_latency.h"
#include "app/commands.h"
#include "app/engine.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/report.h"
#include "model/learn/adamw.h"
#include "model/learn/pass.h"
#include "model/math/blas.h"
#include "model/math/kernels.h"
#include "model/math/team.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { DECODE_TOKENS = 128, PREFILL_TOKENS = 512, TRAIN_ROWS = 4, TRAIN_LENGTH = 256, ROUNDS = 4, SGEMM_SIZE = 768 };

typedef struct bench {
    options options;
    model model;
    net_state *state;
    team *team;
    int threads;
    const char *kv;
    net_cache cache;
} bench;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

// ---- the machine ----

typedef uint64_t lanes __attribute__((vector_size(64)));

typedef struct stream_job {
    const lanes *data;
    int n, size; // of lanes; members
    uint64_t sums[TEAM_MAX];
} stream_job;

static void stream_share(void *arg, int rank) {
    stream_job *job = arg;
    int first, last;
    team_share(job->n / 4, rank, job->size, &first, &last);
    lanes a = {0}, b = a, c = a, d = a;
    for (const lanes *p = job->data + 4 * (size_t)first, *end = job->data + 4 * (size_t)last; p < end; p += 4) {
        a += p[0];
        b += p[1];
        c += p[2];
        d += p[3];
    }
    a += b + c + d;
    job->sums[rank] = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

// GB/s of one pass over `bytes` of memory.
static double stream_rate(const bench *b, const void *data, size_t bytes) {
    stream_job job = {.data = data, .n = (int)(bytes / sizeof(lanes)), .size = b->threads};
    double start = now();
    team_run(b->team, stream_share, &job);
    return (double)bytes / (now() - start) * 1e-9;
}

typedef struct sgemm_job {
    float *a, *b, *c;
} sgemm_job;

// Every member multiplies square matrices of its own.
static void sgemm_share(void *arg, int rank) {
    const sgemm_job *job = arg;
    size_t n = SGEMM_SIZE, at = (size_t)rank * n * n;
    blas_sgemm_nt((int)n, (int)n, (int)n, job->a + at, n, job->b + at, n, job->c + at, n);
}

static double sgemm_rate(const bench *b, sgemm_job *job) {
    double start = now(), n = SGEMM_SIZE;
    team_run(b->team, sgemm_share, job);
    return 2 * n * n * n * b->threads / (now() - start) * 1e-9;
}

// ---- the model ----

// Multiplications and additions of one position's matrices, without the head.
static double flops_per_token(const net_config *c) {
    double q = (double)c->n_heads * c->head_dim, kv = (double)c->n_kv_heads * c->head_dim;
    double mlp = (c->mlp == MLP_GATED_SILU ? 3.0 : 2.0) * c->n_embd * c->n_ff;
    return 2.0 * c->n_layers * (c->n_embd * (2 * q + 2 * kv) + mlp);
}

static int32_t some_id(const bench *b, int i) {
    return (int32_t)((unsigned)i * 2654435761u % (unsigned)net_get_config(b->model.net)->n_vocab);
}

// Tokens per second, or -1 with a message.
static double decode_rate(bench *b, int n, error *err) {
    net_truncate(b->state, 0);
    int32_t id = some_id(b, 1);
    double start = now();
    for (int i = 0; i < n; i++) {
        if (net_eval(b->state, &id, 1, NULL, NULL, err) != 0) return -1;
        id = some_id(b, i);
    }
    return n / (now() - start);
}

static double prefill_rate(bench *b, int n, error *err) {
    int32_t *ids = mem_calloc((size_t)n, sizeof *ids);
    for (int i = 0; i < n; i++) ids[i] = some_id(b, i);
    net_truncate(b->state, 0);
    double start = now();
    int rc = net_eval(b->state, ids, n, NULL, NULL, err);
    double seconds = now() - start;
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
        for (int k = 0; k < 8; k++) memory = larger(memory, stream_rate(b, data, bytes));
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

// Matrices for sgemm_rate, one set a member; NULL with a message.
static float *sgemm_open(const bench *b, sgemm_job *job, size_t *bytes, error *err) {
    size_t n = (size_t)b->threads * SGEMM_SIZE * SGEMM_SIZE;
    *bytes = 3 * n * sizeof(float);
    float *data = mem_alloc_big(*bytes);
    if (!data) {
        error_set(err, "no memory for %zu MB of matrices", *bytes >> 20);
        return NULL;
    }
    for (size_t i = 0; i < 3 * n; i++) data[i] = (float)(i % 7) - 3;
    *job = (sgemm_job){data, data + n, data + 2 * n};
    return data;
}

static int bench_prefill(bench *b, error *err) {
    sgemm_job job;
    size_t bytes;
    float *data = sgemm_open(b, &job, &bytes, err);
    if (!data) return -1;
    double rate = 0, sgemm = 0;
    int n = at_most(b, PREFILL_TOKENS);
    for (int i = 0; i < ROUNDS && rate >= 0; i++) {
        for (int k = 0; k < 3; k++) sgemm = larger(sgemm, sgemm_rate(b, &job));
        double once = prefill_rate(b, n, err);
        rate = once < 0 ? -1 : larger(rate, once);
    }
    mem_free_big(data, bytes);
    if (rate < 0) return -1;
    double gflops = rate * flops_per_token(net_get_config(b->model.net)) * 1e-9;
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

// Seconds of one step: TRAIN_ROWS rows of TRAIN_LENGTH tokens, two rows a pass.
static double train_step(learn_graph *g, learn_pass *pass, int t, const int32_t *ids, team *team) {
    adamw_options o = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 1, .schedule = SCHEDULE_CONSTANT};
    double start = now();
    param_set_clear_grads(&g->params);
    for (int r = 0; r < TRAIN_ROWS; r += 2) {
        const int32_t *rows = ids + (size_t)r * TRAIN_LENGTH;
        learn_batch batch = {.rows = 2, .len = TRAIN_LENGTH, .ids = rows, .labels = rows};
        learn_pass_train(pass, &batch, 1.0 / (TRAIN_ROWS * (TRAIN_LENGTH - 1)));
    }
    learn_pass_finish(pass);
    adamw_step(&o, &g->params, t, team);
    return now() - start;
}

// LoRA of rank 16 on all linear layers.
static int bench_train(bench *b, error *err) {
    const net_config *c = net_get_config(b->model.net);
    learn_lora lora = {.rank = 16, .alpha = 16, .targets = TARGET_ALL};
    learn_graph *g = learn_graph_lora(b->model.net, &lora, err);
    const learn_pass_options o = {.max_rows = 2, .max_len = TRAIN_LENGTH};
    learn_pass *pass = g ? learn_pass_open(g, &o, b->team, err) : NULL;
    sgemm_job job;
    size_t bytes;
    float *data = pass ? sgemm_open(b, &job, &bytes, err) : NULL;
    double rate = 0, sgemm = 0;
    int32_t ids[TRAIN_ROWS * TRAIN_LENGTH];
    for (int i = 0; i < TRAIN_ROWS * TRAIN_LENGTH; i++) ids[i] = some_id(b, i);
    for (int i = 0; data && i < ROUNDS; i++) {
        for (int k = 0; k < 3; k++) sgemm = larger(sgemm, sgemm_rate(b, &job));
        rate = larger(rate, TRAIN_ROWS * TRAIN_LENGTH / train_step(g, pass, i, ids, b->team));
    }
    if (data) {
        // Forward and the gradient of the inputs through frozen weights and the head; adapters take three products.
        double adapters = 6.0 * (double)param_set_count(&g->params), head = 2.0 * c->n_vocab * c->n_embd;
        double gflops = rate * (2 * (flops_per_token(c) + head) + adapters) * 1e-9;
        struct rusage use;
        getrusage(RUSAGE_SELF, &use);
        const char *mode = product_mode_name(learn_pass_mode(pass));
        size_t peak = (size_t)use.ru_maxrss * 1024;
        if (b->options.json)
            printf("{\"type\":\"train\",\"what\":\"lora\",\"tok_s\":%.1f,\"gflops\":%.1f,\"sgemm_gflops\":%.1f,"
                   "\"ratio\":%.3f,\"peak_bytes\":%zu,\"threads\":%d,\"products\":\"%s\"}\n",
                   rate, gflops, sgemm, gflops / sgemm, peak, b->threads, mode);
        else
            printf("train    %8.1f tok/s   %.0f GFLOP/s   sgemm %.0f GFLOP/s   %.2fx it   (LoRA, %s, peak %zu MB)\n",
                   rate, gflops, sgemm, gflops / sgemm, mode, peak >> 20);
        mem_free_big(data, bytes);
    }
    learn_pass_close(pass);
    learn_graph_free(g);
    return data ? 0 : -1;
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
    if (rc == 0 && train && wanted(only, "train")) rc = bench_train(b, err);
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
