#include "app/train_run.h"
#include "app/paths.h"
#include "app/train_base.h"
#include "app/train_data.h"
#include "app/train_folder.h"
#include "app/train_sample.h"
#include "model/file/outfile.h"
#include "model/learn/checkpoint.h"
#include "model/learn/export.h"
#include "model/learn/peft.h"
#include "model/learn/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct run {
    const train_settings *s;
    const char *arguments;
    const train_watch *watch;
    error *err;

    train_folder folder;
    model own;          // opened here
    const model *model; // own, or the caller's
    train_base base;
    train_data data;
    learn_graph *graph;
    peft_settings peft; // TRAIN_LORA
    team *team;
    trainer trainer;
    train_sampler sampler;

    checkpoint state; // how far it is; saved as it is
    bool resumed;     // state comes from a checkpoint
    int steps, eval_every, sample_every;
    int saved;        // the step of the last checkpoint
    double saved_at;  // when that was
    double begun;     // when this run's steps began
    int first_step;   // steps done then
    double before;    // seconds that the runs before it took
    double last_loss; // of the last step
} run;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool may_go_on(const run *r) {
    return !r->watch->go_on || r->watch->go_on(r->watch->arg);
}

// ---- events

static void tell(run *r, const train_event *e) {
    buf line = {0};
    train_event_json(e, &line);
    train_folder_note(&r->folder, &line);
    buf_free(&line);
    r->watch->on_event(r->watch->arg, e);
}

static void tell_text(run *r, train_event_type type, const char *text) {
    tell(r, &(train_event){.type = type, .step = r->state.step, .steps = r->steps, .text = text});
}

// Notes come one a line.
static void tell_notes(run *r, const buf *notes) {
    for (const char *s = buf_str(notes); *s;) {
        size_t n = strcspn(s, "\n");
        char *line = mem_strndup(s, n);
        tell_text(r, TRAIN_NOTE, line);
        free(line);
        s += n + (s[n] == '\n');
    }
}

// ---- run.json

static void put_string(buf *out, const char *name, const char *text) {
    buf_printf(out, ",\n \"%s\": ", name);
    buf_json_string(out, text, strlen(text));
}

static void put_strings(buf *out, const char *name, const char *const *list, size_t n) {
    buf_printf(out, ",\n \"%s\": [", name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) buf_puts(out, ", ");
        buf_json_string(out, list[i], strlen(list[i]));
    }
    buf_putc(out, ']');
}

static void put_number(buf *out, const char *name, double x) {
    if (isfinite(x)) buf_printf(out, ",\n \"%s\": %.9g", name, x);
}

static void put_base(const train_base *b, buf *out) {
    buf_puts(out, ",\n \"base\": {\"path\": ");
    buf_json_string(out, b->path, strlen(b->path));
    buf_printf(out, ", \"bytes\": %llu, \"tensors\": %zu, \"fingerprint\": \"%016llx\"}", (unsigned long long)b->bytes,
               b->n_tensors, (unsigned long long)b->fingerprint);
}

static int save_run(run *r, const char *status) {
    buf out = {0};
    const train_settings *s = r->s;
    buf_puts(&out, "{\"doppel\": 1");
    put_string(&out, "method", train_method_name(s->method));
    put_string(&out, "status", status);
    if (s->method != TRAIN_SCRATCH) put_base(&r->base, &out);
    if (r->data.chat) put_string(&out, "layout", s->layout == LAYOUT_TURNS ? "turns" : "lines");
    put_strings(&out, "imitate", s->imitate.items, s->imitate.n);
    put_strings(&out, "authors", (const char *const *)r->data.authors, r->data.n_authors);
    put_strings(&out, "data", s->data.items, s->data.n);
    put_number(&out, "session_gap", s->session_gap);
    put_number(&out, "steps", r->steps);
    put_number(&out, "step", r->state.step);
    put_number(&out, "best_step", r->state.best_step);
    put_number(&out, "loss", r->state.best_loss);
    put_number(&out, "seconds", r->state.seconds);
    buf_printf(&out, ",\n \"arguments\": %s\n}\n", r->arguments);
    int rc = outfile_replace(r->folder.run, out.data, out.len, r->err);
    buf_free(&out);
    return rc;
}

