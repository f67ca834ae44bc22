// What a training would cost. The data is read as the training would read it; the speed is measured once for a model,
// by threads that take only what nobody else wants, so that an answer that streams meanwhile does not stumble.
#include "app/tuning_job.h"

#include <sched.h>

typedef struct forecasting {
    tuning_private *p;
    tuning_wish *wish;
    tuning_result *result;
} forecasting;

static bool go_on(void *arg) {
    const forecasting *f = arg;
    return tuning_is_wanted(f->p, f->wish->number);
}

static void take_measures(train_forecast *to, const train_forecast *known) {
    to->rank = known->rank;
    to->pass = known->pass;
    to->micro_batch = known->micro_batch;
    to->weights = known->weights;
    to->trained = known->trained;
    to->pass_bytes = known->pass_bytes;
}

// A model too large to be opened a second time is a forecast without seconds.
static int open_model(const forecasting *f, bool measure, model *m, error *err) {
    const train_settings *s = &f->wish->settings;
    if (measure && model_open(m, s->model, s->threads, 0, err) == 0) return 0;
    return model_open(m, s->model, s->threads, MODEL_NO_WEIGHTS, err);
}

static int forecast(forecasting *f) {
    tuning_result *r = f->result;
    train_settings *s = &f->wish->settings;
    const train_forecast *known = &f->wish->known;
    bool measure = known->pass <= 0 || known->len != s->block_size;
    model m;
    r->n_ctx = f->wish->n_ctx;
    if (train_settings_finish(s, &r->err) != 0 || open_model(f, measure, &m, &r->err) != 0) return -1;
    int rc = 0;
    if (!m.tokenizer)
        rc = error_set(&r->err, "%s: has no tokenizer, so it cannot learn from text; /model takes another", s->model);
    if (m.net) r->n_ctx = net_get_config(m.net)->n_ctx;
    if (r->n_ctx > 0 && s->block_size > r->n_ctx) s->block_size = r->n_ctx;
    if (rc == 0) rc = train_forecast_make(&r->forecast, s, &m, measure && m.net, go_on, f, &r->err);
    if (rc == 0 && !measure) take_measures(&r->forecast, known);
    model_close(&m);
    return rc;
}

static void *run_idle(void *arg) {
    forecasting *f = arg;
#ifdef SCHED_IDLE
    const struct sched_param none = {0};
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
#endif
    f->result->code = forecast(f);
    return NULL;
}

// On a thread of its own, since idle priority cannot be left again.
void tuning_forecast_run(tuning_private *p, tuning_wish *w, tuning_result *r) {
    forecasting f = {p, w, r};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_idle, &f) == 0)
        pthread_join(thread, NULL);
    else
        r->code = error_set(&r->err, "cannot start a thread to look at the data");
}

// ---- on main

void tuning_forecast_update(tuning *t) {
    const train_forecast *last = &t->p->last;
    tuning_forecast *f = &t->forecast;
    train_settings s = train_settings_none();
    error err;
    f->known = last->examples > 0;
    if (!f->known) return;
    tuning_settings_fill(t, &s);
    if (train_settings_finish(&s, &err) == 0) {
        f->examples = last->examples;
        f->tokens = last->tokens;
        f->tokens_per_character = last->tokens_per_character;
        f->steps = train_forecast_steps(last, &s);
        f->epochs = f->steps / last->epoch;
        f->measured = last->pass > 0;
        f->seconds = train_forecast_seconds(last, &s);
        f->bytes = train_forecast_bytes(last, &s);
    }
    train_settings_free(&s);
}
