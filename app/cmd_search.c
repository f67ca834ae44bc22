// doppel search: the passages of some files that are nearest in meaning to a question, by the cosine of embeddings.
#include "app/clean.h"
#include "app/commands.h"
#include "app/embedder.h"
#include "app/options.h"
#include "app/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_help help = {
    .usage = "search [options] QUERY [FILE...]",
    .about = "The passages of the files (standard input: -, or no FILE) that are nearest in meaning to QUERY, the\n"
             "nearest first, each with its score: the cosine of its embedding and the query's. The model has to be an\n"
             "encoder, a BERT or DistilBERT; without -m the first one under models/ is taken.",
    .more = "With --json a line {\"score\":0.7,\"file\":\"...\",\"line\":1,\"text\":\"...\"} for every passage.",
    .takes = OPTIONS_MODEL | OPTIONS_JSON,
    .min_args = 1,
    .max_args = -1,
};

enum { MAX_TOP = 10000 };

typedef struct hit {
    double score;
    const char *file;
    size_t line, len;
    char *text; // owned
} hit;

typedef struct job {
    options common;
    const char *pooling, *passage;
    int n_top;
    embedder embedder;
    float *query;
    hit *hits; // the best so far, best first
    int n_hits;
} job;

static double cosine(const job *j, const float *x) {
    double sum = 0;
    for (int i = 0; i < encoder_width(j->embedder.encoder); i++) sum += (double)j->query[i] * (double)x[i];
    return sum;
}

// How the sums of a text are rounded depends on the texts it is embedded with: what that can make of a score is no
// difference.
static bool is_nearer(const hit *a, const hit *b) {
    const double rounding = 1e-6;
    return a->score > b->score + rounding;
}

// Keeps the hit if it is among the best; of equal ones the earlier stays before the later.
static void take(job *j, hit h, const char *text) {
    if (j->n_hits == j->n_top && !is_nearer(&h, &j->hits[j->n_hits - 1])) return;
    if (j->n_hits == j->n_top) free(j->hits[--j->n_hits].text);
    int at = j->n_hits++;
    for (; at > 0 && is_nearer(&h, &j->hits[at - 1]); at--) j->hits[at] = j->hits[at - 1];
    h.text = mem_strndup(text, h.len);
    j->hits[at] = h;
}

static int search_texts(job *j, texts *t, const char *file, error *err) {
    size_t width = (size_t)encoder_width(j->embedder.encoder), kept = 0;
    const char *bytes = buf_str(&t->bytes);
    for (size_t i = 0; i < t->n; i++)
        if (!texts_blank(bytes + t->places[i].at, t->places[i].len)) t->places[kept++] = t->places[i];
    float *vectors = mem_calloc(EMBEDDER_GROUP * width, sizeof *vectors);
    int rc = 0;
    for (size_t done = 0; rc == 0 && done < kept;) {
        size_t n = kept - done < EMBEDDER_GROUP ? kept - done : EMBEDDER_GROUP;
        rc = embedder_run(&j->embedder, bytes, t->places + done, n, vectors, err);
        for (size_t i = 0; rc == 0 && i < n; i++) {
            const text_place *p = &t->places[done + i];
            take(j, (hit){cosine(j, vectors + i * width), file, p->line, p->len, NULL}, bytes + p->at);
        }
        done += n;
    }
    free(vectors);
    return rc;
}

static int search_file(job *j, const char *file, texts_cut cut, error *err) {
    texts t;
    j->embedder.n_cut = j->embedder.n_left_out = 0;
    int rc = texts_read(&t, file, cut, err);
    if (rc == 0) rc = search_texts(j, &t, file, err);
    if (rc == 0 && !j->common.quiet) embedder_report_cuts(&j->embedder, file);
    texts_free(&t);
    return rc;
}

// ---- what is printed ----

static void put_json(const hit *h, buf *out) {
    buf_printf(out, "{\"score\":%.9g,\"file\":", h->score);
    buf_json_string(out, h->file, strlen(h->file));
    buf_printf(out, ",\"line\":%zu,\"text\":", h->line);
    buf_json_string(out, h->text, h->len);
    buf_puts(out, "}\n");
}

