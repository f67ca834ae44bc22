// doppel run: one prompt in, one streamed completion out.
#include "app/adapters.h"
#include "app/chat.h"
#include "app/clean.h"
#include "app/commands.h"
#include "app/engine.h"
#include "app/options.h"
#include "app/prompt.h"
#include "app/prompt_template.h"
#include "app/read_all.h"
#include "app/report.h"
#include "model/net/snapshot.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_help help = {
    .usage = "run [options] PROMPT",
    .about = "Streams what the model says to PROMPT. A PROMPT of - is read from standard\n"
             "input, less one newline at its end. With --raw the model continues the text,\n"
             "with --chat it answers it as a message. Unless one of them is given, models that\n"
             "bring a chat template are asked, others continue.",
    .more = "Defaults with --raw: temperature 0.7, top-k 40, top-p 0.9, no penalty, 128\n"
            "tokens. With --chat: min-p 0.05, repetition penalty 1.1 and 512 tokens besides.\n"
            "Penalties and n-gram bans look at prompt and answer.\n\n"
            "A prompt template is a file NAME.prompt: lines `name: value` (about, mode: raw or\n"
            "chat, system, and the sampling names above), a line `---`, then the text, in\n"
            "which {{input}} stands for PROMPT. Your own go to prompts/ beside config.json;\n"
            "--prompt list shows what there is.\n\n"
            "With --json: {\"type\":\"token\",...} for every token, {\"type\":\"done\",...} at the\n"
            "end. Ctrl-C stops the answer and keeps it (exit code 130).",
    .takes = OPTIONS_MODEL | OPTIONS_ADAPTER | OPTIONS_JSON | OPTIONS_SAMPLING,
    .max_args = 1,
};

typedef struct run_job {
    options common;
    bool raw, chat;
    const char *template_name, *system, *prompt_ids;
    const char *kv, *kv_load, *kv_save, *draft_file;
    int n_ctx, n_draft;
    bool draft_given;
    net_cache cache;

    prompt_template template;
    gen_settings settings;
    model model;
    adapters adapters;
    buf input; // PROMPT, or standard input
    id_list prompt;
    buf line;         // a JSON line in the making
    clean filter;     // of text for a terminal
    bool to_terminal; // stdout is one
    size_t n_said;    // bytes of the answer written
    char last_said;   // the last byte
    int write_error;  // errno of a failed write
} run_job;

static volatile sig_atomic_t interrupted;

static void end_answer(int number) {
    (void)number;
    interrupted = 1;
}

static void end_program(int number) {
    (void)number;
    _exit(EXIT_INTERRUPTED);
}

