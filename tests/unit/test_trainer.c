// Training steps on tiny models: they learn, repeat to the last bit, and say when something is wrong.
#include "model/learn/checkpoint.h"
#include "model/learn/live.h"
#include "model/learn/trainer.h"
#include "model/net/net.h"
#include "tests/test.h"
#include "tests/tiny.h"

enum { TOKENS = 240, LEN = 12, BATCH = 4, STEPS = 12 };

typedef struct setup {
    model_file *file;
    net *net;
    learn_graph *graph;
    team *team;
    batches train, held_out;
    trainer trainer;
} setup;

static batches pattern(uint64_t seed, int period) {
    batches b;
    error err;
    int32_t *ids = mem_calloc(TOKENS, sizeof *ids), *labels = mem_calloc(TOKENS, sizeof *labels);
    uint64_t random = random_seed(seed, 0);
    for (int i = 0; i < TOKENS; i++)
        ids[i] = labels[i] = i < period ? (int32_t)random_below(&random, TINY_VOCAB) : ids[i - period];
    if (batches_open(&b, ids, labels, NULL, TOKENS, LEN, BATCH, &err) != 0) abort();
    b.shuffle = true;
    return b;
}

static trainer_options options_of(int micro) {
    return (trainer_options){.adamw = {.lr = 0.01,
                                       .beta1 = 0.9,
                                       .beta2 = 0.99,
                                       .eps = 1e-8,
                                       .weight_decay = 0.01,
                                       .clip = 1,
                                       .schedule = SCHEDULE_COSINE,
                                       .warmup = 2,
                                       .steps = STEPS},
                             .micro_batch = micro,
                             .products = PRODUCT_FLOAT32};
}

// Of everything that is opened.
static float dropout;
static bool recompute;
static product_mode products = PRODUCT_FLOAT32;

static bool open_setup(setup *s, const char *folder, bool lora, int micro, int threads) {
    error err;
    *s = (setup){.train = pattern(1, 5), .held_out = pattern(1, 5)};
    batches_in_order(&s->held_out);
    const learn_lora l = {.rank = 4, .alpha = 8, .targets = TARGET_ALL, .seed = 2};
    trainer_options o = options_of(micro);
    o.products = products;
    o.recompute = recompute;
    s->file = model_file_open(folder, &err);
    s->net = s->file ? net_open(s->file, 1, &err) : NULL;
    s->team = team_open(threads, &err);
    if (s->net) s->graph = lora ? learn_graph_lora(s->net, &l, &err) : learn_graph_full(s->net, &err);
    if (s->graph) s->graph->lora_dropout = s->graph->dropout = dropout;
    bool ok =
        s->graph && s->team && trainer_open(&s->trainer, &o, s->graph, &s->train, &s->held_out, s->team, &err) == 0;
    return OK(ok, "opening: %s", err.text);
}

static void close_setup(setup *s) {
    trainer_close(&s->trainer);
    learn_graph_free(s->graph);
    team_close(s->team);
    batches_free(&s->train);
    batches_free(&s->held_out);
    net_close(s->net);
    model_file_close(s->file);
}

// Steps up to `to`; their losses and norms.
static void run(setup *s, int to, double *losses, double *norms) {
    trainer_report r;
    error err;
    while (s->trainer.step < to) {
        int t = s->trainer.step;
        if (!OK(trainer_step(&s->trainer, &r, &err) == TRAINER_DONE && r.step == t + 1, "step %d: %s", t, err.text))
            return;
        losses[t] = r.loss;
        norms[t] = r.grad_norm;
    }
}

static void test_learns(const char *folder) {
    for (int lora = 0; lora < 2; lora++) {
        setup s;
        double losses[STEPS], norms[STEPS];
        if (open_setup(&s, folder, lora, BATCH, 1)) {
            double before = trainer_evaluate(&s.trainer);
            run(&s, STEPS, losses, norms);
            double after = trainer_evaluate(&s.trainer);
            OK(after < before - 0.1, "the held-out loss falls from %g: %g", before, after);
            OK(trainer_evaluate(&s.trainer) == after, "measuring changes nothing");
        }
        close_setup(&s);
    }
}

