#include "app/train_forecast.h"
#include "app/train_job.h"

// Tokens a character, over the beginning of the data. A byte that goes on with a character counts none.
static double fit_of(const batches *b, const tokenizer *t) {
    enum { LOOK = 1 << 16 };
    size_t n = b->n_tokens < LOOK ? b->n_tokens : LOOK;
    double characters = 0;
    for (size_t i = 0; t && i < n; i++) {
        size_t len;
        const char *piece = tokenizer_piece(t, b->ids[i], false, &len);
        for (size_t k = 0; k < len; k++) characters += ((unsigned char)piece[k] & 0xC0) != 0x80;
    }
    return characters > 0 ? (double)n / characters : 0;
}

static void count(train_forecast *f, const train_job *j) {
    const batches *b = &j->data.train;
    f->tokens = (int64_t)b->n_tokens;
    f->learned = j->data.learned;
    f->examples = (int64_t)batches_rows(b);
    f->epoch = train_plan_epoch(b);
    f->tokens_per_character = fit_of(b, j->model->tokenizer);
    f->rows = batches_most_rows(b);
    f->len = b->len;
    if (!j->data.held_out.ids) return;
    f->held_out = (int64_t)j->data.held_out.n_tokens;
    f->held_out_rows = batches_rows(&j->data.held_out);
}

static int measure_pass(train_forecast *f, train_job *j) {
    if (train_open_learner(j) != 0) return -1;
    f->rank = j->s->lora_r;
    f->micro_batch = j->trainer.options.micro_batch;
    f->trained = (double)param_set_count(&j->graph->params);
    train_base_describe(&j->base, j->s->model, j->model->file);
    f->weights = (double)j->base.parameters;
    f->pass_bytes = (double)learn_pass_size(j->trainer.pass);
    f->pass = train_plan_measure(j);
    return 0;
}

int train_forecast_make(train_forecast *f, const train_settings *s, const model *m, bool measure,
                        bool (*go_on)(void *arg), void *arg, error *err) {
    const train_watch watch = {.model = m, .go_on = go_on, .arg = arg};
    train_job j = {.s = s, .watch = &watch, .err = err, .model = m, .folder = {.lock = -1}};
    *f = (train_forecast){0};
    int rc = train_data_open(&j.data, s, m, go_on, arg, err);
    if (rc == TRAIN_DATA_DONE) count(f, &j);
    if (rc == TRAIN_DATA_DONE && measure) rc = measure_pass(f, &j);
    train_close(&j);
    return rc;
}

// ---- from what is known

int train_forecast_steps(const train_forecast *f, const train_settings *s) {
    return train_plan_n_steps(s, f->epoch);
}

static double trained_at(const train_forecast *f, int rank) {
    return rank > 0 && f->rank > 0 ? f->trained * rank / f->rank : f->trained;
}

// A frozen number is met twice (forward, and backward towards the input), one that learns three times.
double train_forecast_seconds(const train_forecast *f, const train_settings *s) {
    if (f->pass <= 0) return 0;
    double work = 2 * f->weights + 3 * trained_at(f, s->lora_r), measured = 2 * f->weights + 3 * f->trained;
    int steps = train_forecast_steps(f, s), interval = train_plan_interval(s, steps);
    size_t look = train_plan_look(s, interval);
    train_cost cost = {.rows = f->rows,
                       .micro_batch = f->micro_batch,
                       .held_out_rows = f->held_out_rows < look ? f->held_out_rows : look,
                       .pass = f->pass * work / measured};
    return train_plan_seconds(&cost, steps, interval);
}

// The number itself, its gradient and AdamW's two moments.
double train_forecast_bytes(const train_forecast *f, const train_settings *s) {
    return f->pass > 0 ? f->pass_bytes + 4.0 * sizeof(float) * trained_at(f, s->lora_r) : 0;
}