// The next Ctrl-C calls handler, another one after it ends the program.
static void on_interrupt(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

// ---- the prompt

// "1,2,3" -> ids.
static bool parse_ids(const char *text, id_list *out) {
    for (const char *p = text;;) {
        char *end;
        errno = 0;
        long id = strtol(p, &end, 10);
        if (*p < '0' || *p > '9' || errno || id > INT32_MAX || (*end && *end != ',')) return false;
        id_list_push(out, (int32_t)id);
        if (!*end) return true;
        p = end + 1;
    }
}

// PROMPT or standard input; nothing where ids or a template without input make do.
static int read_input(run_job *job, error *err) {
    const char *arg = job->common.n_args ? job->common.args[0] : "";
    buf *in = &job->input;
    if (strcmp(arg, "-") != 0) {
        buf_puts(in, arg);
        return 0;
    }
    if (read_all("-", in, err) != 0) return -1;
    if (in->len > 0 && in->data[in->len - 1] == '\n') buf_remove(in, in->len - 1, 1);
    return 0;
}

static int encode_raw(run_job *job, const buf *text, error *err) {
    const tokenizer *t = job->model.tokenizer;
    unsigned flags = TOKENIZER_SPECIAL | TOKENIZER_BOS;
    if (tokenizer_encode(t, buf_str(text), text->len, flags, &job->prompt, err) != 0) return -1;
    // An empty text begins where texts begin, if the model has a token for that.
    if (job->prompt.len == 0 && tokenizer_bos(t) >= 0) id_list_push(&job->prompt, tokenizer_bos(t));
    return 0;
}

static int encode_chat(run_job *job, buf *text, int n_ctx, error *err) {
    for (size_t i = 0; i < text->len; i++)
        if (!text->data[i]) text->data[i] = ' '; // a message is a C string
    const char *system = job->system ? job->system : job->template.system;
    chat_message messages[2];
    size_t n = 0;
    if (system) messages[n++] = (chat_message){"system", system};
    messages[n++] = (chat_message){"user", buf_str(text)};
    int dropped;
    return prompt_fit(&job->model, messages, n, n_ctx, job->settings.max_tokens, &job->prompt, &dropped, err);
}

static bool wants_chat(const run_job *job) {
    if (job->raw || job->chat) return job->chat;
    if (job->template.mode != PROMPT_AS_MODEL) return job->template.mode == PROMPT_CHAT;
    return job->model.chat.has_template && !job->prompt_ids;
}

// Defaults, the template and the command line, each over the one before.
static void choose_settings(run_job *job, bool chat) {
    job->settings = chat ? gen_settings_chat() : gen_settings_raw();
    prompt_template_settings(&job->template, &job->settings);
    options_settings(&job->common, &job->settings);
    if (!job->settings.seed_given) job->settings.seed = chat_clock_seed();
    gen_settings *s = &job->settings;
    const char *end = chat ? chat_stop_text(&job->model.chat) : NULL;
    if (end && s->n_stops < GEN_MAX_STOPS && strlen(end) < GEN_MAX_STOP_BYTES) strcpy(s->stops[s->n_stops++], end);
}

static int make_prompt(run_job *job, error *err) {
    int most = net_get_config(job->model.net)->n_ctx, n_ctx = job->n_ctx && job->n_ctx < most ? job->n_ctx : most;
    bool chat = wants_chat(job);
    choose_settings(job, chat);
    int n_vocab = net_get_config(job->model.net)->n_vocab;
    for (int i = 0; i < job->settings.n_eos; i++)
        if (job->settings.eos[i] >= n_vocab)
            return error_set(err, "--eos %d is outside the vocabulary of %d", (int)job->settings.eos[i], n_vocab);
    if (!job->prompt_ids) {
        if (!job->model.tokenizer) return error_set(err, "%s", job->model.tokenizer_error.text);
        buf text = {0};
        if (job->template_name)
            prompt_template_fill(&job->template, buf_str(&job->input), job->input.len, &text);
        else
            buf_append(&text, buf_str(&job->input), job->input.len);
        if (!job->common.quiet && !utf8_valid(buf_str(&text), text.len))
            report_note("the prompt is no valid UTF-8; the model may not see its bad bytes");
        int failed = chat ? encode_chat(job, &text, n_ctx, err) : encode_raw(job, &text, err);
        buf_free(&text);
        if (failed) return -1;
    }
    if (job->prompt.len > (size_t)n_ctx)
        return error_set(err, "the prompt has %zu tokens, the context holds %d; shorten the prompt%s", job->prompt.len,
                         n_ctx, n_ctx < most ? " or give a larger --ctx" : "");
    // No more memory than this answer can need.
    size_t need = job->prompt.len + (size_t)job->settings.max_tokens;
    size_t kept = job->kv_load ? (size_t)snapshot_length(job->kv_load) : 0;
    if (need < kept) need = kept;
    job->n_ctx = need < (size_t)n_ctx ? (int)need : n_ctx;
    return 0;
}

// Says which of the knobs that were asked for change nothing, and why.
static void tell_idle_knobs(const run_job *job) {
    if (job->common.quiet) return;
    if (job->system && !wants_chat(job))
        report_note("--system has no effect: the text is continued, not answered (--chat)");
    const char *idle_drafts = job->settings.beams > 1 ? "beam search guesses nothing" : NULL;
    if (idle_drafts && job->draft_given) report_note("--draft has no effect: %s", idle_drafts);
    if (!idle_drafts && job->n_draft == 0) idle_drafts = "--draft is 0";
    if (idle_drafts && job->draft_file) report_note("--draft-file has no effect: %s", idle_drafts);
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *k = gen_knob_at(i);
        bool given = options_knob_given(&job->common, k->name);
        for (size_t j = 0; j < job->template.n_knobs; j++) given |= job->template.knobs[j].knob == k;
        const char *why = given ? gen_knob_idle(k, &job->settings) : NULL;
        bool of_texts = k->kind == KNOB_STOP || strcmp(k->name, "max-chars") == 0;
        if (given && of_texts && !job->model.tokenizer) why = "this model has no tokenizer, so there is no text";
        if (why) report_note("--%s has no effect: %s", k->name, why);
    }
}

// ---- what is written

// False when nobody can read any more.
static bool put(run_job *job, const char *s, size_t n) {
    if (fwrite(s, 1, n, stdout) == n && fflush(stdout) == 0) return true;
    job->write_error = errno;
    return false;
}

static void json_number(buf *out, double x) {
    if (isfinite(x))
        buf_printf(out, "%.7g", x);
    else
        buf_puts(out, "null");
}

static bool put_json_token(run_job *job, const gen_token *t) {
    size_t n = 0;
    const char *piece = job->model.tokenizer ? tokenizer_piece(job->model.tokenizer, t->id, false, &n) : "";
    buf_clear(&job->line);
    buf_printf(&job->line, "{\"type\":\"token\",\"id\":%d,\"text\":", t->id);
    buf_json_string(&job->line, piece, n);
    buf_puts(&job->line, ",\"logprob\":");
    json_number(&job->line, t->logprob);
    buf_puts(&job->line, "}\n");
    return put(job, job->line.data, job->line.len);
}