static double worst_of(const double *a, const double *b) {
    double worst = 0;
    for (int i = 0; i < STEPS; i++) worst = fmax(worst, fabs(a[i] - b[i]) / a[i]);
    return worst;
}

// How rows are put into passes, and whether layers go forward twice, changes no bit; how many threads there are, the
// last digits at most.
static void test_shares(const char *folder, bool lora) {
    setup s;
    double losses[STEPS], norms[STEPS], other[STEPS], other_norms[STEPS];
    if (open_setup(&s, folder, lora, BATCH, 2)) run(&s, STEPS, losses, norms);
    const char *mode = product_mode_name(s.trainer.options.products);
    close_setup(&s);
    for (int way = 0; way < 2 * BATCH; way++) {
        int micro = 1 + way / 2;
        recompute = way % 2;
        if (open_setup(&s, folder, lora, micro, 2)) run(&s, STEPS, other, other_norms);
        close_setup(&s);
        OK(memcmp(losses, other, sizeof losses) == 0, "%s%s, %d rows a pass%s: losses differ by %g", mode,
           lora ? ", adapter" : "", micro, recompute ? ", recompute" : "", worst_of(losses, other));
        OK(memcmp(norms, other_norms, sizeof norms) == 0, "their norms by %g", worst_of(norms, other_norms));
    }
    recompute = false;
    for (int threads = 1; threads <= 3; threads += 2) {
        if (open_setup(&s, folder, lora, 2, threads)) run(&s, STEPS, other, other_norms);
        close_setup(&s);
        OK(worst_of(losses, other) < 1e-5, "%s, %d threads: losses differ by %g", mode, threads,
           worst_of(losses, other));
        OK(worst_of(norms, other_norms) < 1e-4, "their norms by %g", worst_of(norms, other_norms));
    }
}

static void test_goes_on(const char *folder) {
    setup s;
    double losses[STEPS], norms[STEPS], other[STEPS], other_norms[STEPS];
    char *path = path_of(folder, "state");
    checkpoint c = {.step = 5};
    error err;
    if (open_setup(&s, folder, true, 2, 2)) run(&s, STEPS, losses, norms);
    close_setup(&s);
    if (open_setup(&s, folder, true, 2, 2)) {
        run(&s, 5, other, other_norms);
        OK(checkpoint_save(path, &c, &s.graph->params, &err) == 0, "saving: %s", err.text);
    }
    close_setup(&s);
    if (open_setup(&s, folder, true, 2, 2)) {
        OK(checkpoint_load(path, &c, &s.graph->params, &err) == 0, "loading: %s", err.text);
        s.trainer.step = c.step;
        run(&s, STEPS, other, other_norms);
        OK(memcmp(losses, other, sizeof losses) == 0 && memcmp(norms, other_norms, sizeof norms) == 0,
           "a training that goes on gives the same losses to the last bit");
    }
    close_setup(&s);
    remove(path);
    free(path);
}

// Every step leaves out other numbers; nothing is left out of a measurement; training still learns.
static void test_dropout(const char *folder) {
    setup s;
    double with[STEPS], without[STEPS], norms[STEPS];
    if (open_setup(&s, folder, false, BATCH, 1)) run(&s, STEPS, without, norms);
    close_setup(&s);
    dropout = 0.2f;
    if (open_setup(&s, folder, false, BATCH, 1)) {
        double before = trainer_evaluate(&s.trainer);
        OK(before == trainer_evaluate(&s.trainer), "measurements repeat");
        run(&s, STEPS, with, norms);
        OK(with[0] != without[0] && fabs(with[0] - without[0]) < 2, "a step differs: %g, %g", with[0], without[0]);
        OK(trainer_evaluate(&s.trainer) < before - 0.1, "it learns");
    }
    close_setup(&s);
    dropout = 0;
}

