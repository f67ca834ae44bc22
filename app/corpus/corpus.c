// Opens what the person named, tells each text's format, lets its reader gather, and delivers at the end.
#include "app/corpus/corpus.h"
#include "app/corpus/archive.h"
#include "app/corpus/deliver.h"
#include "app/corpus/detect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct input {
    gather g;
    const corpus_options *o;
    corpus_report *report;
    const char *path; // as the person named it
    int64_t done, total;
    bool cancelled;
} input;

static bool on_progress(void *arg, size_t bytes) {
    input *in = arg;
    in->done += (int64_t)bytes;
    if (in->o->progress && !in->o->progress(in->o->progress_arg, in->done, in->total)) in->cancelled = true;
    return !in->cancelled;
}

static void add_format(corpus_report *r, const char *name) {
    for (const char *s = buf_str(&r->format); *s;) {
        size_t n = strcspn(s, "+");
        if (n == strlen(name) && memcmp(s, name, n) == 0) return;
        s += n + (s[n] == '+');
    }
    if (r->format.len) buf_putc(&r->format, '+');
    buf_puts(&r->format, name);
}

static const char *plural(int64_t n) {
    return n == 1 ? "" : "s";
}

// What was broken in the text that was just read, as one line for the person.
static void note_broken(input *in, const char *name, int64_t skipped, int64_t unread) {
    buf *notes = &in->report->notes;
    if (skipped == 0) return;
    buf_printf(notes, "%s: %lld broken message%s skipped", name, (long long)skipped, plural(skipped));
    if (unread > 0)
        buf_printf(notes, "; it is cut off, the last %lld byte%s were not read", (long long)unread, plural(unread));
    buf_putc(notes, '\n');
}

// ---- one text

static int check_text(text_in *t, error *err) {
    size_t n;
    const char *kind = text_in_signature(t);
    if (text_in_status(t) == TEXT_IN_FAILED) return error_set(err, "cannot be read");
    if (kind) return error_set(err, "is %s, not a chat log or a text", kind);
    text_in_peek(t, DETECT_SAMPLE, &n);
    if (n == 0) return error_set(err, "is empty");
    if (text_in_is_binary(t)) return error_set(err, "is no text (too many bytes that are none); export it again");
    return 0;
}

static int read_as(input *in, text_in *t, const corpus_format *f, const char *name, error *err) {
    gather *g = &in->g;
    int64_t drafts = g->drafts, dropped = g->dropped, skipped = g->skipped, unread = g->unread;
    gather_new_names(g);
    gather_new_scope(g);
    gather_begin_file(g);
    gather_border(g);
    if (f->read(g, t, err) != 0) return -1;
    if (in->cancelled) return 0;
    if (g->failed) {
        *err = g->err;
        return -1;
    }
    if (text_in_status(t) == TEXT_IN_FAILED) return error_set(err, "could not be read to its end; is it damaged?");
    if (g->drafts == drafts) {
        if (g->skipped > skipped)
            return error_set(err, "nothing in it can be used: it looks like %s, but every message is broken", f->title);
        if (g->dropped > dropped) return error_set(err, "looks like %s, but holds no message with text", f->title);
        return error_set(err, "looks like %s, but holds no messages", f->title);
    }
    note_broken(in, name, g->skipped - skipped, g->unread - unread);
    add_format(in->report, f->name);
    in->report->files++;
    return 0;
}