// A heading, and the passage indented below it.
static void put_passage(const hit *h, bool first, buf *out) {
    buf text = {0};
    if (!first) buf_putc(out, '\n');
    buf_printf(&text, "%.3f  %s:%zu\n", h->score, h->file, h->line);
    size_t heading = text.len;
    buf_append(&text, h->text, h->len);
    for (size_t at = 0; at < text.len;) {
        const char *line = text.data + at, *end = memchr(line, '\n', text.len - at);
        size_t n = end ? (size_t)(end - line) : text.len - at;
        if (at >= heading) buf_puts(out, "    ");
        clean_text(line, n, out);
        buf_putc(out, '\n');
        at += n + 1;
    }
    buf_free(&text);
}

static int print_hits(const job *j, error *err) {
    buf out = {0};
    for (int i = 0; i < j->n_hits; i++) {
        if (j->common.json)
            put_json(&j->hits[i], &out);
        else
            put_passage(&j->hits[i], i == 0, &out);
    }
    bool failed = fwrite(buf_str(&out), 1, out.len, stdout) != out.len || fflush(stdout) != 0;
    buf_free(&out);
    return failed ? error_set(err, "standard output: %s", strerror(errno)) : 0;
}

static int search(job *j, texts_cut cut, error *err) {
    static const char *const only_stdin[] = {"-", NULL};
    const char *question = j->common.args[0], *const *files = j->common.n_args > 1 ? j->common.args + 1 : only_stdin;
    text_place whole = {0, strlen(question), 1};
    j->query = mem_calloc((size_t)encoder_width(j->embedder.encoder), sizeof *j->query);
    j->hits = mem_calloc((size_t)j->n_top, sizeof *j->hits);
    if (embedder_run(&j->embedder, question, &whole, 1, j->query, err) != 0) return -1;
    if (!j->common.quiet) embedder_report_cuts(&j->embedder, "QUERY");
    for (; *files; files++)
        if (search_file(j, *files, cut, err) != 0) return -1;
    if (j->n_hits == 0 && !j->common.quiet) report_note("there is no passage in what was searched");
    return print_hits(j, err);
}

static int run(job *j) {
    error err;
    encoder_pooling pooling;
    bool lines = j->passage && strcmp(j->passage, "lines") == 0;
    if (j->passage && !lines && strcmp(j->passage, "paragraphs") != 0)
        return report_usage("search: --passage is lines or paragraphs, not \"%s\"", j->passage);
    if (j->pooling && !embedder_pooling_named(j->pooling, &pooling))
        return report_usage("search: --pooling is mean or cls, not \"%s\"", j->pooling);
    if (texts_blank(j->common.args[0], strlen(j->common.args[0])))
        return report_usage("search: QUERY is empty; write what to look for");
    if (embedder_open(&j->embedder, j->common.model, j->common.threads, &err) != 0) return report_error(&err);
    if (j->pooling) j->embedder.pooling = pooling;
    return search(j, lines ? TEXTS_LINES : TEXTS_PARAGRAPHS, &err) == 0 ? EXIT_DONE : report_error(&err);
}

int cmd_search(int argc, char **argv) {
    job j = {.n_top = 5};
    const option own[] = {
        {"top", 0, OPTION_INT, &j.n_top, "N", "how many passages (5)", 1, MAX_TOP},
        {"passage", 0, OPTION_TEXT, &j.passage, "lines|paragraphs",
         "what a passage is: a line, or a paragraph, cut at a line's end where it is long (paragraphs)", 0, 0},
        {"pooling", 0, OPTION_TEXT, &j.pooling, "mean|cls",
         "the mean over all tokens, or the first one's vector; as the model's files say, else the mean", 0, 0},
        {0},
    };
    if (!options_read(&j.common, &help, own, argc, argv)) return j.common.exit_code;
    int code = run(&j);
    for (int i = 0; i < j.n_hits; i++) free(j.hits[i].text);
    free(j.hits);
    free(j.query);
    embedder_close(&j.embedder);
    options_free(&j.common);
    return code;
}
