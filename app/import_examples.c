// doppel import --to examples: token rows with labels; --dry-run: the first of them as a person can read them.
#include "app/clean.h"
#include "app/corpus/examples.h"
#include "app/import_job.h"
#include "app/stop.h"
#include "app/paths.h"
#include "model/file/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

tokenizer *import_tokenizer(const import_job *job, chat_format *format, error *err) {
    struct stat st;
    buf path = {0};
    tokenizer *t = NULL;
    if (paths_chosen_model(job->common.model, &path, err) != 0) {
        buf_free(&path);
        return NULL;
    }
    if (stat(path.data, &st) == 0 && S_ISDIR(st.st_mode)) {
        t = tokenizer_open_dir(path.data, err);
        if (t && format) *format = chat_format_of_dir(path.data, t);
    } else {
        gguf *g = gguf_open(path.data, err);
        t = g ? tokenizer_open_gguf(g, err) : NULL;
        if (t && format) *format = chat_format_of_gguf(g, t);
        gguf_close(g);
    }
    buf_free(&path);
    return t;
}

typedef struct building {
    tokenizer *tokenizer;
    chat_format format;
    layout layout;
    examples examples;
} building;

static void building_free(building *b) {
    examples_free(&b->examples);
    layout_free(&b->layout);
    chat_format_free(&b->format);
    tokenizer_free(b->tokenizer);
}

// Reads everything into b->examples.
static int build(import_job *job, building *b, error *err) {
    layout_kind kind;
    if (layout_kind_parse(job->layout, &kind, err) != 0) return CORPUS_FAILED;
    b->tokenizer = import_tokenizer(job, &b->format, err);
    if (!b->tokenizer || layout_open(&b->layout, kind, job->times, &b->format, err) != 0) return CORPUS_FAILED;
    const example_options o = {.tokenizer = b->tokenizer,
                               .layout = &b->layout,
                               .learn_headers = job->times && !job->select.n_imitate,
                               .session_gap = job->session_gap};
    examples_start(&b->examples, &o);
    int result = import_read(job, examples_on_message, &b->examples, err);
    if (result == CORPUS_FAILED || (result == CORPUS_CANCELLED && stop_asked())) return result;
    return examples_finish(&b->examples, err) == 0 ? CORPUS_DONE : CORPUS_FAILED;
}

// ---- {"batches":[{"input_ids":[[...]],"labels":[[...]]}]}

static void put_row(const int32_t *ids, int len, buf *out) {
    buf_putc(out, '[');
    for (int i = 0; i < len; i++) buf_printf(out, i ? ",%d" : "%d", (int)ids[i]);
    buf_putc(out, ']');
}

static void put_rows(const example_rows *r, const int32_t *values, size_t from, size_t to, buf *out) {
    for (size_t i = from; i < to; i++) {
        if (i > from) buf_putc(out, ',');
        put_row(values + i * (size_t)r->len, r->len, out);
    }
}

static void put_batches(import_job *job, const example_rows *r) {
    buf *out = sink_line(&job->sink);
    size_t step = (size_t)job->batch_size;
    buf_puts(out, "{\"batches\":[");
    for (size_t at = 0; at < r->n && sink_flush(&job->sink); at += step) {
        size_t to = at + step < r->n ? at + step : r->n;
        buf_puts(out, at ? ",\n{\"input_ids\":[" : "\n{\"input_ids\":[");
        put_rows(r, r->ids, at, to, out);
        buf_puts(out, "],\"labels\":[");
        put_rows(r, r->labels, at, to, out);
        buf_puts(out, "]}");
        job->lines++;
    }
    buf_puts(out, "\n]}\n");
}

int import_examples(import_job *job, error *err) {
    building b = {0};
    int result = build(job, &b, err);
    if (result == CORPUS_DONE) {
        example_rows rows;
        examples_pack(&b.examples, NULL, job->block_size, &rows);
        if (rows.n)
            put_batches(job, &rows);
        else
            result = error_set(err, "there is nothing to learn in these messages");
        example_rows_free(&rows);
    }
    building_free(&b);
    return result;
}

// ---- --dry-run

typedef struct marks {
    const char *context, *counts;         // in front of what is context, of what counts
    const char *context_end, *counts_end; // behind it
} marks;

static void put_example(const building *b, const example_rows *r, size_t row, const marks *m, buf *out) {
    const int32_t *ids = r->ids + row * (size_t)r->len, *labels = r->labels + row * (size_t)r->len;
    int last = r->len;
    while (last > 0 && labels[last - 1] < 0) last--; // padding and context behind the last word that counts
    buf text = {0};
    for (int i = 0; i < last;) {
        bool counts = labels[i] >= 0;
        int from = i;
        while (i < last && (labels[i] >= 0) == counts) i++;
        buf_clear(&text);
        for (int k = from; k < i; k++) {
            size_t n;
            const char *piece = tokenizer_piece(b->tokenizer, ids[k], true, &n);
            buf_append(&text, piece, n);
        }
        buf_puts(out, counts ? m->counts : m->context);
        clean_text(buf_str(&text), text.len, out);
        buf_puts(out, counts ? m->counts_end : m->context_end);
    }
    buf_free(&text);
}

int import_dry_run(import_job *job, error *err) {
    enum { SHOWN = 3 };
    static const marks terminal = {"\033[2m", "", "\033[0m", ""}, plain = {"", "\xC2\xAB", "", "\xC2\xBB"};
    bool is_terminal = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    marks m = is_terminal ? terminal : plain;
    building b = {0};
    int result = build(job, &b, err);
    if (result == CORPUS_DONE) {
        example_rows rows;
        buf out = {0};
        examples_pack(&b.examples, NULL, job->block_size, &rows);
        buf_printf(&out, "%zu sessions, %zu tokens, %zu rows of %d; %zu tokens count in the loss (%s)\n",
                   b.examples.n_sessions, b.examples.ids.len, rows.n, rows.len, rows.n_learn,
                   is_terminal ? "what does not is dim" : "between \xC2\xAB and \xC2\xBB");
        for (size_t i = 0; i < rows.n && i < SHOWN; i++) {
            buf_printf(&out, "\n--- example %zu\n", i + 1);
            put_example(&b, &rows, i, &m, &out);
            buf_putc(&out, '\n');
        }
        fwrite(buf_str(&out), 1, out.len, stdout);
        if (!rows.n) result = error_set(err, "there is nothing to learn in these messages");
        buf_free(&out);
        example_rows_free(&rows);
    }
    building_free(&b);
    return result;
}
