// Training an adapter over quantised weights: what each way to multiply makes of the loss and of the gradients, beside
// float32; and that neither rows a pass nor members change what they should not.
#include "model/learn/pass.h"
#include "model/learn/random.h"
#include "tests/small.h"
#include "tests/test.h"

#include <math.h>

enum { ROWS = 3, LEN = 70 };

typedef struct setup {
    small small;
    learn_graph *graph;
    int32_t ids[ROWS * LEN];
    size_t n; // numbers that learn
} setup;

// B does not begin with zeros here: A has gradients, too.
static bool open_setup(setup *s) {
    const learn_lora lora = {.rank = 5, .alpha = 10, .targets = TARGET_ALL, .seed = 2};
    error err;
    uint64_t random = random_seed(1, 0);
    small_open(&s->small, (small_options){.seed = 3, .width = 0.1f});
    s->graph = learn_graph_lora(s->small.model.net, &lora, &err);
    for (int i = 0; i < ROWS * LEN; i++) s->ids[i] = (int32_t)random_below(&random, SMALL_VOCAB);
    if (!OK(s->graph, "an adapter: %s", err.text)) return false;
    for (size_t i = 0; i < s->graph->params.n; i++) {
        param *p = s->graph->params.items[i];
        s->n += param_count(p);
        for (size_t k = 0; k < param_count(p); k++)
            if (p->w[k] == 0) p->w[k] = 0.05f * random_normal(&random);
    }
    return true;
}

// The mean loss; all gradients one after the other into out.
static double gradients(const setup *s, product_mode mode, int threads, int rows_a_pass, float *out) {
    const learn_pass_options o = {.max_rows = rows_a_pass, .max_len = LEN, .products = mode};
    error err;
    team *team = team_open(threads, &err);
    learn_pass *pass = team ? learn_pass_open(s->graph, &o, team, &err) : NULL;
    double loss = 0;
    if (OK(pass, "a pass: %s", err.text)) {
        OK(learn_pass_mode(pass) == mode, "products are in %s", product_mode_name(mode));
        param_set_clear_grads(&s->graph->params, team);
        for (int r = 0; r < ROWS; r += rows_a_pass) {
            const int32_t *ids = s->ids + (size_t)r * LEN;
            int rows = ROWS - r < rows_a_pass ? ROWS - r : rows_a_pass;
            learn_batch b = {.rows = rows, .len = LEN, .ids = ids, .labels = ids};
            loss += learn_pass_train(pass, &b, 1.0 / (ROWS * (LEN - 1))) / (ROWS * (LEN - 1));
        }
        learn_pass_finish(pass);
    }
    for (size_t i = 0; i < s->graph->params.n; i++) {
        const param *p = s->graph->params.items[i];
        memcpy(out, p->grad, param_count(p) * sizeof *out);
        out += param_count(p);
    }
    learn_pass_close(pass);
    team_close(team);
    return loss;
}

static double length(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sqrt(sum);
}

// How far y is from x, in units of x's length.
static double distance(const float *x, const float *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
    return sqrt(sum) / length(x, n);
}

// loss_limit: of the loss, relative. limit: of all gradients together; a single parameter's may be off four times as far.
static void test_mode(const setup *s, product_mode mode, double loss_limit, double limit) {
    const char *name = product_mode_name(mode);
    float *exact = mem_calloc(s->n, sizeof *exact), *found = mem_calloc(s->n, sizeof *found),
          *other = mem_calloc(s->n, sizeof *other);
    double want = gradients(s, PRODUCT_FLOAT32, 1, ROWS, exact), loss = gradients(s, mode, 1, ROWS, found);
    double off = distance(exact, found, s->n), worst = 0;
    for (size_t i = 0, at = 0; i < s->graph->params.n; at += param_count(s->graph->params.items[i++]))
        worst = fmax(worst, distance(exact + at, found + at, param_count(s->graph->params.items[i])));
    OK(fabs(loss - want) <= loss_limit * want, "%s: the loss is %g, in float32 %g", name, loss, want);
    OK(off <= limit, "%s: the gradients are off by %g of their length", name, off);
    OK(worst <= 4 * limit, "%s: one parameter's by %g", name, worst);
    double again = gradients(s, mode, 1, 1, other);
    OK(fabs(again - loss) < 1e-12 * loss && memcmp(found, other, s->n * sizeof *other) == 0,
       "%s: rows one at a time give the same", name);
    gradients(s, mode, 3, 2, found);
    OK(distance(other, found, s->n) < 1e-5, "%s: three members: off by %g", name, distance(other, found, s->n));
    OK(gradients(s, mode, 3, 1, other) > 0 && memcmp(found, other, s->n * sizeof *other) == 0,
       "%s: three members always give the same", name);
    free(exact);
    free(found);
    free(other);
}

int main(void) {
    setup s = {0};
    if (open_setup(&s)) {
        test_mode(&s, PRODUCT_INT8, 1e-3, 0.012);
        if (product_choose(s.graph, PRODUCT_FP16) == PRODUCT_FP16)
            test_mode(&s, PRODUCT_FP16, 2e-4, 0.0015);
        else
            SKIP("this processor does not multiply fp16");
        if (product_choose(s.graph, PRODUCT_BF16) == PRODUCT_BF16)
            test_mode(&s, PRODUCT_BF16, 1e-2, 0.007);
        else
            SKIP("this processor does not multiply bf16");
    }
    learn_graph_free(s.graph);
    small_close(&s.small);
    return test_end();
}