static int read_file(input *in, const char *path, error *err) {
    byte_source source;
    if (byte_source_file(path, &source, err) != 0) return -1;
    text_in *t = text_in_open(source);
    text_in_on_progress(t, on_progress, in);
    int result = check_text(t, err);
    const corpus_format *f = result == 0 ? detect(t, err) : NULL;
    result = f && !in->cancelled ? read_as(in, t, f, path, err) : in->cancelled ? 0 : -1;
    text_in_close(t);
    return result == 0 ? 0 : error_prefix(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
}

// ---- folders and archives

static text_in *open_member(void *arg, folder *f, size_t i, error *err) {
    byte_source source;
    if (folder_source(f, i, &source, err) != 0) return NULL;
    text_in *t = text_in_open(source);
    text_in_on_progress(t, on_progress, arg);
    return t;
}

static int read_archive(input *in, folder *f, const archive_kind *kind, const char *prefix, error *err) {
    gather *g = &in->g;
    int64_t drafts = g->drafts, skipped = g->skipped, unread = g->unread;
    gather_new_scope(g);
    gather_border(g);
    if (kind->read(g, f, prefix, open_member, in, err) != 0 && !in->cancelled) return -1;
    if (in->cancelled) return 0;
    if (g->failed) {
        *err = g->err;
        return -1;
    }
    if (g->drafts == drafts) return error_set(err, "looks like a %s, but holds no messages", kind->title);
    note_broken(in, in->path, g->skipped - skipped, g->unread - unread);
    add_format(in->report, kind->name);
    in->report->files++;
    return 0;
}

// What a folder's file is; NULL for what is no text, or JSON of another kind.
static const corpus_format *look_at(folder *f, size_t i) {
    byte_source source;
    if (folder_source(f, i, &source, NULL) != 0) return NULL;
    text_in *t = text_in_open(source);
    const corpus_format *format = check_text(t, NULL) == 0 ? detect(t, NULL) : NULL;
    text_in_close(t);
    return format;
}

static int read_member(input *in, folder *f, size_t i, const corpus_format *format, error *err) {
    text_in *t = open_member(in, f, i, err);
    if (!t) return -1;
    buf name = {0};
    buf_printf(&name, "%s/%s", in->path, folder_name(f, i));
    int result = read_as(in, t, format, name.data, err);
    if (result != 0 && !in->g.failed) {
        buf_printf(&in->report->notes, "%s: %s\n", name.data, err->text);
        in->report->files_passed_over++;
        result = 0;
    }
    buf_free(&name);
    text_in_close(t);
    return result;
}

// What lies in a folder: exports that are folders themselves, and files.
typedef struct contents {
    struct {
        const archive_kind *kind;
        char *prefix;
        bool was_read;
    } * archives;
    size_t n_archives, cap;
    const corpus_format **formats; // per file; NULL: not to be read, or part of an archive
    size_t n_logs;
} contents;

static size_t archive_of(const contents *c, const char *name) {
    size_t i = 0;
    while (i < c->n_archives && strncasecmp(name, c->archives[i].prefix, strlen(c->archives[i].prefix)) != 0) i++;
    return i;
}

static void look_around(contents *c, folder *f) {
    static const archive_kind *const kinds[] = {&package_archive, &slack_archive};
    size_t n = folder_count(f);
    for (size_t i = 0; i < n; i++) {
        char *prefix;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            if (!kinds[k]->matches(f, i, &prefix)) continue;
            c->archives = mem_reserve(c->archives, &c->cap, c->n_archives + 1, sizeof *c->archives);
            c->archives[c->n_archives].kind = kinds[k];
            c->archives[c->n_archives].prefix = prefix;
            c->archives[c->n_archives++].was_read = false;
        }
    }
    c->formats = mem_calloc(n, sizeof *c->formats);
    for (size_t i = 0; i < n; i++) {
        if (archive_of(c, folder_name(f, i)) < c->n_archives) continue;
        c->formats[i] = look_at(f, i);
        c->n_logs += c->formats[i] && !detect_is_prose(c->formats[i]);
    }
    c->n_logs += c->n_archives;
}

static void contents_free(contents *c) {
    for (size_t i = 0; i < c->n_archives; i++) free(c->archives[i].prefix);
    free(c->archives);
    free(c->formats);
}

// Reads in the order of names; an archive stands where its first file does. Prose counts only where there is no log,
// because the folders of exports hold style sheets and read-me files.
static int read_contents(input *in, folder *f, contents *c, error *err) {
    size_t n = folder_count(f);
    int64_t files = in->report->files;
    int result = 0;
    for (size_t i = 0; i < n && result == 0 && !in->cancelled; i++) {
        size_t a = archive_of(c, folder_name(f, i));
        if (a < c->n_archives) {
            if (!c->archives[a].was_read) result = read_archive(in, f, c->archives[a].kind, c->archives[a].prefix, err);
            c->archives[a].was_read = true;
        } else if (!c->formats[i] || (c->n_logs && detect_is_prose(c->formats[i]))) {
            in->report->files_passed_over++;
        } else {
            result = read_member(in, f, i, c->formats[i], err);
        }
    }
    if (result == 0 && in->report->files == files && !in->cancelled)
        result = error_set(err, n ? "no file in it is a chat log or a text" : "there is no file in it");
    return result;
}