static bool say_no(void *arg) {
    return --*(int *)arg >= 0;
}

static void test_stops(const char *folder) {
    setup s;
    double losses[STEPS], norms[STEPS];
    if (open_setup(&s, folder, true, 1, 1)) {
        int left = 2; // passes; a step has four
        trainer_report r;
        error err;
        const param *p = s.graph->params.items[0];
        float before = p->w[0];
        s.trainer.go_on = say_no;
        s.trainer.arg = &left;
        OK(trainer_step(&s.trainer, &r, &err) == TRAINER_STOPPED && s.trainer.step == 0 && p->w[0] == before,
           "a step that is given up changes nothing");
        left = 1;
        OK(isnan(trainer_evaluate(&s.trainer)), "nor is there half a measurement");
        s.trainer.go_on = NULL;
        run(&s, 2, losses, norms);
        OK(s.trainer.step == 2, "it goes on afterwards");
        s.graph->params.items[1]->w[0] = NAN;
        OK(trainer_step(&s.trainer, &r, &err) == TRAINER_FAILED && strstr(err.text, "step 3") && s.trainer.step == 2,
           "a loss that is no number: %s", err.text);
    }
    close_setup(&s);
}

// Counts; the 1007th is one too many.
static bool count_layer(void *arg) {
    return ++*(int *)arg != 1007;
}

// The one that has to give way is asked before every layer and the piece of the loss, and halfway back through them; when
// it says no, the step is as if it had not begun. Members that go through layers by themselves (walk.h: without an
// adapter) are not asked halfway through one.
static void test_at_layer(const char *folder, bool lora) {
    const int asked = (lora ? 3 : 2) * TINY_LAYERS + 2; // times in a pass
    setup s;
    if (open_setup(&s, folder, lora, 2, 2)) {
        int n = 0;
        trainer_report r;
        error err;
        s.trainer.at_layer = count_layer;
        s.trainer.arg = &n;
        OK(trainer_step(&s.trainer, &r, &err) == TRAINER_DONE && n == 2 * asked, "a step of two passes asks %d times",
           n);
        n = 0;
        trainer_evaluate(&s.trainer);
        int rows = (int)batches_rows(&s.held_out), passes = (rows + 1) / 2;
        OK(n == passes * (TINY_LAYERS + 1), "a measurement of %d rows asks %d times", rows, n);
        for (int early = 0; early < 2 * asked; early++) {
            n = 1006 - early;
            OK(trainer_step(&s.trainer, &r, &err) == TRAINER_STOPPED && n == 1007 && s.trainer.step == 1,
               "given up at place %d: %d", early, n);
        }
        n = 1006;
        OK(isnan(trainer_evaluate(&s.trainer)), "a measurement that is given up is none");
    }
    close_setup(&s);
}

// A label of weight 2 counts like two of weight 1; the two parts are means of their own.
static void test_weights(const char *folder) {
    setup s;
    trainer_report r;
    error err;
    if (open_setup(&s, folder, true, BATCH, 1)) {
        s.train.weights = mem_calloc(TOKENS, sizeof *s.train.weights);
        for (int i = 0; i < TOKENS; i++) s.train.weights[i] = i % LEN >= 8;
        trainer two = {0};
        trainer_options o = options_of(2);
        learn_batch b = batches_take(&s.train, 0);
        double all = learn_pass_loss(s.trainer.pass,
                                     &(learn_batch){.rows = b.rows, .len = b.len, .ids = b.ids, .labels = b.labels});
        double answers = learn_pass_loss(s.trainer.pass, &b);
        int n_all = BATCH * (LEN - 1), n_answers = BATCH * 4;
        o.lm_weight = 0.5;
        OK(trainer_open(&two, &o, s.graph, &s.train, NULL, s.team, &err) == 0 &&
               trainer_step(&two, &r, &err) == TRAINER_DONE,
           "a step: %s", err.text);
        double want = answers / n_answers + 0.5 * all / n_all;
        OK(fabs(r.loss - want) < 1e-6 * want && r.labels == n_all, "the two-part loss is %g: %g", want, r.loss);
        trainer_close(&two);
    }
    close_setup(&s);
}

