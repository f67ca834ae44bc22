#include "model/learn/trainer.h"
#include "model/learn/random.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- opening

static int check_batches(const batches *b, const net_config *c, error *err) {
    if (c->position == POSITION_LEARNED && b->len > c->n_ctx)
        return error_set(err, "a block has %d tokens, and the model has %d positions; give a smaller --block-size",
                         b->len, c->n_ctx);
    for (size_t i = 0; i < b->n_tokens; i++)
        if (b->ids[i] < 0 || b->ids[i] >= c->n_vocab || b->labels[i] >= c->n_vocab)
            return error_set(err, "token %zu of the data has the id %d; the model's vocabulary ends at %d", i + 1,
                             (int)(b->labels[i] >= c->n_vocab ? b->labels[i] : b->ids[i]), c->n_vocab - 1);
    return 0;
}

int trainer_open(trainer *t, const trainer_options *o, learn_graph *g, batches *train, batches *held_out, team *team,
                 error *err) {
    *t = (trainer){.options = *o, .graph = g, .train = train, .held_out = held_out, .team = team};
    if (check_batches(train, g->config, err) != 0) return -1;
    if (held_out && check_batches(held_out, g->config, err) != 0) return -1;
    int most = batches_most_rows(train), len = train->len;
    if (t->options.micro_batch > most) t->options.micro_batch = most;
    if (held_out && held_out->len > len) len = held_out->len;
    if (train->weights && o->lm_weight > 0) t->weights = mem_calloc((size_t)most * (size_t)len, sizeof *t->weights);
    const learn_pass_options pass = {
        .max_rows = t->options.micro_batch, .max_len = len, .products = o->products, .recompute = o->recompute};
    t->pass = learn_pass_open(g, &pass, team, err);
    if (!t->pass) return -1;
    t->options.products = learn_pass_mode(t->pass);
    return 0;
}

void trainer_close(trainer *t) {
    learn_pass_close(t->pass);
    free(t->weights);
    *t = (trainer){0};
}

// ---- steps

// Rows [from, to) of b.
static learn_batch rows_of(const learn_batch *b, int from, int to) {
    size_t at = (size_t)from * (size_t)b->len;
    learn_batch part = *b;
    part.rows = to - from;
    part.first_row = from;
    part.ids += at;
    part.labels += at;
    if (b->weights) part.weights += at;
    return part;
}

static double sum_of_weights(const learn_batch *b) {
    if (!b->weights) return learn_batch_count(b);
    double sum = 0;
    for (int r = 0; r < b->rows; r++)
        for (int i = 1; i < b->len; i++) {
            size_t at = (size_t)r * (size_t)b->len + (size_t)i;
            if (b->labels[at] >= 0) sum += b->weights[at];
        }
    return sum;
}

// Adds the losses of a batch to *sum, pass by pass; false when go_on or at_layer said no. weight 0: without gradients.
static bool run_passes(trainer *t, const learn_batch *b, double weight, double *sum) {
    learn_pass_at_layer(t->pass, t->at_layer, t->arg);
    for (int r = 0; r < b->rows; r += t->options.micro_batch) {
        int to = r + t->options.micro_batch < b->rows ? r + t->options.micro_batch : b->rows;
        learn_batch part = rows_of(b, r, to);
        if (t->go_on && !t->go_on(t->arg)) return false;
        *sum += weight > 0 ? learn_pass_train(t->pass, &part, weight) : learn_pass_loss(t->pass, &part);
        if (learn_pass_given_up(t->pass)) return false;
    }
    return true;
}

// Gives every label of b the weight it has in the two-part loss.
static void weigh_parts(trainer *t, learn_batch *b) {
    size_t n = (size_t)b->rows * (size_t)b->len;
    double answers = sum_of_weights(b), all = learn_batch_count(b);
    double lm = all > 0 ? t->options.lm_weight / all : 0, task = answers > 0 ? 1 / answers : 0;
    for (size_t i = 0; i < n; i++) t->weights[i] = (float)(b->weights[i] * task + lm);
    b->weights = t->weights;
}

int trainer_step(trainer *t, trainer_report *out, error *err) {
    double begun = now();
    learn_batch b = batches_take(t->train, (size_t)t->step);
    b.noise = random_seed(t->options.seed, (uint64_t)t->step) | 1;
    if (t->weights) weigh_parts(t, &b);
    double weights = t->weights ? 1 : sum_of_weights(&b);
    param_set *params = &t->graph->params;
    *out = (trainer_report){.step = t->step + 1, .rate = adamw_rate(&t->options.adamw, t->step)};
    out->labels = learn_batch_count(&b);
    out->tokens = (int64_t)b.rows * b.len;
    param_set_clear_grads(params, t->team);
    double sum = 0;
    bool done = !(weights > 0) || run_passes(t, &b, 1 / weights, &sum);
    learn_pass_finish(t->pass);
    if (!done) return TRAINER_STOPPED;
    if (net_check(t->graph->net, err) != 0) return TRAINER_NO_MODEL;
    out->loss = weights > 0 ? sum / weights : 0;
    if (isfinite(out->loss)) out->grad_norm = adamw_step(&t->options.adamw, params, t->step, t->team);
    if (!isfinite(out->loss) || !isfinite(out->grad_norm))
        return error_set(err, "the loss of step %d is not a number any more; a smaller --lr may help", t->step + 1);
    t->step++;
    out->seconds = now() - begun;
    return TRAINER_DONE;
}

double trainer_evaluate(trainer *t) {
    if (!t->held_out) return NAN;
    double sum = 0, labels = 0;
    for (size_t i = 0, n = batches_epoch(t->held_out); i < n; i++) {
        learn_batch b = batches_take(t->held_out, i);
        b.weights = NULL;
        if (!run_passes(t, &b, 0, &sum)) return NAN;
        labels += learn_batch_count(&b);
    }
    return labels > 0 && net_check(t->graph->net, NULL) == 0 ? sum / labels : NAN;
}

double trainer_measure(trainer *t) {
    learn_batch b = batches_take(t->train, 0);
    if (b.rows > t->options.micro_batch) b = rows_of(&b, 0, t->options.micro_batch);
    double begun = now();
    learn_pass_train(t->pass, &b, 1);
    double seconds = now() - begun;
    learn_pass_finish(t->pass);
    param_set_clear_grads(&t->graph->params, t->team);
    return seconds;
}