static int read_folder(input *in, const char *path, error *err) {
    contents c = {0};
    folder *f = folder_open(path, err);
    if (f) look_around(&c, f);
    int result = f ? read_contents(in, f, &c, err) : -1;
    contents_free(&c);
    folder_close(f);
    return result == 0 ? 0 : error_prefix(err, "%s", path);
}

// ---- everything

static bool is_folder(const char *path) {
    struct stat st;
    return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// Bytes that the readers will see, for the progress; -1 when that cannot be known.
static int64_t total_size(const char *const *paths, size_t n) {
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) != 0) return -1;
        if (!S_ISDIR(st.st_mode) && !folder_is_zip(paths[i])) {
            total += st.st_size;
            continue;
        }
        folder *f = folder_open(paths[i], NULL);
        for (size_t k = 0; f && k < folder_count(f); k++) total += folder_size(f, k);
        folder_close(f);
    }
    return total;
}

int corpus_read(const char *const *paths, size_t n_paths, const corpus_options *o, corpus_message_fn *fn, void *arg,
                corpus_report *report, error *err) {
    static const corpus_options nothing;
    corpus_report own = {0};
    input in = {.o = o ? o : &nothing, .report = report ? report : &own};
    if (in.o->progress) in.total = total_size(paths, n_paths);
    gather_start(&in.g);
    int result = 0;
    for (size_t i = 0; i < n_paths && result == 0 && !in.cancelled; i++) {
        in.path = paths[i];
        result = is_folder(paths[i]) || (strcmp(paths[i], "-") != 0 && folder_is_zip(paths[i]))
                     ? read_folder(&in, paths[i], err)
                     : read_file(&in, paths[i], err);
    }
    in.report->dropped = in.g.dropped;
    in.report->skipped = in.g.skipped;
    in.report->unread = in.g.unread;
    if (result == 0 && !in.cancelled) result = deliver(&in.g, in.o, fn, arg, in.report, err);
    people_sort(&in.report->people);
    gather_end(&in.g);
    corpus_report_free(&own);
    return in.cancelled ? CORPUS_CANCELLED : result;
}

void corpus_report_free(corpus_report *r) {
    buf_free(&r->format);
    buf_free(&r->notes);
    people_free(&r->people);
    *r = (corpus_report){0};
}

// Characters that JSON allows in a string but that many readers take for the end of a line, or that steer a terminal:
// U+0080..U+009F, U+2028, U+2029, and those that turn the direction of what follows. 0 for any other.
static uint32_t to_escape(const char *s, size_t n) {
    uint32_t c;
    if (((unsigned char)*s != 0xC2 && (unsigned char)*s != 0xE2) || utf8_decode(s, n, &c) <= 0) return 0;
    return c < 0xa0 || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ? c : 0;
}

static void write_string(buf *out, const char *s, size_t n) {
    size_t from = out->len, at;
    buf_json_string(out, s, n);
    for (at = from; at < out->len && !to_escape(out->data + at, out->len - at); at++) {
    }
    if (at == out->len) return;
    buf rest = {0};
    for (size_t i = at; i < out->len;) {
        uint32_t c = to_escape(out->data + i, out->len - i);
        if (c)
            buf_printf(&rest, "\\u%04x", (unsigned)c);
        else
            buf_putc(&rest, out->data[i]);
        i += !c ? 1 : c < 0xa0 ? 2 : 3;
    }
    out->len = at;
    buf_append(out, rest.data, rest.len);
    buf_free(&rest);
}

static void write_string_or_null(buf *out, const char *s) {
    if (s)
        write_string(out, s, strlen(s));
    else
        buf_puts(out, "null");
}

void corpus_write_message(buf *out, const corpus_message *m) {
    buf_puts(out, "{\"time\":");
    write_string_or_null(out, m->time);
    buf_puts(out, ",\"author\":");
    write_string_or_null(out, m->author);
    buf_puts(out, ",\"text\":");
    write_string(out, m->text, m->n_text);
    if (m->reply_to >= 0)
        buf_printf(out, ",\"reply_to\":%lld", (long long)m->reply_to);
    else
        buf_puts(out, ",\"reply_to\":null");
    buf_puts(out, m->bot ? ",\"bot\":true}\n" : "}\n");
}