// ---- saving

// What was learned so far becomes the result.
static int save_result(run *r) {
    if (r->s->method == TRAIN_LORA) return peft_save(r->folder.path, r->graph, &r->peft, r->err);
    const export_source source = {.net = r->model->net, .tokenizer = r->model->tokenizer, .params = &r->graph->params};
    return export_hf(&source, TENSOR_F32, r->folder.path, r->err);
}

static int save_checkpoint(run *r) {
    r->state.seconds = r->before + now() - r->begun;
    if (!r->data.held_out.ids && save_result(r) != 0) return -1;
    if (checkpoint_save(r->folder.state, &r->state, &r->graph->params, r->err) != 0) return -1;
    if (save_run(r, "running") != 0) return -1;
    r->folder.made = false;
    r->saved = r->state.step;
    r->saved_at = now();
    tell_text(r, TRAIN_CHECKPOINT, r->folder.state);
    return 0;
}

// ---- opening

static int open_lora(run *r) {
    const train_settings *s = r->s;
    learn_lora *o = &r->peft.lora;
    r->peft.base = r->base.path;
    r->peft.dropout = s->lora_dropout;
    if (s->init_adapter) {
        if (peft_read_settings(s->init_adapter, r->model->net, &r->peft, r->err) != 0) return -1;
        r->peft.base = r->base.path;
        r->peft.dropout = s->lora_dropout;
    } else {
        *o = (learn_lora){.rank = s->lora_r, .alpha = s->lora_alpha, .top_layers = s->top_layers, .rs = s->rslora};
        char *names = mem_strdup(s->targets ? s->targets : "all-linear"), *rest = names;
        int rc = 0;
        for (char *name; rc == 0 && (name = strsep(&rest, ", "));)
            if (*name) rc = peft_add_target(r->model->net, name, &o->targets, r->err);
        free(names);
        if (rc != 0) return error_prefix(r->err, "--target-modules");
    }
    o->seed = (uint64_t)s->seed;
    r->graph = learn_graph_lora(r->model->net, o, r->err);
    if (!r->graph) return -1;
    return s->init_adapter ? peft_load(s->init_adapter, r->graph, r->err) : 0;
}

static int open_model(run *r) {
    const train_settings *s = r->s;
    const char *path = s->method == TRAIN_SCRATCH ? r->folder.path : s->model;
    if (s->method == TRAIN_SCRATCH && !s->resume && train_base_make(r->folder.path, s, r->err) != 0) return -1;
    r->model = r->watch->model ? r->watch->model : &r->own;
    if (r->model == &r->own && model_open(&r->own, path, s->threads, 0, r->err) != 0) return -1;
    train_base_describe(&r->base, path, r->model->file);
    return 0;
}

static int open_graph(run *r) {
    bool lora = r->s->method == TRAIN_LORA;
    if (lora && open_lora(r) != 0) return -1;
    if (!lora && !(r->graph = learn_graph_top(r->model->net, r->s->top_layers, r->err))) return -1;
    r->graph->lora_dropout = lora ? (float)r->peft.dropout : 0;
    r->graph->dropout = (float)r->s->dropout;
    return 0;
}

// ---- memory

// Bytes that programs can still have; 0 when that cannot be known.
static double free_memory(void) {
    FILE *f = fopen("/proc/meminfo", "r");
    char line[128];
    double kb = 0;
    while (f && kb == 0 && fgets(line, sizeof line, f)) sscanf(line, "MemAvailable: %lf", &kb);
    if (f) fclose(f);
    return kb * 1024;
}

static double peak_memory(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024;
}

