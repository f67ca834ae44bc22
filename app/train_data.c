#include "app/train_data.h"
#include "app/corpus/corpus.h"
#include "app/corpus/dataset.h"
#include "app/corpus/detect.h"
#include "app/corpus/examples.h"
#include "app/corpus/text_in.h"
#include "app/read_all.h"
#include "app/train_rows.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void train_data_free(train_data *d) {
    batches_free(&d->train);
    batches_free(&d->held_out);
    for (size_t i = 0; i < d->n_authors; i++) free(d->authors[i]);
    free(d->authors);
    buf_free(&d->notes);
    *d = (train_data){0};
}

// ---- --ids

// The length of the longest row of the batches; -1 with a message.
static int longest_row(const char *path, const cJSON *all, size_t *n_batches, size_t *n_rows, error *err) {
    const cJSON *batch, *row;
    int longest = 0;
    *n_batches = *n_rows = 0;
    cJSON_ArrayForEach(batch, all) {
        const cJSON *ids = cJSON_GetObjectItemCaseSensitive(batch, "input_ids");
        if (!cJSON_IsArray(ids) || cJSON_GetArraySize(ids) == 0)
            return error_set(err, "%s: batch %zu has no input_ids: [[1,2,3],...]", path, *n_batches + 1);
        cJSON_ArrayForEach(row, ids) {
            int n = cJSON_IsArray(row) ? cJSON_GetArraySize(row) : 0;
            if (n < 1) return error_set(err, "%s: batch %zu has a row that is no list of ids", path, *n_batches + 1);
            if (n > longest) longest = n;
            ++*n_rows;
        }
        ++*n_batches;
    }
    if (*n_batches == 0)
        return error_set(err, "%s: there are no batches in it: {\"batches\":[{\"input_ids\":...}]}", path);
    return longest;
}

static bool take_number(const cJSON *item, int32_t least, int32_t *out) {
    double x = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(x >= least && x <= INT32_MAX && x == floor(x))) return false;
    *out = (int32_t)x;
    return true;
}

// One row, padded to len. labels NULL: the ids.
static int put_row(train_rows *r, const cJSON *ids, const cJSON *labels, int len) {
    const cJSON *id = ids->child, *label = labels ? labels->child : NULL;
    for (int i = 0; i < len; i++) {
        int32_t value = 0, want = LEARN_NO_LABEL;
        if (id && !take_number(id, 0, &value)) return -1;
        if (id && labels && (!label || !take_number(label, LEARN_NO_LABEL, &want))) return -1;
        train_rows_put(r, value, id && !labels);
        if (labels) r->labels[r->n - 1] = want < 0 ? LEARN_NO_LABEL : want;
        if (id) id = id->next;
        if (label) label = label->next;
    }
    return label ? -1 : 0;
}

static int put_batches(train_data *d, const train_settings *s, const cJSON *all, error *err) {
    size_t n_batches, n_rows, k = 0, rows = 0;
    int len = longest_row(s->ids, all, &n_batches, &n_rows, err);
    if (len < 0) return -1;
    if (len < 2) len = 2;
    train_rows r = {0};
    size_t *first = mem_calloc(n_batches + 1, sizeof *first);
    const cJSON *batch, *row;
    int rc = 0;
    cJSON_ArrayForEach(batch, all) {
        const cJSON *labels = cJSON_GetObjectItemCaseSensitive(batch, "labels"), *label = labels ? labels->child : NULL;
        first[k++] = rows;
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(batch, "input_ids")) {
            bool bad = labels && !cJSON_IsArray(label);
            if (rc == 0 && (bad || put_row(&r, row, labels ? label : NULL, len) != 0))
                rc = error_set(err,
                               "%s: batch %zu: ids are whole numbers from 0, and there is a label (or -100) for each",
                               s->ids, k);
            if (label) label = label->next;
            rows++;
        }
    }
    first[k] = rows;
    train_settings shape = *s;
    shape.block_size = len;
    train_rows none = {0};
    if (rc == 0) rc = train_rows_finish(d, &shape, &(model){0}, &r, &none, false, err);
    if (rc == 0) {
        d->train.first = first;
        d->train.n_fixed = n_batches;
        first = NULL;
    }
    free(first);
    train_rows_free(&r);
    return rc;
}

static int read_ids(train_data *d, const train_settings *s, error *err) {
    buf text = {0};
    if (read_all(s->ids, &text, err) != 0) {
        buf_free(&text);
        return -1;
    }
    cJSON *whole = cJSON_ParseWithLength(buf_str(&text), text.len);
    buf_free(&text);
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(whole, "batches");
    int rc = cJSON_IsArray(all)
                 ? put_batches(d, s, all, err)
                 : error_set(err, "%s: is no JSON of the form {\"batches\":[{\"input_ids\":[[1,2,3]]}]}", s->ids);
    cJSON_Delete(whole);
    return rc;
}

