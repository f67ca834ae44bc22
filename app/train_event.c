#include "app/train_event.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"plan", "step", "eval", "sample", "checkpoint", "note", "done"};

const char *train_event_name(train_event_type t) {
    return names[t];
}

static void put_number(buf *out, const char *name, double x) {
    if (isfinite(x))
        buf_printf(out, ",\"%s\":%.9g", name, x);
    else
        buf_printf(out, ",\"%s\":null", name);
}

static void put_text(buf *out, const char *name, const char *text) {
    buf_printf(out, ",\"%s\":", name);
    buf_json_string(out, text, strlen(text));
}

static void put_plan(const train_event *e, buf *out) {
    put_text(out, "name", e->name);
    put_text(out, "path", e->text);
    put_text(out, "method", e->method);
    buf_printf(out, ",\"parameters\":%zu,\"trained\":%zu,\"tokens\":%lld,\"learned_tokens\":%lld", e->parameters,
               e->trained, (long long)e->data_tokens, (long long)e->learned_tokens);
    buf_printf(out, ",\"held_out_tokens\":%lld,\"steps\":%d", (long long)e->held_out_tokens, e->steps);
    put_number(out, "epochs", e->epochs);
    buf_printf(out, ",\"batch_size\":%d,\"micro_batch\":%d,\"block_size\":%d", e->batch_size, e->micro_batch,
               e->block_size);
    buf_printf(out, ",\"recompute\":%s", e->recompute ? "true" : "false");
    put_text(out, "products", e->products);
    put_number(out, "seconds", e->seconds);
    put_number(out, "bytes", e->bytes);
}

void train_event_json(const train_event *e, buf *out) {
    buf_printf(out, "{\"type\":\"%s\"", names[e->type]);
    if (e->type != TRAIN_NOTE) buf_printf(out, ",\"step\":%d", e->step);
    switch (e->type) {
    case TRAIN_PLAN: put_plan(e, out); break;
    case TRAIN_STEP:
        put_number(out, "loss", e->loss);
        put_number(out, "lr", e->rate);
        put_number(out, "grad_norm", e->grad_norm);
        buf_printf(out, ",\"tokens\":%lld", (long long)e->tokens);
        put_number(out, "tok_s", e->tok_s);
        put_number(out, "eta_s", e->eta_s);
        break;
    case TRAIN_EVAL:
        put_number(out, "loss", e->loss);
        put_number(out, "nll_char", e->nll_char);
        put_number(out, "copy_rate", e->copy_rate);
        buf_printf(out, ",\"best\":%s", e->best ? "true" : "false");
        break;
    case TRAIN_SAMPLE:
    case TRAIN_NOTE: put_text(out, "text", e->text); break;
    case TRAIN_CHECKPOINT: put_text(out, "path", e->text); break;
    case TRAIN_END:
        buf_printf(out, ",\"best_step\":%d", e->best_step);
        put_number(out, "loss", e->loss);
        put_text(out, "path", e->text);
        put_text(out, "reason", e->reason);
        break;
    }
    buf_puts(out, "}\n");
}