// Rows a pass: as many as fit in PASS_TOKENS tokens, or in PASS_BYTES where that is more; fewer when memory is short.
static int choose_micro_batch(run *r, int *micro) {
    enum { PASS_TOKENS = 512, PASS_BYTES = 256 << 20 };
    const batches *b = &r->data.train;
    int most = batches_most_rows(b), len = b->len, least = PASS_TOKENS / len > 1 ? PASS_TOKENS / len : 1;
    double params = 3.0 * sizeof(float) * (double)param_set_count(&r->graph->params), room = free_memory();
    *micro = r->state.micro_batch > 0 ? r->state.micro_batch : r->s->micro_batch > 0 ? r->s->micro_batch : most;
    bool chosen = r->state.micro_batch > 0 || r->s->micro_batch > 0;
    while (!chosen && *micro > least && learn_pass_bytes(r->graph, *micro, len) > PASS_BYTES) --*micro;
    while (!chosen && *micro > 1 && room > 0 && params + (double)learn_pass_bytes(r->graph, *micro, len) > room)
        --*micro;
    double want = params + (double)learn_pass_bytes(r->graph, *micro, len);
    if (room == 0 || want <= room) return 0;
    return error_set(r->err, "training wants %.1f GB more memory, and %.1f GB are free; give a smaller --block-size%s",
                     want / 1e9, room / 1e9, r->s->method == TRAIN_FULL ? ", or train an adapter (--method lora)" : "");
}

// AUTO times what is fastest, which may come out differently the next time: a training goes on as it began.
static product_mode products_of(const run *r) {
    for (product_mode m = PRODUCT_FLOAT32; r->resumed && m <= PRODUCT_INT8; m++)
        if (strcmp(r->state.products, product_mode_name(m)) == 0) return m;
    return r->s->float32 ? PRODUCT_FLOAT32 : PRODUCT_AUTO;
}

static int open_trainer(run *r) {
    const train_settings *s = r->s;
    int micro;
    if (choose_micro_batch(r, &micro) != 0) return -1;
    trainer_options o = {.micro_batch = micro,
                         .products = products_of(r),
                         .lm_weight = s->two_part ? s->lm_weight : 0,
                         .seed = (uint64_t)s->seed};
    int warmup = s->warmup >= 0 ? s->warmup : r->steps / 10 < 100 ? r->steps / 10 : 100;
    o.adamw = (adamw_options){.lr = s->lr,
                              .beta1 = s->beta1,
                              .beta2 = s->beta2,
                              .eps = s->adam_eps,
                              .weight_decay = s->weight_decay,
                              .clip = s->clip,
                              .schedule = s->schedule,
                              .warmup = warmup,
                              .steps = r->steps};
    r->team = team_open(s->threads > 0 ? s->threads : r->state.threads > 0 ? r->state.threads : team_cores(), r->err);
    if (!r->team) return -1;
    batches *held_out = r->data.held_out.ids ? &r->data.held_out : NULL;
    if (trainer_open(&r->trainer, &o, r->graph, &r->data.train, held_out, r->team, r->err) != 0) return -1;
    r->trainer.go_on = r->watch->go_on;
    r->trainer.arg = r->watch->arg;
    return 0;
}

static void plan_steps(run *r) {
    const train_settings *s = r->s;
    double epoch = (double)batches_rows(&r->data.train) / s->batch_size;
    if (r->data.train.first) epoch = (double)batches_epoch(&r->data.train);
    double steps = s->max_steps >= 0 ? s->max_steps : ceil(s->epochs * epoch);
    r->steps = steps < 1e9 ? (int)steps : 1000000000;
    int part = r->steps / 15 > 10 ? r->steps / 15 : 10;
    r->eval_every = s->eval_every > 0 ? s->eval_every : part;
    r->sample_every = s->sample_every >= 0 ? s->sample_every : r->eval_every;
}

// An evaluation costs a tenth of the training between two of them: it goes forward only, which takes a third.
static void plan_evaluations(run *r) {
    enum { FEWEST_TOKENS = 4096 };
    double rows = 0.3 * r->eval_every * r->s->batch_size, fewest = (double)FEWEST_TOKENS / r->s->block_size;
    if (rows < fewest) rows = fewest;
    if (r->data.held_out.ids && rows < 1e9) train_data_thin(&r->data, r->model, (size_t)rows + 1);
}