static bool put_text(run_job *job, const char *text, size_t n) {
    if (n == 0) return true;
    job->n_said += n;
    job->last_said = text[n - 1];
    if (!job->to_terminal) return put(job, text, n);
    buf_clear(&job->line);
    clean_feed(&job->filter, text, n, &job->line);
    return put(job, buf_str(&job->line), job->line.len);
}

static bool on_token(void *arg, const gen_token *t) {
    run_job *job = arg;
    bool written = job->common.json ? put_json_token(job, t) : put_text(job, t->text, t->n_text);
    return written && !interrupted;
}

static bool on_prefill(void *arg, int done, int total) {
    (void)arg, (void)done, (void)total;
    return !interrupted;
}

static double rate(double n, double seconds) {
    return seconds > 0 ? n / seconds : 0;
}

static void put_json_done(run_job *job, const gen_result *r) {
    buf *line = &job->line;
    buf_clear(line);
    buf_puts(line, "{\"type\":\"done\",\"ids\":[");
    for (size_t i = 0; i < r->ids.len; i++) buf_printf(line, "%s%d", i ? "," : "", r->ids.data[i]);
    buf_puts(line, "],\"text\":");
    buf_json_string(line, buf_str(&r->text), r->text.len);
    buf_printf(line, ",\"stop\":\"%s\",\"prompt_tokens\":%d,\"prefill_tok_s\":%.6g,\"decode_tok_s\":%.6g,\"seed\":%llu",
               gen_stop_name(r->stop), r->n_prompt, rate(r->n_prompt - r->n_reused, r->prefill_seconds),
               rate(r->n_decoded, r->decode_seconds), (unsigned long long)job->settings.seed);
    if (job->settings.beams > 1) buf_printf(line, ",\"score\":%.9g", r->score);
    if (job->kv_load) buf_printf(line, ",\"reused\":%d", r->n_reused);
    if (job->n_draft > 0) buf_printf(line, ",\"drafted\":%d,\"accepted\":%d", r->n_drafted, r->n_accepted);
    buf_puts(line, "}\n");
    put(job, line->data, line->len);
}

// The rest of the text (after an interruption something may have been held back), and a last newline on a terminal.
static void put_rest(run_job *job, const gen_result *r) {
    if (r->text.len > job->n_said) put_text(job, r->text.data + job->n_said, r->text.len - job->n_said);
    if (job->to_terminal && job->n_said > 0 && job->last_said != '\n') put(job, "\n", 1);
    if (job->common.quiet || !isatty(STDERR_FILENO)) return;
    report_note("%zu tokens, %.0f tok/s, seed %llu, end: %s", r->ids.len, rate(r->n_decoded, r->decode_seconds),
                (unsigned long long)job->settings.seed, gen_stop_name(r->stop));
}

// ---- running

// What --kv-load holds is a head start; without it the prompt is read from its beginning.
static void load_state(const run_job *job, net_state *state) {
    error err;
    if (snapshot_restore(state, NULL, job->kv_load, &err) != 0 && !job->common.quiet) report_note("%s", err.text);
}

static int generate_with(run_job *job, net_state *state, drafter *d, error *err) {
    chain *c = chain_open(net_get_config(job->model.net)->n_vocab, job->settings.seed);
    gen_request request = {.prompt = job->prompt.data,
                           .n_prompt = job->prompt.len,
                           .settings = &job->settings,
                           .penalise_prompt = true,
                           .on_token = on_token,
                           .on_prefill = on_prefill,
                           .arg = job,
                           .drafter = d};
    gen_result result;
    int code = EXIT_DONE;
    if (generate(state, job->model.tokenizer, c, &request, &result, err) != 0)
        code = report_error(err);
    else if (!job->write_error)
        job->common.json ? put_json_done(job, &result) : put_rest(job, &result);
    if (job->write_error && job->write_error != EPIPE)
        report_failure("standard output: %s", strerror(job->write_error));
    if (job->write_error) code = EXIT_FAILED;
    if (code == EXIT_DONE && interrupted && result.stop == GEN_INTERRUPTED) code = EXIT_INTERRUPTED;
    gen_result_free(&result);
    chain_close(c);
    return code;
}

