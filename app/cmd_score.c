// doppel score: how probable a model finds a text, token by token.
#include "app/adapters.h"
#include "app/commands.h"
#include "app/engine.h"
#include "app/options.h"
#include "app/prompt.h"
#include "app/read_all.h"
#include "app/report.h"
#include "model/gen/top.h"
#include "model/model.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_help help = {
    .usage = "score [options] [FILE]",
    .about = "The log-probability that the model gives each token of FILE (standard input\n"
             "unless given), the mean loss in nats per token and per character, and the\n"
             "perplexity. The first token has none, unless the model wants a beginning-of-text\n"
             "token before it.",
    .more = "A text longer than the context is scored in windows that overlap by half, so that\n"
            "every token has at least half a context before it. With --json: one line per\n"
            "sequence; with --top each token lists the likeliest candidates for its place.",
    .takes = OPTIONS_MODEL | OPTIONS_ADAPTER | OPTIONS_JSON,
    .max_args = 1,
};

enum { MAX_TOP = 64 };

typedef struct score_job {
    options common;
    const char *ids_file, *kv;
    int n_top, n_ctx;
    net_cache cache;

    model model;
    adapters adapters;
    size_t n_vocab;
    net_state *state;
    float *maxima, *scratch; // of one position's logits

    // The sequence at hand.
    id_list ids;
    bool hides_first; // a beginning-of-text token that the text does not have
    double *logprobs; // (ids.len) NAN for the first
    int32_t *top_ids; // (ids.len, n_top), -1 where there is none
    double *top_logprobs;
    size_t window;   // where the window begins
    size_t n_scored; // places below this one are done
} score_job;

// ---- scoring

// The logits after token window + pos decide about the place behind it.
static void on_logits(void *arg, int pos, const float *logits) {
    score_job *job = arg;
    size_t place = job->window + (size_t)pos + 1;
    if (place < job->n_scored || place >= job->ids.len) return;
    job->n_scored = place + 1;
    double log_sum = chain_log_sum(logits, (int)job->n_vocab);
    job->logprobs[place] = logits[job->ids.data[place]] - log_sum;
    if (job->n_top == 0) return;
    size_t n_top = (size_t)job->n_top;
    int32_t *ids = job->top_ids + place * n_top;
    top_maxima(logits, job->n_vocab, job->maxima);
    size_t n = top_places(logits, job->n_vocab, job->maxima, n_top, job->scratch, ids);
    for (size_t i = 0; i < n; i++) job->top_logprobs[place * n_top + i] = logits[ids[i]] - log_sum;
}

static int score(score_job *job, error *err) {
    size_t n = job->ids.len, n_ctx = (size_t)net_n_ctx(job->state), n_tops = n * (size_t)job->n_top;
    job->logprobs = mem_realloc(job->logprobs, n + 1, sizeof *job->logprobs);
    job->top_ids = mem_realloc(job->top_ids, n_tops + 1, sizeof *job->top_ids);
    job->top_logprobs = mem_realloc(job->top_logprobs, n_tops + 1, sizeof *job->top_logprobs);
    for (size_t i = 0; i < n; i++) job->logprobs[i] = NAN;
    for (size_t i = 0; i < n_tops; i++) job->top_ids[i] = -1;
    job->n_scored = 1;
    for (job->window = 0; n > 0 && (job->window == 0 || job->n_scored < n); job->window += n_ctx / 2 + n_ctx % 2) {
        size_t len = n - job->window < n_ctx ? n - job->window : n_ctx;
        net_truncate(job->state, 0);
        if (net_eval_all(job->state, job->ids.data + job->window, (int)len, on_logits, job, err) != 0) return -1;
    }
    return 0;
}

// ---- what is written

typedef struct summary {
    size_t n, n_scored;
    double nll, nll_char, perplexity; // NAN where there is nothing to take them from
} summary;

static summary summarise(const score_job *job) {
    summary s = {.n = job->ids.len - job->hides_first, .nll = NAN, .nll_char = NAN};
    double sum = 0;
    for (size_t i = 1; i < job->ids.len; i++) {
        sum -= job->logprobs[i];
        s.n_scored++;
    }
    if (s.n_scored > 0) s.nll = sum / (double)s.n_scored;
    s.perplexity = exp(s.nll);
    if (job->model.tokenizer && s.n_scored > 0) {
        buf text = {0};
        tokenizer_decode(job->model.tokenizer, job->ids.data + 1, s.n_scored, true, &text);
        size_t chars = utf8_length(buf_str(&text), text.len);
        if (chars > 0) s.nll_char = sum / (double)chars;
        buf_free(&text);
    }
    return s;
}