static void tell_plan(run *r) {
    const batches *b = &r->data.train;
    int micro = r->trainer.options.micro_batch, rows = batches_most_rows(b), left = r->steps - r->state.step;
    double pass = trainer_measure(&r->trainer);
    if (pass < 1) pass = trainer_measure(&r->trainer); // the first one also waits for memory
    double step = pass * rows / micro;
    double held_out = r->data.held_out.ids ? (double)r->data.held_out.n_tokens / b->len * pass / micro / 3 : 0;
    size_t trained = param_set_count(&r->graph->params);
    train_event e = {.type = TRAIN_PLAN,
                     .step = r->state.step,
                     .steps = r->steps,
                     .method = train_method_name(r->s->method),
                     .name = r->folder.name,
                     .trained = trained,
                     .parameters = r->base.parameters + (r->s->method == TRAIN_LORA ? trained : 0),
                     .data_tokens = (int64_t)b->n_tokens,
                     .learned_tokens = r->data.learned,
                     .held_out_tokens = (int64_t)r->data.held_out.n_tokens,
                     .batch_size = rows,
                     .micro_batch = micro,
                     .block_size = b->len,
                     .epochs = (double)r->steps * rows / (double)batches_rows(b)};
    if (b->first) e.epochs = (double)r->steps / (double)batches_epoch(b);
    e.seconds = step * left + held_out * (left / r->eval_every + 1);
    // AdamW's moments are touched by the first step only.
    e.bytes = peak_memory() + (r->state.step == 0 ? 2.0 * sizeof(float) * (double)trained : 0);
    tell(r, &e);
}

// ---- going on

static uint64_t base_of(const run *r) {
    return r->s->method == TRAIN_SCRATCH ? 0 : r->base.fingerprint; // its file is rewritten while it learns
}

static int check_resumed(run *r) {
    const checkpoint *c = &r->state;
    if (c->base != base_of(r))
        return error_set(r->err,
                         "%s: is not the model that this training began with; bring that one back, or begin a "
                         "new training with -o",
                         r->base.path);
    if (c->data != batches_digest(&r->data.train))
        return error_set(r->err,
                         "%s: the data has changed since this training began; bring the old files back, or "
                         "begin a new one with -o",
                         r->folder.path);
    return 0;
}

// Where the training to go on with stands, before anything that depends on it is opened.
static int read_state(run *r) {
    checkpoint *c = &r->state;
    *c = (checkpoint){.best_loss = INFINITY, .least_copied = INFINITY};
    r->resumed = r->s->resume && access(r->folder.state, F_OK) == 0;
    return r->resumed ? checkpoint_read(r->folder.state, c, r->err) : 0;
}

static int load_state(run *r) {
    checkpoint *c = &r->state;
    if (r->resumed && (check_resumed(r) != 0 || checkpoint_load(r->folder.state, c, &r->graph->params, r->err) != 0))
        return -1;
    if (train_folder_open_metrics(&r->folder, r->resumed ? c->step : -1, r->err) != 0) return -1;
    if (r->resumed && strcmp(c->kernels, net_kernels()) != 0)
        tell_text(r, TRAIN_NOTE,
                  "this machine calculates with other instructions than the one that this training ran "
                  "on: losses will differ in their last digits");
    c->base = base_of(r);
    c->data = batches_digest(&r->data.train);
    c->seed = (uint64_t)r->s->seed;
    c->micro_batch = r->trainer.options.micro_batch;
    c->threads = team_size(r->team);
    snprintf(c->kernels, sizeof c->kernels, "%s", net_kernels());
    snprintf(c->products, sizeof c->products, "%s", product_mode_name(r->trainer.options.products));
    r->trainer.step = r->saved = c->step;
    r->before = c->seconds;
    return 0;
}

// ---- looking at what was learned

// Copying has begun to rise: it was clearly above the least so far, twice in a row.
static void count_copying(checkpoint *c, double rate) {
    static const double clear = 0.1;
    if (!isfinite(rate)) return;
    if (rate < c->least_copied) c->least_copied = rate;
    c->copying = rate > c->least_copied + clear ? c->copying + 1 : 0;
}