// ---- the files

typedef struct file_list {
    char **paths;
    size_t n;
} file_list;

static file_list list_files(const train_settings *s) {
    file_list l = {mem_calloc(s->data.n, sizeof *l.paths), s->data.n};
    for (size_t i = 0; i < l.n; i++) {
        buf path = {0};
        dataset_resolve(s->data.items[i], &path);
        l.paths[i] = buf_take(&path);
    }
    return l;
}

static void free_files(file_list *l) {
    for (size_t i = 0; i < l->n; i++) free(l->paths[i]);
    free(l->paths);
}

typedef enum source_kind { SOURCE_LOG, SOURCE_PROSE, SOURCE_EXAMPLES } source_kind;

// What one file is. Folders, archives and standard input are read as logs, which tells what they are in the end.
static int look_at(const char *path, source_kind *kind, error *err) {
    struct stat st;
    byte_source source;
    *kind = SOURCE_LOG;
    if (strcmp(path, "-") == 0) return 0;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) return 0;
    if (byte_source_file(path, &source, err) != 0) return -1;
    text_in *in = text_in_open(source);
    if (!text_in_signature(in)) {
        const corpus_format *f = detect(in, NULL);
        if (f && train_examples_know(f->name)) *kind = SOURCE_EXAMPLES;
        if (f && detect_is_prose(f)) *kind = SOURCE_PROSE;
    }
    text_in_close(in);
    return 0;
}

// What all files are: prose or examples when every one is, else logs.
static int look_at_all(const file_list *l, const train_settings *s, source_kind *kind, error *err) {
    for (size_t i = 0; i < l->n; i++) {
        source_kind one;
        if (look_at(l->paths[i], &one, err) != 0) return -1;
        if (i == 0) *kind = one;
        if (one != *kind) *kind = SOURCE_LOG;
    }
    if (*kind == SOURCE_EXAMPLES && s->imitate.n > 0) *kind = SOURCE_LOG;
    return 0;
}

// ---- prose

// Appends the text of a file: UTF-8, line breaks as LF.
static int read_prose(const char *path, unsigned scrub, buf *out, error *err) {
    byte_source source;
    if (byte_source_file(path, &source, err) != 0) return -1;
    text_in *in = text_in_open(source);
    size_t n;
    const char *s = text_in_peek(in, READ_ALL_MOST, &n);
    int64_t counts[SCRUB_KINDS] = {0};
    if (scrub)
        scrub_text(s, n, scrub, NULL, out, counts);
    else
        buf_append(out, s, n);
    bool failed = text_in_status(in) == TEXT_IN_FAILED, binary = text_in_is_binary(in);
    text_in_close(in);
    if (failed) return error_set(err, "%s: could not be read to its end", path);
    if (binary) return error_set(err, "%s: is no text (too many bytes that are none)", path);
    return n > 0 ? 0 : error_set(err, "%s: there is no text in it", path);
}

static int put_text(const tokenizer *t, const char *s, size_t n, bool ends, train_rows *to, error *err) {
    id_list ids = {0};
    int rc = tokenizer_encode(t, s, n, 0, &ids, err);
    if (tokenizer_adds_bos(t) && tokenizer_bos(t) >= 0) train_rows_put(to, tokenizer_bos(t), false);
    for (size_t i = 0; rc == 0 && i < ids.len; i++) train_rows_put(to, ids.data[i], true);
    if (ends && tokenizer_eos(t) >= 0) train_rows_put(to, tokenizer_eos(t), true);
    id_list_free(&ids);
    return rc;
}

// The line break at or behind place `at`, as the place of the next line; n when there is none.
static size_t next_line(const char *s, size_t n, size_t at) {
    const char *lf = at < n ? memchr(s + at, '\n', n - at) : NULL;
    return lf ? (size_t)(lf + 1 - s) : n;
}

// texts: all files' text; ends[i]: where file i ends in it.
static int put_prose(const tokenizer *t, const train_settings *s, const buf *texts, const size_t *ends, size_t n,
                     train_rows *train, train_rows *held_out, error *err) {
    size_t *sizes = mem_calloc(n, sizeof *sizes), cut = SIZE_MAX;
    bool *pick = mem_calloc(n, sizeof *pick);
    int rc = 0;
    for (size_t i = 0; i < n; i++) sizes[i] = ends[i] - (i ? ends[i - 1] : 0);
    if (train_rows_pick(sizes, n, s->val_fraction, s->seed, pick) == 0 && s->val_fraction > 0)
        cut = next_line(texts->data, texts->len, (size_t)((double)texts->len * (1 - s->val_fraction)));
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t from = i ? ends[i - 1] : 0, to = ends[i], middle = to;
        if (cut < to) middle = cut > from ? cut : from;
        if (middle > from)
            rc = put_text(t, texts->data + from, middle - from, middle == to, pick[i] ? held_out : train, err);
        if (middle < to && rc == 0) rc = put_text(t, texts->data + middle, to - middle, true, held_out, err);
    }
    free(sizes);
    free(pick);
    return rc;
}