static void json_number(buf *out, const char *name, double x) {
    buf_printf(out, ",\"%s\":", name);
    if (isfinite(x))
        buf_printf(out, "%.8g", x);
    else
        buf_puts(out, "null");
}

static void json_token(const score_job *job, int32_t id, double logprob, buf *out) {
    size_t n = 0;
    const char *piece = job->model.tokenizer ? tokenizer_piece(job->model.tokenizer, id, true, &n) : "";
    buf_printf(out, "{\"id\":%d,\"text\":", id);
    buf_json_string(out, piece, n);
    json_number(out, "logprob", logprob);
}

static void print_json(const score_job *job, const summary *s, buf *out) {
    buf_puts(out, "{\"tokens\":[");
    for (size_t i = job->hides_first; i < job->ids.len; i++) {
        if (i > job->hides_first) buf_putc(out, ',');
        json_token(job, job->ids.data[i], job->logprobs[i], out);
        if (job->n_top > 0) buf_puts(out, ",\"top\":[");
        for (size_t k = i * (size_t)job->n_top; k < (i + 1) * (size_t)job->n_top && job->top_ids[k] >= 0; k++) {
            if (k > i * (size_t)job->n_top) buf_putc(out, ',');
            json_token(job, job->top_ids[k], job->top_logprobs[k], out);
            buf_putc(out, '}');
        }
        buf_puts(out, job->n_top > 0 ? "]}" : "}");
    }
    buf_printf(out, "],\"n\":%zu", s->n);
    json_number(out, "nll", s->nll);
    json_number(out, "nll_char", s->nll_char);
    json_number(out, "perplexity", s->perplexity);
    buf_puts(out, "}\n");
}

static void print_tops(const score_job *job, buf *out) {
    char text[32];
    for (size_t i = job->hides_first; i < job->ids.len; i++) {
        prompt_show_token(job->model.tokenizer, job->ids.data[i], text, sizeof text);
        buf_printf(out, "%7d  %s", job->ids.data[i], text);
        if (isfinite(job->logprobs[i])) buf_printf(out, "  %.3f", job->logprobs[i]);
        for (size_t k = i * (size_t)job->n_top; k < (i + 1) * (size_t)job->n_top && job->top_ids[k] >= 0; k++) {
            prompt_show_token(job->model.tokenizer, job->top_ids[k], text, sizeof text);
            buf_printf(out, "%s%s %.3f", k > i * (size_t)job->n_top ? ", " : "   | ", text, job->top_logprobs[k]);
        }
        buf_putc(out, '\n');
    }
}

static void print_summary(const summary *s, buf *out) {
    buf_printf(out, "%zu tokens", s->n);
    if (isfinite(s->nll)) buf_printf(out, ", loss %.4f nats/token", s->nll);
    if (isfinite(s->nll_char)) buf_printf(out, ", %.4f nats/character", s->nll_char);
    if (isfinite(s->perplexity)) buf_printf(out, ", perplexity %.4g", s->perplexity);
    buf_putc(out, '\n');
}

// Scores job->ids and writes its line(s). 0, or -1 with a message.
static int score_and_print(score_job *job, error *err) {
    if (score(job, err) != 0) return -1;
    summary s = summarise(job);
    buf out = {0};
    if (job->common.json)
        print_json(job, &s, &out);
    else {
        if (job->n_top > 0) print_tops(job, &out);
        print_summary(&s, &out);
    }
    size_t written = fwrite(out.data, 1, out.len, stdout);
    bool failed = written != out.len || fflush(stdout) != 0;
    buf_free(&out);
    return failed ? error_set(err, "standard output: %s", strerror(errno)) : 0;
}

// ---- where sequences come from

// One sequence at a time needs no larger context than the longest has.
static int open_state(score_job *job, size_t longest, error *err) {
    net_options o = {.n_ctx = job->n_ctx, .threads = job->common.threads, .cache = job->cache};
    if (o.n_ctx == 0 || longest < (size_t)o.n_ctx) o.n_ctx = longest < INT32_MAX ? (int)longest : 0;
    if (o.n_ctx < 2) o.n_ctx = 2;
    job->state = net_state_open(job->model.net, &o, err);
    if (!job->state) return -1;
    net_set_adapters(job->state, job->adapters.uses, job->adapters.n);
    return 0;
}