static bool has_learned_enough(const run *r) {
    const checkpoint *c = &r->state;
    return (r->s->patience > 0 && c->worse >= r->s->patience) || c->copying >= 2;
}

static int sample(run *r, bool shown, double *copy_rate) {
    buf text = {0};
    int rc = train_sampler_write(&r->sampler, r->graph, &text, copy_rate, r->err);
    if (rc == 0 && shown && r->model->tokenizer) tell_text(r, TRAIN_SAMPLE, buf_str(&text));
    buf_free(&text);
    return rc;
}

// Evaluates and keeps the best. The untrained model (step 0) is measured too, but is no result.
static int evaluate(run *r) {
    checkpoint *c = &r->state;
    train_event e = {.type = TRAIN_EVAL, .step = c->step, .steps = r->steps, .copy_rate = NAN, .nll_char = NAN};
    e.loss = trainer_evaluate(&r->trainer);
    if (!isfinite(e.loss) && !may_go_on(r)) return 0;
    if (!isfinite(e.loss)) return error_set(r->err, "the held-out loss of step %d is not a number", c->step);
    if (r->data.characters > 0) e.nll_char = e.loss * (double)r->data.held_out_labels / r->data.characters;
    if (c->step > 0 && r->sample_every > 0 && sample(r, c->step % r->sample_every == 0, &e.copy_rate) != 0) return -1;
    c->evaluated = c->step;
    if (c->step > 0) {
        count_copying(c, e.copy_rate);
        e.best = e.loss < c->best_loss;
        c->worse = e.best ? 0 : c->worse + 1;
    }
    // What cannot be saved is not the best: the next one may be.
    if (e.best && save_result(r) != 0) {
        tell_text(r, TRAIN_NOTE, r->err->text);
        e.best = false;
    }
    if (e.best) {
        c->best_loss = e.loss;
        c->best_step = c->step;
        r->folder.made = false;
    }
    tell(r, &e);
    return 0;
}

// What is due after a step (or before the first one of a run that goes on).
static int look(run *r) {
    checkpoint *c = &r->state;
    double ignored;
    bool due = c->step > 0 && (c->step % r->eval_every == 0 || c->step == r->steps);
    if (r->data.held_out.ids && due) return c->evaluated < c->step ? evaluate(r) : 0;
    if (c->step > 0 && r->sample_every > 0 && c->step % r->sample_every == 0) return sample(r, true, &ignored);
    return 0;
}

// ---- steps

static void tell_step(run *r, const trainer_report *t) {
    checkpoint *c = &r->state;
    double spent = now() - r->begun, left = r->steps - c->step, done = c->step - r->first_step;
    train_event e = {.type = TRAIN_STEP,
                     .step = c->step,
                     .steps = r->steps,
                     .loss = t->loss,
                     .rate = t->rate,
                     .grad_norm = t->grad_norm,
                     .tokens = c->tokens,
                     .tok_s = (double)t->tokens / t->seconds,
                     .eta_s = done > 0 ? spent / done * left : NAN};
    tell(r, &e);
}

static bool is_save_due(const run *r) {
    enum { SECONDS = 45 };
    if (r->state.step == r->saved) return false;
    if (r->s->save_every > 0 && r->state.step % r->s->save_every == 0) return true;
    return now() - r->saved_at >= SECONDS;
}

// The loss is no number any more: back to what was saved, which is the result then.
static int restore(run *r) {
    error why = *r->err;
    bool saved = access(r->folder.state, F_OK) == 0;
    if (saved && !r->data.held_out.ids && checkpoint_load(r->folder.state, &r->state, &r->graph->params, NULL) == 0)
        save_result(r);
    int kept = r->data.held_out.ids ? r->state.best_step : saved ? r->state.step : 0;
    if (kept > 0)
        return error_set(r->err, "%s; what was learned up to step %d is in %s", why.text, kept, r->folder.path);
    return error_set(r->err, "%s; nothing was learned before it", why.text);
}

