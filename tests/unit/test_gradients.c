// Every backward against finite differences: the loss of a tiny model of each family is calculated at points along a
// direction in its parameters, and the slope compared with what the gradients say.
//
// Two directions for every parameter: along its own gradient, where the slope must be the gradient's length, and a
// random one, which sees what is missing from the gradient.
#include "model/learn/export.h"
#include "model/learn/pass.h"
#include "tests/test.h"
#include "tests/tiny.h"

#include <sys/stat.h>

enum { ROWS = 2, LEN = 14 };

typedef struct setup {
    const char *what;
    model_file *file;
    net *net;
    learn_graph *graph;
    learn_pass *pass;
    team *team;
    int32_t ids[ROWS * LEN], labels[ROWS * LEN];
    float weights[ROWS * LEN];
    learn_batch batch;
} setup;

enum { MASKED = 1, NOISY = 2 };

// NOISY: with dropout, the same for every pass.
static void make_batch(setup *s, unsigned kind) {
    bool masked = kind & MASKED;
    uint64_t random = random_seed(7, 0);
    for (int i = 0; i < ROWS * LEN; i++) {
        s->ids[i] = (int32_t)random_below(&random, TINY_VOCAB);
        s->labels[i] = masked && random_below(&random, 3) == 0 ? LEARN_NO_LABEL : s->ids[i];
        s->weights[i] = (float)(0.25 + random_unit(&random));
    }
    s->batch = (learn_batch){.rows = ROWS, .len = LEN, .ids = s->ids, .labels = s->labels};
    if (masked) s->batch.weights = s->weights;
    if (kind & NOISY) s->batch.noise = 99;
}

static bool open_setup(setup *s, const char *path) {
    error err;
    s->file = model_file_open(path, &err);
    s->net = s->file ? net_open(s->file, 1, &err) : NULL;
    s->team = team_open(2, &err);
    return OK(s->net && s->team, "%s: %s", s->what, err.text);
}

static bool open_pass(setup *s) {
    error err;
    const learn_pass_options o = {.max_rows = ROWS, .max_len = LEN, .products = PRODUCT_FLOAT32};
    s->pass = s->graph ? learn_pass_open(s->graph, &o, s->team, &err) : NULL;
    return OK(s->pass, "%s: a pass: %s", s->what, err.text);
}

static void close_setup(setup *s) {
    learn_pass_close(s->pass);
    learn_graph_free(s->graph);
    team_close(s->team);
    net_close(s->net);
    model_file_close(s->file);
}

// ---- slopes

// The loss with p moved by `by` times direction.
static double loss_at(const setup *s, param *p, const float *before, const float *direction, double by) {
    size_t n = param_count(p);
    for (size_t i = 0; i < n; i++) p->w[i] = (float)(before[i] + by * direction[i]);
    double loss = learn_pass_loss(s->pass, &s->batch);
    memcpy(p->w, before, n * sizeof *before);
    return loss;
}

// The slope along a direction of length 1, by Richardson's extrapolation of central differences. Where the loss is steep
// it also bends much: h gets smaller.
static double slope(const setup *s, param *p, const float *before, const float *direction, double steepness) {
    double h = 0.12 / (4 + steepness);
    double wide = (loss_at(s, p, before, direction, h) - loss_at(s, p, before, direction, -h)) / (2 * h);
    double near = (loss_at(s, p, before, direction, h / 2) - loss_at(s, p, before, direction, -h / 2)) / h;
    return (4 * near - wide) / 3;
}

static double normalise(float *x, size_t n) {
    double length = 0;
    for (size_t i = 0; i < n; i++) length += (double)x[i] * x[i];
    length = sqrt(length);
    for (size_t i = 0; i < n && length > 0; i++) x[i] = (float)(x[i] / length);
    return length;
}

static void check_param(const setup *s, param *p, uint64_t *random) {
    // Float32 leaves about 1e-5 of noise in a loss of 100; divided by h that is 1e-3.
    static const double noise = 2e-3, relative = 4e-3;
    size_t n = param_count(p);
    float *before = mem_calloc(n, sizeof *before), *direction = mem_calloc(n, sizeof *direction);
    memcpy(before, p->w, n * sizeof *before);
    memcpy(direction, p->grad, n * sizeof *direction);
    double length = normalise(direction, n), found = length > 0 ? slope(s, p, before, direction, length) : 0;
    OK(fabs(found - length) <= noise + relative * length, "%s: %s: a gradient of length %g, the slope along it is %g",
       s->what, p->name, length, found);
    for (size_t i = 0; i < n; i++) direction[i] = random_normal(random);
    normalise(direction, n);
    double along = 0;
    for (size_t i = 0; i < n; i++) along += (double)direction[i] * p->grad[i];
    found = slope(s, p, before, direction, length);
    OK(fabs(found - along) <= noise + relative * length, "%s: %s: %g along a random direction, the slope is %g",
       s->what, p->name, along, found);
    free(before);
    free(direction);
}

