// doppel import: chat logs and texts of any known format to messages, people, or training examples.
#include "app/clean.h"
#include "app/commands.h"
#include "app/corpus/dataset.h"
#include "app/corpus/import_progress.h"
#include "app/corpus/layout.h"
#include "app/corpus/pieces.h"
#include "app/corpus/select.h"
#include "app/corpus/session.h"
#include "app/import_job.h"
#include "app/report.h"
#include "app/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_help help = {
    .usage = "import [options] FILE|FOLDER|ZIP...",
    .about =
        "Chat logs and texts to messages, one JSON object a line. The format is told by the content: exports of\n"
        "Discord (DiscordChatExporter JSON, CSV, TXT, HTML; the data package; text copied from the client), WhatsApp,\n"
        "Telegram, Slack, IRC, iMessage, instruction-tuning JSON, doppel's own messages, and plain text.",
    .more =
        "--to messages     the messages (the default); --imitate NAME is the same as --only NAME then\n"
        "--to examples     token blocks for `doppel train --ids`: what the imitated people say counts in the loss\n"
        "--to completions  {\"prompt\":\"\",\"completion\":\"...\"}: the text cut at sentences or lines\n"
        "--to pairs        question and answer from two --columns of a CSV, the question set into a --template\n"
        "\n"
        "Without -o everything goes to standard output; with it a file appears once it is complete, and a summary is\n"
        "printed. Nothing leaves this machine.",
    .takes = OPTIONS_MODEL | OPTIONS_JSON,
    .min_args = 1,
    .max_args = -1,
};

static bool on_progress(void *arg, int64_t done, int64_t total) {
    import_progress_show(arg, done, total);
    return !stop_asked();
}

int import_read(import_job *job, corpus_message_fn *fn, void *arg, error *err) {
    import_progress bar = {.shown = !job->common.quiet && isatty(STDERR_FILENO)};
    job->select.progress = on_progress;
    job->select.progress_arg = &bar;
    size_t n = (size_t)job->common.n_args;
    char **paths = mem_calloc(n, sizeof *paths);
    for (size_t i = 0; i < n; i++) {
        buf path = {0};
        dataset_resolve(job->common.args[i], &path);
        paths[i] = buf_take(&path);
    }
    int result = corpus_read((const char *const *)paths, n, &job->select, fn, arg, &job->report, err);
    import_progress_clear(&bar);
    for (size_t i = 0; i < n; i++) free(paths[i]);
    free(paths);
    return result;
}

// ---- what is printed

static void put_time(buf *out, const char *time) {
    if (*time)
        buf_json_string(out, time, strlen(time));
    else
        buf_puts(out, "null");
}

static void put_json_person(const person *p, buf *out) {
    buf_puts(out, "{\"name\":");
    buf_json_string(out, p->name, strlen(p->name));
    buf_printf(out, ",\"messages\":%lld,\"words\":%lld,\"first\":", (long long)p->messages, (long long)p->words);
    put_time(out, p->first);
    buf_puts(out, ",\"last\":");
    put_time(out, p->last);
    buf_puts(out, p->bot ? ",\"bot\":true}" : "}");
}

static void put_json_summary(const import_job *job, buf *out) {
    const corpus_report *r = &job->report;
    buf_puts(out, "{\"format\":");
    buf_json_string(out, buf_str(&r->format), r->format.len);
    buf_printf(out, ",\"messages\":%lld,\"skipped\":%lld,\"dropped\":%lld,\"left_out\":%lld,\"unread_bytes\":%lld",
               (long long)r->messages, (long long)r->skipped, (long long)r->dropped, (long long)r->left_out,
               (long long)r->unread);
    if (job->lines) buf_printf(out, ",\"lines\":%lld", (long long)job->lines);
    buf_puts(out, ",\"authors\":[");
    for (size_t i = 0; i < r->people.n; i++) {
        if (i) buf_putc(out, ',');
        put_json_person(&r->people.list[i], out);
    }
    buf_puts(out, "],\"first\":");
    put_time(out, r->first);
    buf_puts(out, ",\"last\":");
    put_time(out, r->last);
    buf_puts(out, ",\"scrubbed\":{");
    for (int k = 0; k < SCRUB_KINDS; k++)
        buf_printf(out, "%s\"%s\":%lld", k ? "," : "", scrub_name(k), (long long)r->scrubbed[k]);
    buf_puts(out, "}}\n");
}

static void put_count(buf *out, int64_t n, const char *what) {
    if (n) buf_printf(out, ", %lld %s", (long long)n, what);
}

