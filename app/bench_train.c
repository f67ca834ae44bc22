#include "app/bench_train.h"
#include "app/bench_machine.h"
#include "app/tree.h"
#include "model/learn/adamw.h"
#include "model/learn/pass.h"
#include "model/learn/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 4 };

typedef struct shape {
    const char *what;
    int rows, len;       // of a step
    int pass_rows;       // of a pass
    scratch_shape model; // with random weights; layers 0: the model at hand, an adapter is trained
    double least;        // seconds that a round takes at least: short steps are repeated
} shape;

static const shape shapes[] = {
    {.what = "lora", .rows = 4, .len = 256, .pass_rows = 2},
    {.what = "full",
     .rows = 4,
     .len = 256,
     .pass_rows = 4,
     .model = {.layers = 12, .heads = 12, .width = 768, .context = 1024, .vocab = 50257, .end = -1}},
    {.what = "char",
     .rows = 12,
     .len = 64,
     .pass_rows = 12,
     .model = {.layers = 4, .heads = 4, .width = 128, .context = 64, .vocab = 65, .end = -1},
     .least = 0.2},
};

double bench_flops(const net_config *c) {
    double q = (double)c->n_heads * c->head_dim, kv = (double)c->n_kv_heads * c->head_dim;
    double mlp = (c->mlp == MLP_GATED_SILU ? 3.0 : 2.0) * c->n_embd * c->n_ff;
    return 2.0 * c->n_layers * (c->n_embd * (2 * q + 2 * kv) + mlp);
}

// Useful work of a token. Forward and the gradient of the inputs through every matrix and the head; whatever learns
// takes a third product.
static double step_flops(const learn_graph *g, bool lora) {
    const net_config *c = g->config;
    double once = bench_flops(c) + 2.0 * c->n_vocab * c->n_embd;
    return lora ? 2 * once + 6.0 * (double)param_set_count(&g->params) : 3 * once;
}

typedef struct training {
    const shape *shape;
    learn_graph *graph;
    learn_pass *pass;
    team *team;
    int32_t *ids; // (rows, len)
    int steps;
} training;

static void step(training *t) {
    const adamw_options o = {
        .lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 1, .schedule = SCHEDULE_CONSTANT};
    const shape *s = t->shape;
    param_set_clear_grads(&t->graph->params, t->team);
    for (int r = 0; r < s->rows; r += s->pass_rows) {
        const int32_t *rows = t->ids + (size_t)r * (size_t)s->len;
        learn_batch batch = {.rows = s->pass_rows, .len = s->len, .ids = rows, .labels = rows};
        learn_pass_train(t->pass, &batch, 1.0 / (s->rows * (s->len - 1)));
    }
    learn_pass_finish(t->pass);
    adamw_step(&o, &t->graph->params, t->steps++, t->team);
}

// Tokens per second of one round.
static double round_rate(training *t) {
    double start = bench_now(), tokens = 0;
    do {
        step(t);
        tokens += t->shape->rows * t->shape->len;
    } while (bench_now() - start < t->shape->least);
    return tokens / (bench_now() - start);
}

static void print(const training *t, double rate, double sgemm, bool json) {
    const char *mode = product_mode_name(learn_pass_mode(t->pass));
    double gflops = rate * step_flops(t->graph, t->shape->model.layers == 0) * 1e-9;
    size_t peak = bench_peak();
    if (json)
        printf("{\"type\":\"train\",\"what\":\"%s\",\"tok_s\":%.1f,\"gflops\":%.1f,\"sgemm_gflops\":%.1f,"
               "\"ratio\":%.3f,\"peak_bytes\":%zu,\"threads\":%d,\"products\":\"%s\"}\n",
               t->shape->what, rate, gflops, sgemm, gflops / sgemm, peak, team_size(t->team), mode);
    else
        printf("train    %8.1f tok/s   %.0f GFLOP/s   sgemm %.0f GFLOP/s   %.2fx it   (%s, %s, peak %zu MB)\n", rate,
               gflops, sgemm, gflops / sgemm, t->shape->what, mode, peak >> 20);
    fflush(stdout);
}

static int measure(const shape *s, const net *net, team *team, bool json, error *err) {
    const learn_lora lora = {.rank = 16, .alpha = 16, .targets = TARGET_ALL};
    const learn_pass_options o = {.max_rows = s->pass_rows, .max_len = s->len};
    training t = {.shape = s, .team = team};
    bench_sgemm sgemm = {0};
    t.graph = s->model.layers == 0 ? learn_graph_lora(net, &lora, err) : learn_graph_full(net, err);
    t.pass = t.graph ? learn_pass_open(t.graph, &o, team, err) : NULL;
    int rc = t.pass ? bench_sgemm_open(&sgemm, team, err) : -1, n = s->rows * s->len;
    if (rc == 0) {
        double rate = 0, machine = 0;
        t.ids = mem_calloc((size_t)n, sizeof *t.ids);
        for (int i = 0; i < n; i++)
            t.ids[i] = (int32_t)((unsigned)i * 2654435761u % (unsigned)net_get_config(net)->n_vocab);
        for (int i = 0; i < ROUNDS; i++) {
            for (int k = 0; k < 3; k++) {
                double once = bench_sgemm_rate(&sgemm, team);
                if (once > machine) machine = once;
            }
            double once = round_rate(&t);
            if (once > rate) rate = once;
        }
        print(&t, rate, machine, json);
    }
    free(t.ids);
    bench_sgemm_close(&sgemm);
    learn_pass_close(t.pass);
    learn_graph_free(t.graph);
    return rc;
}

// A model of random weights is written to a temporary folder, which is gone again before the first step.
static int measure_scratch(const shape *s, team *team, bool json, error *err) {
    const char *base = getenv("TMPDIR");
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/doppel-bench-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(dir)) return error_set(err, "%s: no folder for a model to measure could be made; set TMPDIR", dir);
    model_file *file = NULL;
    net *net = NULL;
    int rc = scratch_write(dir, &s->model, "{}", 2, 1, err);
    if (rc == 0) file = model_file_open(dir, err);
    if (file) net = net_open(file, team_size(team), err);
    if (tree_remove(dir, rc == 0 && net ? err : &(error){{0}}) != 0) rc = -1;
    rc = rc == 0 && net ? measure(s, net, team, json, err) : -1;
    net_close(net);
    model_file_close(file);
    return rc;
}

int bench_train(const model *m, team *team, bool json, error *err) {
    int rc = 0;
    team_set_patient(team, true); // as doppel train
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && rc == 0; i++) {
        const shape *s = &shapes[i];
        bench_forget_peak();
        rc = s->model.layers == 0 ? measure(s, m->net, team, json, err) : measure_scratch(s, team, json, err);
    }
    team_set_patient(team, false);
    return rc;
}