static int answer(run_job *job, error *err) {
    net_options o = {.n_ctx = job->n_ctx, .threads = job->common.threads, .cache = job->cache};
    net_state *state = net_state_open(job->model.net, &o, err);
    if (!state) return report_error(err);
    net_set_adapters(state, job->adapters.uses, job->adapters.n);
    if (job->kv_load) load_state(job, state);
    drafter *d = NULL;
    int code = engine_drafter(job->n_draft, job->draft_file, &job->model, &d, err) != 0
                   ? report_error(err)
                   : generate_with(job, state, d, err);
    if (job->kv_save && (code == EXIT_DONE || code == EXIT_INTERRUPTED) &&
        snapshot_save(state, NULL, job->kv_save, err) != 0)
        code = report_error(err);
    drafter_close(d);
    net_state_close(state);
    return code;
}

static int run(run_job *job) {
    error err;
    buf path = {0};
    on_interrupt(end_program);
    signal(SIGPIPE, SIG_IGN); // a closed pipe is told by write
    int failed = 0;
    if (job->template_name) failed = prompt_template_load(&job->template, job->template_name, &err);
    if (!failed) failed = read_input(job, &err);
    if (!failed) failed = adapters_chosen_model(&job->common, &path, &err);
    if (!failed) failed = model_open(&job->model, buf_str(&path), job->common.threads, 0, &err);
    if (!failed) failed = adapters_open(&job->adapters, &job->common.adapters, job->model.net, &err);
    if (!failed) failed = make_prompt(job, &err);
    buf_free(&path);
    if (failed) return report_error(&err);
    tell_idle_knobs(job);
    on_interrupt(end_answer);
    return answer(job, &err);
}

static int list_templates(void) {
    buf list = {0};
    prompt_template_list(&list);
    fputs(buf_str(&list), stdout);
    buf_free(&list);
    return EXIT_DONE;
}

// 0, or the exit code of a usage error.
static int check_usage(run_job *job) {
    bool given = job->common.n_args > 0;
    if (!engine_cache(job->kv, &job->cache)) return EXIT_USAGE;
    job->draft_given = job->n_draft > 0;
    if (job->n_draft < 0) job->n_draft = DRAFT_MOST;
    if (job->raw && job->chat) return report_usage("--raw and --chat exclude each other");
    if (job->prompt_ids && (given || job->template_name))
        return report_usage("--prompt-ids stands in for PROMPT; give one of them");
    if (job->prompt_ids && job->chat)
        return report_usage("--prompt-ids are taken as they are; --chat does not go with them");
    if (job->prompt_ids && !parse_ids(job->prompt_ids, &job->prompt))
        return report_usage("--prompt-ids is \"%.80s\"; it takes token ids, separated by commas", job->prompt_ids);
    if (!given && !job->prompt_ids && !job->template_name)
        return report_usage("the PROMPT is missing (- reads standard input): doppel %s", help.usage);
    return 0;
}

int cmd_run(int argc, char **argv) {
    run_job job = {.to_terminal = isatty(STDOUT_FILENO), .n_draft = -1};
    const option own[] = {
        {"raw", 0, OPTION_FLAG, &job.raw, NULL, "continue PROMPT as it stands", 0, 0},
        {"chat", 0, OPTION_FLAG, &job.chat, NULL, "answer PROMPT as a message", 0, 0},
        {"system", 0, OPTION_TEXT, &job.system, "TEXT", "the system text with --chat; the model's own unless given", 0,
         0},
        {"prompt", 0, OPTION_TEXT, &job.template_name, "NAME", "put PROMPT into a prompt template; list: what there is",
         0, 0},
        {"prompt-ids", 0, OPTION_TEXT, &job.prompt_ids, "IDS", "token ids in place of PROMPT: 1,2,3", 0, 0},
        {"ctx", 0, OPTION_INT, &job.n_ctx, "N", "most tokens of prompt and answer; what the model has unless given", 1,
         1 << 24},
        {"kv", 0, OPTION_TEXT, &job.kv, "TYPE", ENGINE_KV_HELP, 0, 0},
        {"kv-save", 0, OPTION_TEXT, &job.kv_save, "FILE", "keep the state after the answer", 0, 0},
        {"kv-load", 0, OPTION_TEXT, &job.kv_load, "FILE",
         "begin with a kept state, as far as the prompt agrees with it", 0, 0},
        {"draft", 0, OPTION_INT, &job.n_draft, "N", ENGINE_DRAFT_HELP, 0, DRAFT_MOST},
        {"draft-file", 0, OPTION_TEXT, &job.draft_file, "FILE", ENGINE_DRAFT_FILE_HELP, 0, 0},
        {0},
    };
    if (!options_read(&job.common, &help, own, argc, argv)) return job.common.exit_code;
    int code;
    if (job.template_name && strcmp(job.template_name, "list") == 0)
        code = list_templates();
    else if ((code = check_usage(&job)) == 0)
        code = run(&job);
    prompt_template_free(&job.template);
    adapters_close(&job.adapters);
    model_close(&job.model);
    buf_free(&job.input);
    id_list_free(&job.prompt);
    buf_free(&job.line);
    options_free(&job.common);
    return code;
}