static void put_summary(const import_job *job, buf *out) {
    const corpus_report *r = &job->report;
    buf_printf(out, "%s: %lld %s%s", buf_str(&r->format), (long long)r->messages, job->columns ? "row" : "message",
               r->messages == 1 ? "" : "s");
    if (r->people.n) buf_printf(out, " by %zu %s", r->people.n, r->people.n == 1 ? "person" : "people");
    if (*r->first) buf_printf(out, ", %.10s to %.10s", r->first, r->last);
    put_count(out, r->dropped, "without text or not typed by anyone");
    put_count(out, r->left_out, "left out by the options");
    put_count(out, r->skipped, "broken and skipped");
    for (int k = 0; k < SCRUB_KINDS; k++)
        if (r->scrubbed[k]) buf_printf(out, ", %lld x %s hidden", (long long)r->scrubbed[k], scrub_name(k));
    if (job->lines) buf_printf(out, "; %lld lines", (long long)job->lines);
    if (job->out) buf_printf(out, " -> %s", job->out);
    buf_putc(out, '\n');
}

static void put_authors(const corpus_report *r, buf *out) {
    buf_printf(out, "%9s %10s  %-10s  %-10s  %s\n", "messages", "words", "first", "last", "author");
    for (size_t i = 0; i < r->people.n; i++) {
        const person *p = &r->people.list[i];
        buf_printf(out, "%9lld %10lld  %-10.10s  %-10.10s  %s%s\n", (long long)p->messages, (long long)p->words,
                   p->first, p->last, p->name, p->bot ? " (bot)" : "");
    }
    if (!r->people.n) buf_puts(out, "The messages have no authors.\n");
}

// Names come out of the log: what could steer a terminal is taken out.
static void print(const buf *text) {
    buf shown = {0};
    if (isatty(STDOUT_FILENO))
        clean_text(buf_str(text), text->len, &shown);
    else
        buf_append(&shown, buf_str(text), text->len);
    fwrite(buf_str(&shown), 1, shown.len, stdout);
    fflush(stdout);
    buf_free(&shown);
}

static void print_report(const import_job *job) {
    buf text = {0};
    if (job->common.json)
        put_json_summary(job, &text);
    else if (job->authors)
        put_authors(&job->report, &text);
    else
        put_summary(job, &text);
    print(&text);
    buf_free(&text);
}

// What was broken: one line for every file, on stderr.
static void report_notes(const import_job *job) {
    if (job->common.quiet) return;
    for (const char *s = buf_str(&job->report.notes); *s;) {
        size_t n = strcspn(s, "\n");
        report_note("%.*s", (int)n, s);
        s += n + (s[n] == '\n');
    }
}

// ---- the job

static bool write_message(void *arg, const corpus_message *m) {
    import_job *job = arg;
    corpus_write_message(sink_line(&job->sink), m);
    return sink_flush(&job->sink) && !stop_asked();
}

static int import_messages(import_job *job, error *err) {
    return import_read(job, write_message, job, err);
}

typedef int import_fn(import_job *job, error *err);

static import_fn *find_form(const import_job *job) {
    static const struct {
        const char *name;
        import_fn *fn;
    } forms[] = {{"messages", import_messages},
                 {"examples", import_examples},
                 {"completions", import_completions},
                 {"pairs", import_pairs}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(job->to, forms[i].name) == 0) return forms[i].fn;
    return NULL;
}

// "all" among the names stands for nobody in particular.
static size_t count_names(const option_list *names) {
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i], "all") == 0) return 0;
    return names->n;
}

// What is wrong with the command line alone: -1 with a message.
static int check_options(import_job *job, error *err) {
    corpus_options *s = &job->select;
    layout_kind kind;
    piece_boundary keep;
    if (!find_form(job))
        return error_set(err, "--to is \"%s\"; it takes messages, examples, completions or pairs", job->to);
    if (job->out && job->save) return error_set(err, "-o and --save both say where to; give one of them");
    if (strcmp(job->to, "pairs") == 0 && !job->columns)
        return error_set(err, "--to pairs needs --columns QUESTION,ANSWER");
    s->aliases = job->aliases.items;
    s->n_aliases = job->aliases.n;
    if (layout_kind_parse(job->layout, &kind, err) != 0 || piece_boundary_parse(job->keep, &keep, err) != 0) return -1;
    if (job->scrub && scrub_flags(job->scrub, &s->scrub, err) != 0) return -1;
    return selection_check(s, err);
}

static int set_selection(import_job *job, error *err) {
    corpus_options *s = &job->select;
    if (job->words && !(job->scrub_words = scrub_words_open(job->words, err))) return -1;
    s->scrub_words = job->scrub_words;
    s->only = job->only.items;
    s->n_only = count_names(&job->only);
    s->imitate = job->imitate.items;
    s->n_imitate = count_names(&job->imitate);
    bool marks = job->dry_run || strcmp(job->to, "examples") == 0;
    if (!marks && s->n_imitate && !s->n_only) {
        s->only = s->imitate;
        s->n_only = s->n_imitate;
    }
    if (!marks) s->n_imitate = 0;
    if (!job->save) return 0;
    if (dataset_path(job->save, &job->stored, err) != 0) return -1;
    job->out = job->stored.data;
    return 0;
}