static int read_all_prose(train_data *d, const train_settings *s, const model *m, const file_list *l, error *err) {
    buf texts = {0};
    size_t *ends = mem_calloc(l->n, sizeof *ends);
    train_rows train = {0}, held_out = {0};
    int rc = 0;
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        rc = read_prose(l->paths[i], s->scrub, &texts, err);
        ends[i] = texts.len;
    }
    if (rc == 0) rc = put_prose(m->tokenizer, s, &texts, ends, l->n, &train, &held_out, err);
    buf_free(&texts);
    free(ends);
    // Text is not cut anew where rows are wanted in their order.
    if (rc == 0) rc = train_rows_finish(d, s, m, &train, &held_out, !s->no_shuffle, err);
    train_rows_free(&train);
    train_rows_free(&held_out);
    return rc;
}

// ---- chat logs

typedef struct log_job {
    bool (*go_on)(void *arg);
    void *arg;
} log_job;

static bool on_progress(void *arg, int64_t done, int64_t total) {
    const log_job *job = arg;
    (void)done, (void)total;
    return !job->go_on || job->go_on(job->arg);
}

// Too few conversations to hold out whole ones: the last part becomes one of its own, cut at a turn. Returns the number
// of the first held-out session.
static size_t cut_last_part(examples *e, double fraction) {
    size_t total = 0, learned = 0, want, s = 0, turn = 0;
    for (size_t i = 0; i < e->n_sessions; i++) total += e->sessions[i].n_learn;
    want = (size_t)((double)total * (1 - fraction));
    while (s + 1 < e->n_sessions && learned + e->sessions[s].n_learn <= want) learned += e->sessions[s++].n_learn;
    example_session *one = &e->sessions[s];
    size_t at = one->first, end = at + one->n;
    while (at < end && learned < want) learned += e->learn[at++];
    while (turn < e->n_turns && e->turns[turn] < at) turn++;
    if (turn == e->n_turns || e->turns[turn] >= end) return e->n_sessions;
    at = e->turns[turn];
    if (at == one->first) return s;
    e->sessions = mem_reserve(e->sessions, &e->cap_sessions, e->n_sessions + 1, sizeof *e->sessions);
    one = &e->sessions[s];
    memmove(one + 2, one + 1, (e->n_sessions - s - 1) * sizeof *one);
    e->n_sessions++;
    one[1] = (example_session){.first = at, .n = end - at};
    one->n = at - one->first;
    one->n_learn = 0;
    for (size_t i = one->first; i < at; i++) one->n_learn += e->learn[i];
    for (size_t i = at; i < end; i++) one[1].n_learn += e->learn[i];
    return s + 1;
}

static void take_rows(train_rows *to, example_rows *from) {
    *to = (train_rows){.ids = from->ids, .labels = from->labels, .n = from->n * (size_t)from->len};
    to->cap = to->n;
    *from = (example_rows){0};
}

static int pack_rows(train_data *d, const train_settings *s, const model *m, examples *e, error *err) {
    if (e->ids.len < (size_t)s->block_size)
        return error_set(err,
                         "there are %zu tokens to learn from, and a block has %d; give more text or a smaller "
                         "--block-size",
                         e->ids.len, s->block_size);
    // The list of sessions may grow by one.
    bool *pick = mem_calloc(e->n_sessions + 1, sizeof *pick);
    size_t *sizes = mem_calloc(e->n_sessions, sizeof *sizes);
    for (size_t i = 0; i < e->n_sessions; i++) sizes[i] = e->sessions[i].n_learn;
    if (train_rows_pick(sizes, e->n_sessions, s->val_fraction, s->seed, pick) == 0 && s->val_fraction > 0)
        for (size_t i = cut_last_part(e, s->val_fraction); i < e->n_sessions; i++) pick[i] = true;
    example_rows rows;
    train_rows train, held_out;
    examples_pack(e, pick, s->block_size, &rows);
    take_rows(&held_out, &rows);
    for (size_t i = 0; i < e->n_sessions; i++) pick[i] = !pick[i];
    examples_pack(e, pick, s->block_size, &rows);
    take_rows(&train, &rows);
    free(pick);
    free(sizes);
    int rc = train_rows_finish(d, s, m, &train, &held_out, false, err);
    train_rows_free(&train);
    train_rows_free(&held_out);
    return rc;
}

