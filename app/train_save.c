// What a training leaves: the result, checkpoints, run.json; and going on from them.
#include "app/train_job.h"
#include "model/file/outfile.h"
#include "model/learn/export.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

// How long people wait before the next message, for chats in which times go on.
static void put_gaps(buf *out, const train_data *d) {
    double seconds[GAPS_QUANTILES];
    if (!d->chat || !gaps_quantiles(&d->gaps, seconds)) return;
    buf_puts(out, ",\n \"gaps\": [");
    for (int i = 0; i < GAPS_QUANTILES; i++) buf_printf(out, "%s%.0f", i ? ", " : "", seconds[i]);
    buf_putc(out, ']');
}

static void put_base(const train_base *b, buf *out) {
    buf_puts(out, ",\n \"base\": {\"path\": ");
    buf_json_string(out, b->path, strlen(b->path));
    buf_printf(out, ", \"bytes\": %llu, \"tensors\": %zu, \"fingerprint\": \"%016llx\"}", (unsigned long long)b->bytes,
               b->n_tensors, (unsigned long long)b->fingerprint);
}

int train_save_run(train_job *j, const char *status) {
    buf out = {0};
    const train_settings *s = j->s;
    buf_puts(&out, "{\"doppel\": 1");
    put_string(&out, "method", train_method_name(s->method));
    put_string(&out, "status", status);
    if (s->method != TRAIN_SCRATCH && j->base.path) put_base(&j->base, &out);
    if (j->data.chat) put_string(&out, "layout", s->layout == LAYOUT_TURNS ? "turns" : "lines");
    put_strings(&out, "imitate", s->imitate.items, s->imitate.n);
    put_strings(&out, "authors", (const char *const *)j->data.authors, j->data.n_authors);
    put_gaps(&out, &j->data);
    put_strings(&out, "data", s->data.items, s->data.n);
    put_number(&out, "session_gap", s->session_gap);
    put_number(&out, "steps", j->steps);
    put_number(&out, "step", j->state.step);
    put_number(&out, "best_step", j->state.best_step);
    put_number(&out, "loss", j->state.best_loss);
    put_number(&out, "seconds", j->state.seconds);
    buf_printf(&out, ",\n \"arguments\": %s\n}\n", j->arguments);
    int rc = outfile_replace(j->folder.run, out.data, out.len, j->err);
    buf_free(&out);
    return rc;
}

// ---- saving

// What was learned so far becomes the result.
int train_save_result(train_job *j) {
    if (j->s->method == TRAIN_LORA) return peft_save(j->folder.path, j->graph, &j->peft, j->err);
    const export_source source = {.net = j->model->net, .tokenizer = j->model->tokenizer, .params = &j->graph->params};
    return export_hf(&source, TENSOR_F32, j->folder.path, j->err);
}

int train_save_checkpoint(train_job *j) {
    j->state.seconds = j->before + train_clock(j) - j->begun;
    if (!j->data.held_out.ids && train_save_result(j) != 0) return -1;
    if (checkpoint_save(j->folder.state, &j->state, &j->graph->params, j->err) != 0) return -1;
    if (train_save_run(j, "running") != 0) return -1;
    j->folder.made = false;
    j->saved = j->state.step;
    j->saved_at = train_now();
    train_tell_text(j, TRAIN_CHECKPOINT, j->folder.state);
    return 0;
}

// ---- going on

static uint64_t base_of(const train_job *j) {
    return j->s->method == TRAIN_SCRATCH ? 0 : j->base.fingerprint; // its file is rewritten while it learns
}

static int check_resumed(train_job *j) {
    const checkpoint *c = &j->state;
    if (c->base != base_of(j))
        return error_set(j->err,
                         "%s: is not the model that this training began with; bring that one back, or begin a "
                         "new training with -o",
                         j->base.path);
    if (c->data != batches_digest(&j->data.train))
        return error_set(j->err,
                         "%s: the data has changed since this training began; bring the old files back, or "
                         "begin a new one with -o",
                         j->folder.path);
    return 0;
}

// Where the training to go on with stands, before anything that depends on it is opened.
int train_save_read(train_job *j) {
    checkpoint *c = &j->state;
    *c = (checkpoint){.best_loss = INFINITY, .least_copied = INFINITY};
    j->resumed = j->s->resume && access(j->folder.state, F_OK) == 0;
    return j->resumed ? checkpoint_read(j->folder.state, c, j->err) : 0;
}

int train_save_load(train_job *j) {
    checkpoint *c = &j->state;
    if (j->resumed && (check_resumed(j) != 0 || checkpoint_load(j->folder.state, c, &j->graph->params, j->err) != 0))
        return -1;
    if (train_folder_open_metrics(&j->folder, j->resumed ? c->step : -1, j->err) != 0) return -1;
    if (j->resumed && strcmp(c->kernels, net_kernels()) != 0)
        train_tell_text(j, TRAIN_NOTE,
                        "this machine calculates with other instructions than the one that this training ran "
                        "on: losses will differ in their last digits");
    c->base = base_of(j);
    c->data = batches_digest(&j->data.train);
    c->seed = (uint64_t)j->s->seed;
    c->micro_batch = j->trainer.options.micro_batch;
    c->threads = team_size(j->team);
    snprintf(c->kernels, sizeof c->kernels, "%s", net_kernels());
    snprintf(c->products, sizeof c->products, "%s", product_mode_name(j->trainer.options.products));
    j->trainer.step = j->saved = c->step;
    j->before = c->seconds;
    return 0;
}

// The loss is no number any more: back to what was saved, which is the result then.
int train_save_restore(train_job *j) {
    error why = *j->err;
    bool saved = access(j->folder.state, F_OK) == 0;
    if (saved && !j->data.held_out.ids && checkpoint_load(j->folder.state, &j->state, &j->graph->params, NULL) == 0)
        train_save_result(j);
    int kept = j->data.held_out.ids ? j->state.best_step : saved ? j->state.step : 0;
    if (kept > 0)
        return error_set(j->err, "%s; what was learned up to step %d is in %s", why.text, kept, j->folder.path);
    return error_set(j->err, "%s; nothing was learned before it", why.text);
}
