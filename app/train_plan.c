// How many steps there will be, how much memory a pass may take, and what all of it will cost.
#include "app/train_job.h"
#include "model/base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

// ---- steps

int train_plan_n_steps(const train_settings *s, double epoch) {
    double steps = s->max_steps >= 0 ? s->max_steps : ceil(s->epochs * epoch);
    return steps < 1e9 ? (int)steps : 1000000000;
}

int train_plan_interval(const train_settings *s, int steps) {
    int part = steps / 15 > 10 ? steps / 15 : 10;
    return s->eval_every > 0 ? s->eval_every : part;
}

// An evaluation costs a tenth of the training between two of them: it goes forward only, which takes a third.
size_t train_plan_look(const train_settings *s, int interval) {
    enum { FEWEST_TOKENS = 4096 };
    double rows = 0.3 * interval * s->batch_size, fewest = (double)FEWEST_TOKENS / s->block_size;
    if (rows < fewest) rows = fewest;
    return rows < 1e9 ? (size_t)rows + 1 : SIZE_MAX;
}

double train_plan_epoch(const batches *b) {
    return b->first ? (double)batches_epoch(b) : (double)batches_rows(b) / b->batch_size;
}

void train_plan_steps(train_job *j) {
    j->steps = train_plan_n_steps(j->s, train_plan_epoch(&j->data.train));
    j->eval_every = train_plan_interval(j->s, j->steps);
    j->sample_every = j->s->sample_every >= 0 ? j->s->sample_every : j->eval_every;
}

void train_plan_evaluations(train_job *j) {
    if (j->data.held_out.ids) train_data_thin(&j->data, j->model, train_plan_look(j->s, j->eval_every));
}

// ---- memory

static double peak_memory(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024;
}

// Bytes of the parameters' gradients and moments.
static double params_bytes(const train_job *j) {
    return 3.0 * sizeof(float) * (double)param_set_count(&j->graph->params);
}

static double bytes_of(const train_job *j, const learn_pass_options *o) {
    return params_bytes(j) + (double)learn_pass_bytes(j->graph, o);
}

// Rows a pass: as many as fit in PASS_TOKENS tokens, or in PASS_BYTES or a third of what the parameters take where that
// is more. When memory is short: fewer, and where even one is too much, recompute.
int train_plan_pass(train_job *j, learn_pass_options *o) {
    enum { PASS_TOKENS = 512, PASS_BYTES = 256 << 20 };
    const train_settings *s = j->s;
    const batches *b = &j->data.train;
    int most = batches_most_rows(b), least = PASS_TOKENS / b->len > 1 ? PASS_TOKENS / b->len : 1;
    double room = (double)memory_available(), worth = fmax(PASS_BYTES, params_bytes(j) / 3);
    bool chosen = j->state.micro_batch > 0 || s->micro_batch > 0;
    *o = (learn_pass_options){.max_len = b->len, .products = train_open_products(j), .recompute = s->recompute};
    o->max_rows = s->micro_batch > 0 ? s->micro_batch : j->state.micro_batch > 0 ? j->state.micro_batch : most;
    while (!chosen && o->max_rows > least && (double)learn_pass_bytes(j->graph, o) > worth) o->max_rows--;
    if (room < 0) return 0; // that cannot be known
    while (!chosen && o->max_rows > 1 && bytes_of(j, o) > room) o->max_rows--;
    if (bytes_of(j, o) > room) o->recompute = true;
    double want = bytes_of(j, o);
    if (want <= room) return 0;
    return error_set(j->err, "training wants %s more memory, and %s are free; give a smaller --block-size%s",
                     memory_amount(want).text, memory_amount(room).text,
                     s->method == TRAIN_FULL ? ", or train an adapter (--method lora)" : "");
}

// ---- the forecast

double train_plan_measure(train_job *j) {
    double pass = trainer_measure(&j->trainer);
    return pass < 1 ? trainer_measure(&j->trainer) : pass; // the first one also waits for memory
}

double train_plan_seconds(const train_cost *c, int steps, int interval) {
    double row = c->pass / c->micro_batch;
    return row * c->rows * steps + row * (double)c->held_out_rows / 3 * (steps / interval + 1);
}

void train_plan_tell(train_job *j) {
    const batches *b = &j->data.train;
    int micro = j->trainer.options.micro_batch, rows = batches_most_rows(b), left = j->steps - j->state.step;
    train_cost cost = {.rows = rows, .micro_batch = micro, .pass = train_plan_measure(j)};
    if (j->data.held_out.ids) cost.held_out_rows = batches_rows(&j->data.held_out);
    size_t trained = param_set_count(&j->graph->params);
    const char *slash = strrchr(j->folder.path, '/');
    train_event e = {.type = TRAIN_PLAN,
                     .step = j->state.step,
                     .steps = j->steps,
                     .method = train_method_name(j->s->method),
                     .name = slash && slash[1] ? slash + 1 : j->folder.path,
                     .text = j->folder.path,
                     .trained = trained,
                     .parameters = j->base.parameters + (j->s->method == TRAIN_LORA ? trained : 0),
                     .data_tokens = (int64_t)b->n_tokens,
                     .learned_tokens = j->data.learned,
                     .held_out_tokens = (int64_t)j->data.held_out.n_tokens,
                     .batch_size = rows,
                     .micro_batch = micro,
                     .block_size = b->len,
                     .recompute = j->trainer.options.recompute,
                     .products = product_mode_name(j->trainer.options.products),
                     .epochs = (double)j->steps * rows / (double)batches_rows(b)};
    if (b->first) e.epochs = (double)j->steps / (double)batches_epoch(b);
    e.seconds = train_plan_seconds(&cost, left > 0 ? left : 0, j->eval_every);
    // AdamW's moments are touched by the first step only.
    e.bytes = peak_memory() + (j->state.step == 0 ? 2.0 * sizeof(float) * (double)trained : 0);
    train_tell(j, &e);
}
