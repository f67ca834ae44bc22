// Reading what somebody wants to learn from: who wrote how much in it, how it begins, and what it gives away.
#include "app/corpus/corpus.h"
#include "app/corpus/sink.h"
#include "app/train_rows.h"
#include "app/tuning_job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PREVIEW_LINES = 12, PREVIEW_BYTES = 200 };

typedef struct reading {
    tuning_private *p;
    const tuning_wish *wish;
    tuning_result *result;
    int64_t told; // bytes, when progress was told last
    int previewed;
    buf scrubbed; // thrown away: only what was found in it counts
    sink kept;    // a pasted log as messages
    bool keeps;
} reading;

static bool on_progress(void *arg, int64_t done, int64_t total) {
    enum { EVERY = 1 << 18 };
    reading *r = arg;
    if (r->told == 0 || done - r->told >= EVERY) tuning_tell_progress(r->p, r->told = done, total);
    return tuning_is_wanted(r->p, r->wish->number);
}

// One line of the preview: what does not fit is cut behind a whole character.
static void preview(reading *r, const corpus_message *m) {
    buf *out = &r->result->preview;
    if (r->previewed == PREVIEW_LINES) return;
    r->previewed++;
    if (m->time) buf_printf(out, "%.10s %.5s  ", m->time, m->time + 11);
    if (m->author) buf_printf(out, "%s: ", m->author);
    size_t n = m->n_text < PREVIEW_BYTES ? m->n_text : PREVIEW_BYTES;
    while (n < m->n_text && n > 0 && ((unsigned char)m->text[n] & 0xC0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) buf_putc(out, m->text[i] == '\n' ? ' ' : m->text[i]);
    buf_puts(out, n < m->n_text ? " \xe2\x80\xa6\n" : "\n");
}

static bool on_message(void *arg, const corpus_message *m) {
    reading *r = arg;
    preview(r, m);
    r->result->text_bytes += (int64_t)m->n_text;
    buf_clear(&r->scrubbed);
    scrub_text(m->text, m->n_text, SCRUB_ALL, NULL, &r->scrubbed, r->result->found);
    if (r->keeps) {
        corpus_write_message(sink_line(&r->kept), m);
        sink_flush(&r->kept);
    }
    return tuning_is_wanted(r->p, r->wish->number);
}

static int by_words(const void *a, const void *b) {
    const tuning_author *x = a, *y = b;
    if (x->words != y->words) return x->words < y->words ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void take_report(tuning_result *out, const corpus_report *r) {
    out->format = mem_strdup(buf_str(&r->format));
    out->is_log = r->people.n > 0 && !train_examples_know(out->format);
    out->messages = r->messages;
    out->skipped = r->skipped;
    memcpy(out->first, r->first, sizeof out->first);
    memcpy(out->last, r->last, sizeof out->last);
    buf_puts(&out->notes, buf_str(&r->notes));
    if (!out->is_log) return;
    out->n_authors = r->people.n;
    out->authors = mem_calloc(r->people.n, sizeof *out->authors);
    for (size_t i = 0; i < r->people.n; i++) {
        const person *who = &r->people.list[i];
        out->authors[i] = (tuning_author){mem_strdup(who->name), who->messages, who->words, false};
    }
    qsort(out->authors, out->n_authors, sizeof *out->authors, by_words);
}

// The path of the data set beside a pasted text: NAME.jsonl for NAME.txt.
static char *kept_path(const char *pasted) {
    buf path = {0};
    buf_append(&path, pasted, strlen(pasted) - strlen(".txt"));
    buf_puts(&path, ".jsonl");
    return buf_take(&path);
}

// The text itself goes only when the messages are safely there.
static int keep(reading *r, char *path) {
    if (!r->result->is_log) {
        sink_discard(&r->kept);
        return 0;
    }
    if (sink_commit(&r->kept, &r->result->err) != 0) return -1;
    unlink(r->wish->pasted);
    r->result->kept = mem_strdup(path);
    return 0;
}

// Text is read twice, here and by the training; and to open a pipe that nobody writes to would never end.
static int check_kinds(const tuning_wish *w, error *err) {
    struct stat st;
    for (size_t i = 0; i < w->n_paths; i++) {
        if (strcmp(w->paths[i], "-") == 0)
            return error_set(err, "standard input belongs to the chat; save the text in a file, or use /train paste");
        if (stat(w->paths[i], &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
            return error_set(err, "%s: is a pipe or a device; save what comes from it in a file", w->paths[i]);
    }
    return 0;
}

void tuning_read_run(tuning_private *p, const tuning_wish *w, tuning_result *out) {
    reading r = {.p = p, .wish = w, .result = out};
    const corpus_options o = {.progress = on_progress, .progress_arg = &r};
    corpus_report report = {0};
    char *path = w->pasted ? kept_path(w->pasted) : NULL;
    if (check_kinds(w, &out->err) != 0 || (path && sink_open(&r.kept, path, &out->err) != 0)) out->code = -1;
    r.keeps = path && out->code == 0;
    if (out->code == 0)
        out->code = corpus_read((const char *const *)w->paths, w->n_paths, &o, on_message, &r, &report, &out->err);
    if (out->code == CORPUS_DONE) {
        take_report(out, &report);
        if (r.keeps) out->code = keep(&r, path);
    } else if (r.keeps) {
        sink_discard(&r.kept);
    }
    corpus_report_free(&report);
    buf_free(&r.scrubbed);
    free(path);
}
