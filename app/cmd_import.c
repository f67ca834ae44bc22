// doppel import: chat logs and texts of any known format to messages, people, or training examples.
#include "app/clean.h"
#include "app/commands.h"
#include "app/corpus/corpus.h"
#include "app/corpus/import_progress.h"
#include "app/corpus/sink.h"
#include "app/options.h"
#include "app/report.h"

#include <signal.h>
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
        "Without -o the messages go to standard output; with it a file appears once it is complete, and a summary is\n"
        "printed. Nothing leaves this machine.",
    .takes = OPTIONS_JSON,
    .min_args = 1,
    .max_args = -1,
};

typedef struct import_job {
    options common;
    const char *out, *scrub, *words;
    bool authors;
    option_list imitate, aliases;
    corpus_options select;
    corpus_report report;
    sink sink;
} import_job;

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void watch_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}, ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static bool on_progress(void *arg, int64_t done, int64_t total) {
    import_progress_show(arg, done, total);
    return !stopped;
}

// ---- what is printed

static bool write_message(void *arg, const corpus_message *m) {
    import_job *job = arg;
    corpus_write_message(sink_line(&job->sink), m);
    return sink_flush(&job->sink) && !stopped;
}

static void put_time(buf *out, const char *time) {
    if (*time)
        buf_json_string(out, time, strlen(time));
    else
        buf_puts(out, "null");
}

static void put_json_summary(const corpus_report *r, buf *out) {
    buf_puts(out, "{\"format\":");
    buf_json_string(out, buf_str(&r->format), r->format.len);
    buf_printf(out, ",\"messages\":%lld,\"skipped\":%lld,\"dropped\":%lld,\"left_out\":%lld,\"unread_bytes\":%lld",
               (long long)r->messages, (long long)r->skipped, (long long)r->dropped, (long long)r->left_out,
               (long long)r->unread);
    buf_puts(out, ",\"authors\":[");
    for (size_t i = 0; i < r->people.n; i++) {
        const person *p = &r->people.list[i];
        buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        buf_json_string(out, p->name, strlen(p->name));
        buf_printf(out, ",\"messages\":%lld,\"words\":%lld,\"first\":", (long long)p->messages, (long long)p->words);
        put_time(out, p->first);
        buf_puts(out, ",\"last\":");
        put_time(out, p->last);
        buf_puts(out, p->bot ? ",\"bot\":true}" : "}");
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
    buf_printf(out, "%s: %lld messages by %zu %s", buf_str(&r->format), (long long)r->messages, r->people.n,
               r->people.n == 1 ? "person" : "people");
    if (*r->first) buf_printf(out, ", %.10s to %.10s", r->first, r->last);
    put_count(out, r->dropped, "system lines and messages without text dropped");
    put_count(out, r->left_out, "left out by the options");
    put_count(out, r->skipped, "broken ones skipped");
    for (int k = 0; k < SCRUB_KINDS; k++)
        if (r->scrubbed[k]) buf_printf(out, ", %lld x %s scrubbed", (long long)r->scrubbed[k], scrub_name(k));
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
        put_json_summary(&job->report, &text);
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

static int set_selection(import_job *job, scrub_words **words, error *err) {
    corpus_options *s = &job->select;
    if (job->scrub && scrub_flags(job->scrub, &s->scrub, err) != 0) return -1;
    if (job->words && !(*words = scrub_words_open(job->words, err))) return -1;
    s->scrub_words = *words;
    s->aliases = job->aliases.items;
    s->n_aliases = job->aliases.n;
    bool everyone = false;
    for (size_t i = 0; i < job->imitate.n; i++) everyone |= strcmp(job->imitate.items[i], "all") == 0;
    s->only = job->imitate.items;
    s->n_only = everyone ? 0 : job->imitate.n;
    return 0;
}

static int import(import_job *job, error *err) {
    import_progress bar = {.shown = !job->common.quiet && isatty(STDERR_FILENO)};
    job->select.progress = on_progress;
    job->select.progress_arg = &bar;
    bool messages = !job->authors || job->out;
    if (messages && sink_open(&job->sink, job->out, err) != 0) return CORPUS_FAILED;
    int result = corpus_read(job->common.args, (size_t)job->common.n_args, &job->select,
                             messages ? write_message : NULL, job, &job->report, err);
    import_progress_clear(&bar);
    if (job->sink.failed) {
        *err = job->sink.err;
        result = CORPUS_FAILED;
    }
    if (messages && result == CORPUS_DONE)
        result = sink_commit(&job->sink, err);
    else if (messages)
        sink_discard(&job->sink);
    return result;
}

int cmd_import(int argc, char **argv) {
    import_job job = {0};
    const option own[] = {
        {"out", 'o', OPTION_TEXT, &job.out, "FILE", "write the messages to FILE", 0, 0},
        {"authors", 0, OPTION_FLAG, &job.authors, NULL, "list who wrote how much", 0, 0},
        {"imitate", 0, OPTION_LIST, &job.imitate, "NAME", "only this person's messages; repeatable; \"all\"", 0, 0},
        {"alias", 0, OPTION_LIST, &job.aliases, "A=B", "what A wrote counts as B's; repeatable", 0, 0},
        {"no-bots", 0, OPTION_FLAG, &job.select.no_bots, NULL, "leave out bots", 0, 0},
        {"after", 0, OPTION_TEXT, &job.select.after, "DATE", "from this day on (2026-11-20)", 0, 0},
        {"before", 0, OPTION_TEXT, &job.select.before, "DATE", "up to the day before this one", 0, 0},
        {"min-length", 0, OPTION_INT, &job.select.min_length, "N", "leave out messages of fewer characters", 1, 1e9},
        {"dedupe", 0, OPTION_FLAG, &job.select.dedupe, NULL, "leave out what was there before", 0, 0},
        {"scrub", 0, OPTION_TEXT, &job.scrub, "KINDS", "hide email, phone, card, ip, or all", 0, 0},
        {"scrub-words", 0, OPTION_TEXT, &job.words, "FILE", "hide these words, one a line", 0, 0},
        {0},
    };
    if (!options_read(&job.common, &help, own, argc, argv)) return job.common.exit_code;
    error err;
    scrub_words *words = NULL;
    watch_signals();
    int result = set_selection(&job, &words, &err) != 0 ? CORPUS_FAILED : import(&job, &err);
    if (result == CORPUS_FAILED) {
        report_error(&err);
    } else if (result == CORPUS_DONE) {
        report_notes(&job);
        if (job.out || job.authors) print_report(&job);
    }
    corpus_report_free(&job.report);
    scrub_words_free(words);
    option_list_free(&job.imitate);
    option_list_free(&job.aliases);
    options_free(&job.common);
    return result == CORPUS_DONE ? EXIT_DONE : result == CORPUS_CANCELLED ? EXIT_INTERRUPTED : EXIT_FAILED;
}