static void test_bad(const char *folder) {
    setup s;
    error err = {""};
    if (open_setup(&s, folder, true, BATCH, 1)) {
        trainer t;
        const trainer_options o = options_of(1);
        s.train.ids[17] = TINY_VOCAB;
        OK(trainer_open(&t, &o, s.graph, &s.train, NULL, s.team, &err) == -1 && strstr(err.text, "vocabulary"), "%s",
           err.text);
        trainer_close(&t);
        s.train.ids[17] = 0;
        s.train.len = 49; // the model has 48 positions
        OK(trainer_open(&t, &o, s.graph, &s.train, NULL, s.team, &err) == -1 && strstr(err.text, "positions"), "%s",
           err.text);
        trainer_close(&t);
        s.train.len = LEN;
    }
    close_setup(&s);
}

// ---- what was learned, in the engine

// The mean loss that a state gives the first row.
static double engine_loss(const net *n, const adapter_use *use, const int32_t *ids) {
    const net_options o = {.n_ctx = LEN, .threads = 1};
    error err;
    double loss = 0;
    net_state *state = net_state_open(n, &o, &err);
    net_set_adapters(state, use, use != NULL);
    for (int i = 0; i + 1 < LEN; i++) {
        if (net_eval(state, ids + i, 1, NULL, NULL, &err) != 0) abort();
        const float *logits = net_logits(state);
        double sum = 0;
        for (int k = 0; k < TINY_VOCAB; k++) sum += exp(logits[k]);
        loss += log(sum) - logits[ids[i + 1]];
    }
    net_state_close(state);
    return loss;
}

static void test_live(const char *folder, const char *name) {
    for (int lora = 0; lora < 2; lora++) {
        setup s;
        double losses[STEPS], norms[STEPS];
        if (open_setup(&s, folder, lora, BATCH, 1)) {
            run(&s, 4, losses, norms);
            learn_batch one = {.rows = 1, .len = LEN, .ids = s.train.ids, .labels = s.train.labels};
            double want = learn_pass_loss(s.trainer.pass, &one), got;
            if (lora) {
                adapter_use use = {live_adapter(s.graph, NULL), 1};
                got = engine_loss(s.net, &use, s.train.ids);
                adapter_close((adapter *)(uintptr_t)use.adapter);
            } else {
                net *n = live_net_open(s.graph);
                got = engine_loss(n, NULL, s.train.ids);
                live_net_close(n, s.graph);
            }
            OK(fabs(got - want) < 1e-4 * want, "%s: the engine's loss %g is the trainer's %g", name, got, want);
        }
        close_setup(&s);
    }
}

int main(void) {
    for (const tiny *t = tiny_models; t->name; t++) {
        char *folder = make_folder();
        tiny_write(t, folder, 4);
        test_live(folder, t->name);
        if (strcmp(t->name, "gpt2") == 0) {
            test_learns(folder);
            for (dropout = 0; dropout < 0.3f; dropout += 0.2f) {
                test_shares(folder, true);
                test_goes_on(folder);
            }
            dropout = 0;
            for (int mode = PRODUCT_FLOAT32; mode <= PRODUCT_FP16; mode++) {
                products = (product_mode)mode;
                test_shares(folder, false);
                test_shares(folder, true);
            }
            products = PRODUCT_FLOAT32;
            test_dropout(folder);
            test_stops(folder);
            test_at_layer(folder, true);
            test_at_layer(folder, false);
            test_weights(folder);
            test_bad(folder);
        }
        tiny_remove(folder);
    }
    return test_end();
}