static void take_report(train_data *d, const corpus_report *r) {
    d->n_authors = r->people.n;
    d->authors = mem_calloc(r->people.n, sizeof *d->authors);
    for (size_t i = 0; i < r->people.n; i++) d->authors[i] = mem_strdup(r->people.list[i].name);
    buf_puts(&d->notes, buf_str(&r->notes));
}

static corpus_options log_options(const train_settings *s, log_job *job) {
    return (corpus_options){.imitate = s->imitate.items,
                            .n_imitate = s->imitate.n,
                            .scrub = s->scrub,
                            .progress = on_progress,
                            .progress_arg = job};
}

typedef struct log_reader {
    examples examples;
    gaps gaps;
} log_reader;

static bool take_message(void *arg, const corpus_message *m) {
    log_reader *r = arg;
    gaps_add(&r->gaps, m, r->examples.options.session_gap);
    return examples_on_message(&r->examples, m);
}

static int read_logs(train_data *d, const train_settings *s, const model *m, const file_list *l, log_job *job,
                     error *err) {
    layout layout;
    log_reader reader = {.gaps = {.n = 0}};
    examples *e = &reader.examples;
    corpus_report report = {0};
    if (layout_open(&layout, s->layout, false, &m->chat, err) != 0) return TRAIN_DATA_FAILED;
    // Whoever imitates everybody also learns who writes next.
    const example_options o = {.tokenizer = m->tokenizer,
                               .layout = &layout,
                               .session_gap = s->session_gap,
                               .learn_headers = s->imitate.n == 0};
    const corpus_options select = log_options(s, job);
    examples_start(e, &o);
    int rc = corpus_read((const char *const *)l->paths, l->n, &select, take_message, &reader, &report, err);
    if (rc == CORPUS_CANCELLED && !e->failed)
        rc = TRAIN_DATA_STOPPED;
    else if (rc != CORPUS_FAILED)
        rc = examples_finish(e, err);
    if (rc == 0) {
        d->chat = true;
        d->gaps = reader.gaps;
        take_report(d, &report);
        rc = pack_rows(d, s, m, e, err);
    }
    examples_free(e);
    layout_free(&layout);
    corpus_report_free(&report);
    return rc;
}

// ---- all of it

int train_data_open(train_data *d, const train_settings *s, const model *m, bool (*go_on)(void *arg), void *arg,
                    error *err) {
    *d = (train_data){0};
    if (s->ids) return read_ids(d, s, err);
    if (!m->tokenizer)
        return error_set(err, "%s; --ids trains on token ids",
                         *m->tokenizer_error.text ? m->tokenizer_error.text : "the model has no tokenizer");
    file_list l = list_files(s);
    log_job job = {go_on, arg};
    source_kind kind;
    int rc = look_at_all(&l, s, &kind, err);
    if (rc == 0 && kind == SOURCE_PROSE)
        rc = read_all_prose(d, s, m, &l, err);
    else if (rc == 0 && kind == SOURCE_EXAMPLES)
        rc = train_examples_read(d, s, m, (const char *const *)l.paths, l.n, err);
    else if (rc == 0)
        rc = read_logs(d, s, m, &l, &job, err);
    free_files(&l);
    return rc;
}

// ---- the text alone

typedef struct text_job {
    layout layout;
    buf *out;
} text_job;

static bool put_message(void *arg, const corpus_message *m) {
    text_job *job = arg;
    if (m->author) layout_header(&job->layout, m->author, m->time, job->out);
    layout_body(&job->layout, m->author, m->text, m->n_text, job->out);
    buf_puts(job->out, layout_end(&job->layout, m->author));
    return job->out->len < READ_ALL_MOST;
}

int train_data_text(const train_settings *s, buf *out, error *err) {
    file_list l = list_files(s);
    text_job job = {.out = out};
    source_kind kind;
    int rc = look_at_all(&l, s, &kind, err);
    for (size_t i = 0; rc == 0 && kind == SOURCE_PROSE && i < l.n; i++) rc = read_prose(l.paths[i], s->scrub, out, err);
    if (rc == 0 && kind != SOURCE_PROSE) {
        rc = layout_open(&job.layout, LAYOUT_LINES, false, NULL, err);
        const corpus_options o = {.scrub = s->scrub};
        if (rc == 0 &&
            corpus_read((const char *const *)l.paths, l.n, &o, put_message, &job, NULL, err) == CORPUS_FAILED)
            rc = -1;
        layout_free(&job.layout);
    }
    free_files(&l);
    return rc;
}