static void check_all(setup *s) {
    uint64_t random = random_seed(11, 0);
    param_set *params = &s->graph->params;
    param_set_clear_grads(params, NULL);
    double loss = learn_pass_train(s->pass, &s->batch, 1), again = learn_pass_loss(s->pass, &s->batch);
    learn_pass_finish(s->pass);
    OK(loss == again, "%s: the same loss with and without gradients: %.9g, %.9g", s->what, loss, again);
    for (size_t i = 0; i < params->n; i++) check_param(s, params->items[i], &random);
    // Twice the weight adds twice the gradient: three times in all.
    double norm = param_set_grad_norm(params, NULL);
    learn_pass_train(s->pass, &s->batch, 2);
    learn_pass_finish(s->pass);
    OK(fabs(param_set_grad_norm(params, NULL) / norm - 3) < 1e-5, "%s: gradients add up", s->what);
}

// ---- what is trained

static void test_full(const tiny *t, const char *folder, int top_layers, float dropout) {
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", t->name, dropout > 0 ? ", dropout" : "", top_layers ? ", last layer" : "");
    setup s = {.what = name};
    error err;
    make_batch(&s, dropout > 0 ? NOISY : 0);
    if (open_setup(&s, folder)) {
        s.graph = learn_graph_top(s.net, top_layers, &err);
        if (s.graph) s.graph->dropout = dropout;
        if (open_pass(&s)) check_all(&s);
    }
    close_setup(&s);
}

static learn_graph *adapted(const setup *s, int top_layers, error *err) {
    const learn_lora o = {
        .rank = 3, .alpha = 5, .targets = TARGET_ALL, .top_layers = top_layers, .rs = true, .seed = 3};
    learn_graph *g = learn_graph_lora(s->net, &o, err);
    uint64_t random = random_seed(5, 0);
    // B begins at zero, which would hide what goes through it.
    for (size_t i = 0; g && i < g->params.n; i++) {
        param *p = g->params.items[i];
        bool is_b = strstr(p->name, ".lora_b") != NULL;
        for (size_t k = 0; is_b && k < param_count(p); k++) p->w[k] = 0.3f * random_normal(&random);
    }
    return g;
}

static void test_lora(const tiny *t, const char *path, const char *what, int top_layers, float dropout) {
    char name[64];
    snprintf(name, sizeof name, "%s, %s", t->name, what);
    setup s = {.what = name};
    error err;
    make_batch(&s, dropout > 0 ? MASKED | NOISY : MASKED);
    if (open_setup(&s, path)) {
        s.graph = adapted(&s, top_layers, &err);
        if (s.graph) s.graph->lora_dropout = dropout;
        if (open_pass(&s)) check_all(&s);
    }
    close_setup(&s);
}

// The base in another form: adapters over quantised weights.
static void test_quantised(const tiny *t, const char *folder) {
    setup s = {.what = t->name};
    error err;
    char *path = path_of(folder, "quantised.gguf");
    tiny_write_tokenizer(folder);
    tokenizer *words = tokenizer_open_dir(folder, &err);
    if (OK(words, "%s", err.text) && open_setup(&s, folder)) {
        const export_source source = {.net = s.net, .tokenizer = words};
        if (OK(export_gguf(&source, TENSOR_Q4_1, path, &err) == 0, "%s: %s", t->name, err.text))
            test_lora(t, path, "adapter over q4_1", 0, 0);
    }
    close_setup(&s);
    tokenizer_free(words);
    remove(path);
    free(path);
}

int main(void) {
    for (const tiny *t = tiny_models; t->name; t++) {
        char *folder = make_folder();
        tiny_write(t, folder, 1);
        test_full(t, folder, 0, 0);
        test_full(t, folder, 0, 0.2f);
        test_full(t, folder, 1, 0);
        test_lora(t, folder, "adapter", 0, 0);
        test_lora(t, folder, "adapter with dropout", 0, 0.3f);
        test_lora(t, folder, "adapter in the last layer", 1, 0);
        if (strcmp(t->name, "llama") == 0) test_quantised(t, folder);
        tiny_remove(folder);
    }
    return test_end();
}