static int import(import_job *job, import_fn *form, error *err) {
    if (job->dry_run) return import_dry_run(job, err);
    if (job->authors && !job->out) return import_read(job, NULL, NULL, err);
    if (sink_open(&job->sink, job->out, err) != 0) return CORPUS_FAILED;
    int result = form(job, err);
    if (job->sink.failed) {
        *err = job->sink.err;
        result = CORPUS_FAILED;
    }
    if (result == CORPUS_DONE) return sink_commit(&job->sink, err);
    sink_discard(&job->sink);
    return result;
}

static int run(import_job *job) {
    error err;
    if (check_options(job, &err) != 0) return report_usage("%s", err.text);
    stop_watch();
    int result = set_selection(job, &err) != 0 ? CORPUS_FAILED : import(job, find_form(job), &err);
    if (result == CORPUS_FAILED) return report_error(&err);
    if (result == CORPUS_CANCELLED) return EXIT_INTERRUPTED;
    report_notes(job);
    if ((job->out || job->authors) && !job->dry_run) print_report(job);
    return EXIT_DONE;
}

int cmd_import(int argc, char **argv) {
    import_job job = {.to = "messages", .layout = "lines", .keep = "sentences", .block_size = 256, .batch_size = 4};
    job.session_gap = SESSION_GAP_MINUTES;
    job.piece = 1000;
    const option own[] = {
        {"out", 'o', OPTION_TEXT, &job.out, "FILE", "write to FILE", 0, 0},
        {"save", 0, OPTION_TEXT, &job.save, "NAME", "keep as the data set NAME (`doppel train --data NAME`)", 0, 0},
        {"to", 0, OPTION_TEXT, &job.to, "FORM", "messages, examples, completions or pairs", 0, 0},
        {"authors", 0, OPTION_FLAG, &job.authors, NULL, "list who wrote how much", 0, 0},
        {"dry-run", 0, OPTION_FLAG, &job.dry_run, NULL, "show the first examples; what does not count is dimmed", 0, 0},
        {"imitate", 0, OPTION_LIST, &job.imitate, "NAME", "who is to be learned; repeatable; \"all\"", 0, 0},
        {"only", 0, OPTION_LIST, &job.only, "NAME", "this person's messages only; repeatable", 0, 0},
        {"alias", 0, OPTION_LIST, &job.aliases, "A=B", "what A wrote counts as B's; repeatable", 0, 0},
        {"no-bots", 0, OPTION_FLAG, &job.select.no_bots, NULL, "leave out bots", 0, 0},
        {"after", 0, OPTION_TEXT, &job.select.after, "DATE", "from this day on (2026-11-20)", 0, 0},
        {"before", 0, OPTION_TEXT, &job.select.before, "DATE", "up to the day before this one", 0, 0},
        {"min-length", 0, OPTION_INT, &job.select.min_length, "N", "leave out messages of fewer characters", 1, 1e9},
        {"dedupe", 0, OPTION_FLAG, &job.select.dedupe, NULL, "leave out what was there before", 0, 0},
        {"scrub", 0, OPTION_TEXT, &job.scrub, "KINDS", "hide email, phone, card, ip, key (commas between), or all", 0,
         0},
        {"scrub-words", 0, OPTION_TEXT, &job.words, "FILE", "hide these words, one a line", 0, 0},
        {"session-gap", 0, OPTION_INT, &job.session_gap, "MINUTES", "a conversation ends after (60)", 1, 1e6},
        {"layout", 0, OPTION_TEXT, &job.layout, "KIND", "examples: lines or turns", 0, 0},
        {"times", 0, OPTION_FLAG, &job.times, NULL, "examples: day and time in front of every turn", 0, 0},
        {"block-size", 0, OPTION_INT, &job.block_size, "N", "examples: tokens a row (256)", 8, 1 << 20},
        {"batch-size", 0, OPTION_INT, &job.batch_size, "N", "examples: rows a batch (4)", 1, 65536},
        {"piece", 0, OPTION_INT, &job.piece, "N", "completions: characters at most (1000)", 1, 1e9},
        {"tokens", 0, OPTION_INT, &job.tokens, "N", "completions, pairs: excerpts of exactly N tokens", 1, 1 << 20},
        {"keep", 0, OPTION_TEXT, &job.keep, "WHAT", "completions, pairs: keep sentences or lines whole", 0, 0},
        {"columns", 0, OPTION_TEXT, &job.columns, "Q,A", "pairs: names or numbers of the two columns", 0, 0},
        {"template", 0, OPTION_TEXT, &job.template_name, "NAME", "pairs: a prompt template for the question", 0, 0},
        {0},
    };
    if (!options_read(&job.common, &help, own, argc, argv)) return job.common.exit_code;
    int code = run(&job);
    corpus_report_free(&job.report);
    scrub_words_free(job.scrub_words);
    buf_free(&job.stored);
    option_list_free(&job.only);
    option_list_free(&job.imitate);
    option_list_free(&job.aliases);
    options_free(&job.common);
    return code;
}