static int score_text(score_job *job, error *err) {
    const char *path = job->common.n_args ? job->common.args[0] : "-";
    const tokenizer *t = job->model.tokenizer;
    if (!t) return error_set(err, "%s; --ids scores token ids", job->model.tokenizer_error.text);
    buf text = {0};
    int failed = read_all(path, &text, err);
    if (!failed && text.len == 0) failed = error_set(err, "%s: there is no text in it", path);
    if (!failed) failed = tokenizer_encode(t, text.data, text.len, TOKENIZER_SPECIAL | TOKENIZER_BOS, &job->ids, err);
    buf_free(&text);
    if (failed) return -1;
    job->hides_first = tokenizer_adds_bos(t) && job->ids.len > 0 && job->ids.data[0] == tokenizer_bos(t);
    if (open_state(job, job->ids.len, err) != 0) return -1;
    return score_and_print(job, err);
}

// Takes sequence number i (from 1) out of the file.
static int take_ids(score_job *job, const cJSON *sequence, int i, error *err) {
    const cJSON *item;
    if (!cJSON_IsArray(sequence)) return error_set(err, "%s: element %d is no array of ids", job->ids_file, i);
    job->ids.len = 0;
    cJSON_ArrayForEach(item, sequence) {
        double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(id >= 0 && id < (double)job->n_vocab && id == floor(id)))
            return error_set(err, "%s: element %d: id %zu is no whole number below %zu, the size of the vocabulary",
                             job->ids_file, i, job->ids.len + 1, job->n_vocab);
        id_list_push(&job->ids, (int32_t)id);
    }
    return 0;
}

static int score_sequences(score_job *job, const cJSON *all, error *err) {
    const cJSON *sequence;
    size_t longest = 0;
    int i = 0;
    cJSON_ArrayForEach(sequence, all) {
        if (take_ids(job, sequence, ++i, err) != 0) return -1;
        if (job->ids.len > longest) longest = job->ids.len;
    }
    if (open_state(job, longest, err) != 0) return -1;
    cJSON_ArrayForEach(sequence, all) {
        if (take_ids(job, sequence, 0, err) != 0 || score_and_print(job, err) != 0) return -1;
    }
    return 0;
}

static int score_ids(score_job *job, error *err) {
    buf text = {0};
    if (read_all(job->ids_file, &text, err) != 0) {
        buf_free(&text);
        return -1;
    }
    cJSON *all = cJSON_ParseWithLength(buf_str(&text), text.len);
    buf_free(&text);
    int failed = cJSON_IsArray(all)
                     ? score_sequences(job, all, err)
                     : error_set(err, "%s: this is no JSON array of id arrays: [[1,2,3],[4,5]]", job->ids_file);
    cJSON_Delete(all);
    return failed;
}

static int run(score_job *job) {
    error err;
    buf path = {0};
    int failed = adapters_chosen_model(&job->common, &path, &err);
    if (!failed) failed = model_open(&job->model, buf_str(&path), job->common.threads, 0, &err);
    if (!failed) failed = adapters_open(&job->adapters, &job->common.adapters, job->model.net, &err);
    buf_free(&path);
    if (failed) return report_error(&err);
    job->n_vocab = (size_t)net_get_config(job->model.net)->n_vocab;
    job->maxima = mem_calloc(top_n_blocks(job->n_vocab), sizeof *job->maxima);
    job->scratch = mem_calloc(job->n_vocab, sizeof *job->scratch);
    failed = job->ids_file ? score_ids(job, &err) : score_text(job, &err);
    return failed ? report_error(&err) : EXIT_DONE;
}

static int check_usage(score_job *job) {
    if (!engine_cache(job->kv, &job->cache)) return EXIT_USAGE;
    if (job->ids_file && job->common.n_args > 0) return report_usage("--ids stands in for FILE; give one of them");
    return 0;
}

int cmd_score(int argc, char **argv) {
    score_job job = {0};
    const option own[] = {
        {"ids", 0, OPTION_TEXT, &job.ids_file, "FILE", "a JSON array of arrays of token ids in place of a text", 0, 0},
        {"top", 0, OPTION_INT, &job.n_top, "N", "with each token, the N likeliest for its place", 0, MAX_TOP},
        {"ctx", 0, OPTION_INT, &job.n_ctx, "N", "tokens of context; what the model has unless given", 2, 1 << 24},
        {"kv", 0, OPTION_TEXT, &job.kv, "TYPE", ENGINE_KV_HELP, 0, 0},
        {0},
    };
    if (!options_read(&job.common, &help, own, argc, argv)) return job.common.exit_code;
    int code = check_usage(&job);
    if (code == 0) code = run(&job);
    net_state_close(job.state);
    adapters_close(&job.adapters);
    model_close(&job.model);
    id_list_free(&job.ids);
    free(job.maxima);
    free(job.scratch);
    free(job.logprobs);
    free(job.top_ids);
    free(job.top_logprobs);
    options_free(&job.common);
    return code;
}
