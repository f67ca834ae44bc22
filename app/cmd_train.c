// doppel train: teaches a model to write like somebody, or makes one from nothing.
#include "app/clean.h"
#include "app/commands.h"
#include "app/report.h"
#include "app/stop.h"
#include "app/train_recall.h"
#include "app/train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const option_help help = {
    .usage = "train [options] --data FILE...",
    .about =
        "Teaches a model from chat logs or texts. What it learns is an adapter that `doppel -a NAME` chats with; with\n"
        "--method full a whole model, with --method scratch a new one. Part of the data is held out; training ends\n"
        "when that is not predicted better any more, and the best step is kept.",
    .more =
        "Ctrl-C ends it with everything saved; `doppel train --resume NAME` goes on, also after a crash. With --json\n"
        "every step is a line: plan, step, eval, sample, checkpoint, done.",
    .takes = OPTIONS_MODEL | OPTIONS_JSON,
    .max_args = -1,
};

static bool go_on(void *arg) {
    (void)arg;
    return !stop_asked();
}

// ---- what is printed

typedef struct printer {
    bool json, quiet;
    bool terminal; // the line of the running step is written over
    bool drawn;    // there is such a line
    double last;   // when it was drawn
} printer;

static void print_duration(double seconds) {
    if (!isfinite(seconds)) return;
    if (seconds < 100)
        printf("%.0f s", seconds);
    else if (seconds < 100 * 60)
        printf("%.0f min", seconds / 60);
    else
        printf("%.1f h", seconds / 3600);
}

static void print_plan(const train_event *e) {
    printf("%s: %s, %.3g million of %.3g million numbers learn\n", e->name,
           strcmp(e->method, "lora") == 0   ? "an adapter"
           : strcmp(e->method, "full") == 0 ? "a whole model"
                                            : "a model from scratch",
           (double)e->trained / 1e6, (double)e->parameters / 1e6);
    printf("%lld tokens, %lld of them count; %lld held out\n", (long long)e->data_tokens, (long long)e->learned_tokens,
           (long long)e->held_out_tokens);
    printf("%d steps of %d x %d tokens (%.3g times through the data), about ", e->steps, e->batch_size, e->block_size,
           e->epochs);
    print_duration(e->seconds);
    printf(" and %.2f GB%s\n", e->bytes / 1e9, e->recompute ? ", with layers calculated twice to save memory" : "");
}

static void print_step(printer *p, const train_event *e) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    if (!p->terminal || now - p->last < 0.1) return;
    p->last = now;
    printf("\r\033[Kstep %d of %d  loss %.3f  %.0f tokens/s  ", e->step, e->steps, e->loss, e->tok_s);
    print_duration(e->eta_s);
    printf(" left");
    p->drawn = true;
}

static void print_eval(const train_event *e) {
    printf("step %d of %d: held-out loss %.4f nats/token", e->step, e->steps, e->loss);
    if (isfinite(e->nll_char)) printf(", %.4f nats/character", e->nll_char);
    if (isfinite(e->copy_rate)) printf(", %.0f %% copied", 100 * e->copy_rate);
    printf("%s\n", e->best ? "" : e->step == 0 ? " (before)" : " (not better)");
}

static void clear_line(printer *p) {
    if (p->drawn) printf("\r\033[K");
    fflush(stdout);
    p->drawn = false;
}

// Indented, so that it cannot be taken for anything else.
static void print_sample(const char *text) {
    buf shown = {0};
    clean_text(text, strlen(text), &shown);
    for (const char *s = buf_str(&shown); *s;) {
        size_t n = strcspn(s, "\n");
        printf("    | %.*s\n", (int)n, s);
        s += n + (s[n] == '\n');
    }
    buf_free(&shown);
}

static void print_end(const train_event *e) {
    printf("%s after %d steps",
           strcmp(e->reason, "early-stop") == 0 ? "No progress any more: ended"
           : strcmp(e->reason, "finished") == 0 ? "Done"
                                                : "Interrupted",
           e->step);
    if (isfinite(e->loss)) printf("; step %d is kept, loss %.4f", e->best_step, e->loss);
    printf(": %s\n", e->text);
}

static void on_event(void *arg, const train_event *e) {
    printer *p = arg;
    if (p->json) {
        buf line = {0};
        train_event_json(e, &line);
        fwrite(line.data, 1, line.len, stdout);
        fflush(stdout);
        buf_free(&line);
        return;
    }
    if (p->quiet && e->type != TRAIN_END) return;
    if (e->type != TRAIN_CHECKPOINT && e->type != TRAIN_STEP) clear_line(p);
    switch (e->type) {
    case TRAIN_PLAN: print_plan(e); break;
    case TRAIN_STEP: print_step(p, e); break;
    case TRAIN_EVAL: print_eval(e); break;
    case TRAIN_SAMPLE: print_sample(e->text); break;
    case TRAIN_END: print_end(e); break;
    case TRAIN_NOTE: report_note("%s", e->text); break;
    case TRAIN_CHECKPOINT: break;
    }
    fflush(stdout);
}

// ---- the command

static bool parse(options *common, train_settings *s, int argc, char **argv) {
    option own[TRAIN_MAX_OPTIONS];
    *s = train_settings_none();
    train_settings_table(s, own);
    if (!options_read(common, &help, own, argc, argv)) return false;
    s->model = common->model;
    s->threads = common->threads;
    for (int i = 0; i < common->n_args; i++) option_list_push(&s->data, common->args[i]);
    return true;
}

static int run(const options *common, train_settings *s) {
    const char *term = getenv("TERM");
    printer p = {.json = common->json, .quiet = common->quiet};
    p.terminal = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
    const train_watch watch = {.on_event = on_event, .go_on = go_on, .arg = &p};
    buf arguments = {0};
    error err;
    if (train_settings_locate(s, &err) != 0) return report_error(&err);
    train_settings_arguments(s, &arguments);
    if (train_settings_finish(s, &err) != 0) {
        buf_free(&arguments);
        return report_usage("%s", err.text);
    }
    stop_watch();
    int code = train_run(s, arguments.data, &watch, &err);
    buf_free(&arguments);
    clear_line(&p);
    if (code == TRAIN_RUN_FAILED) return report_error(&err);
    return code == TRAIN_RUN_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_DONE;
}

int cmd_train(int argc, char **argv) {
    train_recall recall;
    options common;
    train_settings s;
    error err;
    // --resume puts the arguments that the training began with in front of the ones given now.
    if (train_recall_open(&recall, argc, argv, &err) != 0) return report_error(&err);
    bool ok = parse(&common, &s, recall.argc, recall.argv);
    int code = ok ? run(&common, &s) : common.exit_code;
    train_settings_free(&s);
    if (ok) options_free(&common);
    train_recall_close(&recall);
    return code;
}