// Steps until there are enough. TRAIN_RUN_.
static int take_steps(run *r, const char **reason) {
    checkpoint *c = &r->state;
    trainer_report report;
    for (;;) {
        if (look(r) != 0) return TRAIN_RUN_FAILED;
        *reason = has_learned_enough(r) ? "early-stop" : "finished";
        if (has_learned_enough(r) || c->step >= r->steps) return TRAIN_RUN_DONE;
        if (is_save_due(r) && save_checkpoint(r) != 0) {
            tell_text(r, TRAIN_NOTE, r->err->text); // a full disk may have room again before the end
            r->saved_at = now();
        }
        int rc = may_go_on(r) ? trainer_step(&r->trainer, &report, r->err) : TRAINER_STOPPED;
        if (rc == TRAINER_FAILED) return restore(r);
        if (rc == TRAINER_STOPPED) return TRAIN_RUN_INTERRUPTED;
        c->step = r->trainer.step;
        c->tokens += report.tokens;
        r->last_loss = report.loss;
        tell_step(r, &report);
    }
}

static int finish(run *r, int code, const char *reason) {
    checkpoint *c = &r->state;
    // Without an evaluation there is no best step: the last one is kept.
    if (c->best_step == 0 && r->data.held_out.ids && save_result(r) != 0) return TRAIN_RUN_FAILED;
    if (save_checkpoint(r) != 0 || save_run(r, reason) != 0) return TRAIN_RUN_FAILED;
    train_event e = {.type = TRAIN_END,
                     .step = c->step,
                     .steps = r->steps,
                     .best_step = c->best_step > 0 ? c->best_step : c->step,
                     .loss = c->best_step > 0 ? c->best_loss : r->last_loss,
                     .text = r->folder.path,
                     .reason = reason};
    tell(r, &e);
    return code;
}

static int train(run *r) {
    const char *reason = "interrupted";
    tell_plan(r);
    tell_notes(r, &r->data.notes);
    if (save_run(r, "running") != 0) return TRAIN_RUN_FAILED;
    r->begun = r->saved_at = now();
    r->first_step = r->state.step;
    r->last_loss = NAN;
    if (!r->resumed && r->data.held_out.ids && evaluate(r) != 0) return TRAIN_RUN_FAILED;
    int code = take_steps(r, &reason);
    if (code == TRAIN_RUN_FAILED) return code;
    return finish(r, code, code == TRAIN_RUN_INTERRUPTED ? "interrupted" : reason);
}

// ---- all of it

static int open_run(run *r) {
    const train_settings *s = r->s;
    bool scratch = s->method == TRAIN_SCRATCH;
    if (train_folder_find(&r->folder, s, s->resume && *s->resume ? s->resume : s->out, r->err) != 0) return -1;
    if (s->resume && train_folder_reopen(&r->folder, r->err) != 0) return -1;
    // A model from scratch is made in the folder; anything else makes it once everything is known to be there.
    if (scratch && !s->resume && train_folder_make(&r->folder, r->err) != 0) return -1;
    if (read_state(r) != 0 || open_model(r) != 0) return -1;
    int rc = train_data_open(&r->data, s, r->model, r->watch->go_on, r->watch->arg, r->err);
    if (rc != TRAIN_DATA_DONE) return rc;
    plan_steps(r);
    train_sampler_open(&r->sampler, &r->data, r->model, s->threads, (uint64_t)s->seed);
    plan_evaluations(r);
    if (open_graph(r) != 0 || open_trainer(r) != 0) return -1;
    if (!scratch && !s->resume && train_folder_make(&r->folder, r->err) != 0) return -1;
    return load_state(r);
}

int train_run(const train_settings *s, const char *arguments, const train_watch *w, error *err) {
    run r = {.s = s, .arguments = arguments, .watch = w, .err = err, .folder = {.lock = -1}};
    int rc = open_run(&r);
    if (rc == 0) rc = train(&r);
    train_sampler_close(&r.sampler);
    trainer_close(&r.trainer);
    team_close(r.team);
    learn_graph_free(r.graph);
    train_data_free(&r.data);
    train_base_free(&r.base);
    model_close(&r.own);
    train_folder_close(&r.folder);
    return rc;
}
