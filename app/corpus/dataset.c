// A data set is read twice as lines: first to learn which lines go, then to write the others with new reply numbers.
#include "app/corpus/dataset.h"
#include "app/corpus/cjson.h"
#include "app/corpus/json_stream.h"
#include "app/corpus/sink.h"
#include "app/corpus/span.h"
#include "app/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dataset_path(const char *name, buf *out, error *err) {
    if (!*name || strchr(name, '/') || name[0] == '.')
        return error_set(err, "\"%s\" cannot be the name of a data set; use letters, digits and '-'", name);
    size_t from = out->len;
    if (paths_data("datasets", out, err) != 0) return -1;
    if (paths_make_dir(out->data + from, err) != 0) return -1;
    buf_printf(out, "/%s.jsonl", name);
    return 0;
}

void dataset_resolve(const char *word, buf *out) {
    buf stored = {0};
    bool plain = strcmp(word, "-") != 0 && access(word, F_OK) != 0 && !strchr(word, '/');
    if (plain && paths_data("datasets", &stored, NULL) == 0) {
        buf_printf(&stored, "/%s.jsonl", word);
        if (access(stored.data, F_OK) == 0) word = stored.data;
    }
    buf_puts(out, word);
    buf_free(&stored);
}

// ---- one data set

typedef struct rewriting {
    const char *person;
    int64_t *numbers; // old number of a message -> new one, -1 when it is removed
    size_t n, cap;
    int64_t removed, left;
} rewriting;

static bool is_theirs(const cJSON *message, const char *person) {
    const char *author = cjson_text(message, "author");
    return author && strcmp(author, person) == 0;
}

static int number_lines(rewriting *r, const char *path, error *err) {
    byte_source source;
    if (byte_source_plain(path, &source, err) != 0) return -1;
    text_in *in = text_in_open(source);
    span line;
    while (text_in_line(in, &line.s, &line.n)) {
        if (span_is_blank(line)) continue;
        cJSON *m = json_stream_whole(line.s, line.n);
        bool gone = is_theirs(m, r->person);
        cJSON_Delete(m);
        r->numbers = mem_reserve(r->numbers, &r->cap, r->n + 1, sizeof *r->numbers);
        r->numbers[r->n++] = gone ? -1 : r->left++;
        r->removed += gone;
    }
    bool whole = text_in_status(in) == TEXT_IN_FINE;
    text_in_close(in);
    return whole ? 0 : error_set(err, "%s: cannot be read", path);
}

// A line that stays: only the number after "reply_to" may have to change, which stands in front of "bot" at the end.
static void put_line(const rewriting *r, span line, buf *out) {
    static const char key[] = "\"reply_to\":";
    cJSON *m = json_stream_whole(line.s, line.n);
    const cJSON *reply = cJSON_GetObjectItemCaseSensitive(m, "reply_to");
    bool known = cJSON_IsNumber(reply) && reply->valuedouble >= 0 && reply->valuedouble < (double)r->n;
    ptrdiff_t at = -1, next;
    for (span rest = line; (next = span_find(rest, key)) >= 0;) {
        at = (rest.s - line.s) + next;
        rest = span_from(line, (size_t)at + sizeof key - 1);
    }
    if (!known || at < 0) {
        buf_append(out, line.s, line.n);
    } else {
        span rest = span_from(line, (size_t)at + sizeof key - 1);
        int64_t number = r->numbers[(size_t)reply->valuedouble];
        buf_append(out, line.s, (size_t)(rest.s - line.s));
        while (rest.n && (*rest.s == ' ' || (*rest.s >= '0' && *rest.s <= '9'))) rest = span_from(rest, 1);
        if (number < 0)
            buf_puts(out, "null");
        else
            buf_printf(out, "%lld", (long long)number);
        buf_append(out, rest.s, rest.n);
    }
    buf_putc(out, '\n');
    cJSON_Delete(m);
}

static int write_lines(const rewriting *r, const char *path, error *err) {
    byte_source source;
    sink s;
    if (byte_source_plain(path, &source, err) != 0) return -1;
    text_in *in = text_in_open(source);
    int result = sink_open(&s, path, err);
    span line;
    for (size_t i = 0; result == 0 && text_in_line(in, &line.s, &line.n);) {
        if (span_is_blank(line)) continue;
        if (i >= r->n) break;
        if (r->numbers[i++] >= 0) put_line(r, line, sink_line(&s));
        if (!sink_flush(&s)) break;
    }
    if (result == 0 && text_in_status(in) != TEXT_IN_FINE) {
        sink_discard(&s);
        result = error_set(err, "%s: cannot be read", path);
    }
    if (result == 0) result = sink_commit(&s, err);
    text_in_close(in);
    return result;
}

static void add_place(forgotten_place **list, size_t *n, size_t *cap, const char *name, int64_t removed) {
    *list = mem_reserve(*list, cap, *n + 1, sizeof **list);
    (*list)[(*n)++] = (forgotten_place){mem_strdup(name), removed};
}

static int forget_in(const char *folder, const char *file, const char *person, bool dry, forgotten *out, error *err) {
    rewriting r = {.person = person};
    buf path = {0};
    buf_printf(&path, "%s/%s", folder, file);
    int result = number_lines(&r, path.data, err);
    if (result == 0 && r.removed && !dry) result = write_lines(&r, path.data, err);
    if (result == 0 && r.removed) {
        char *name = mem_strndup(file, strlen(file) - strlen(".jsonl"));
        add_place(&out->datasets, &out->n_datasets, &out->cap_datasets, name, r.removed);
        free(name);
    }
    free(r.numbers);
    buf_free(&path);
    return result;
}

// ---- adapters

static bool mentions(const cJSON *value, const char *person) {
    const char *s = cJSON_GetStringValue(value);
    if (s) return strcmp(s, person) == 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, value) if (mentions(child, person)) return true;
    return false;
}

static bool was_trained_on(const char *folder, const char *adapter, const char *person) {
    buf path = {0};
    byte_source source;
    bool found = false;
    buf_printf(&path, "%s/%s/run.json", folder, adapter);
    if (byte_source_plain(path.data, &source, NULL) == 0) {
        enum { MOST = 16 << 20 };
        text_in *in = text_in_open(source);
        size_t n;
        const char *s = text_in_peek(in, MOST, &n);
        cJSON *run = json_stream_whole(s, n);
        found = mentions(run, person);
        cJSON_Delete(run);
        text_in_close(in);
    }
    buf_free(&path);
    return found;
}

// ---- all of them

static int is_visible(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static bool is_dataset(const char *name) {
    size_t n = strlen(name), m = strlen(".jsonl");
    return n > m && strcmp(name + n - m, ".jsonl") == 0;
}

int dataset_forget(const char *person, bool dry, forgotten *out, error *err) {
    buf datasets = {0}, adapters = {0};
    struct dirent **names = NULL;
    *out = (forgotten){0};
    int result = paths_data("datasets", &datasets, err);
    if (result == 0) result = paths_data("adapters", &adapters, err);
    int n = result == 0 ? scandir(datasets.data, &names, is_visible, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        if (result == 0 && is_dataset(names[i]->d_name))
            result = forget_in(datasets.data, names[i]->d_name, person, dry, out, err);
        free(names[i]);
    }
    if (n >= 0) free(names);
    names = NULL;
    n = result == 0 ? scandir(adapters.data, &names, is_visible, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        if (was_trained_on(adapters.data, names[i]->d_name, person))
            add_place(&out->adapters, &out->n_adapters, &out->cap_adapters, names[i]->d_name, 0);
        free(names[i]);
    }
    if (n >= 0) free(names);
    buf_free(&datasets);
    buf_free(&adapters);
    return result;
}

void forgotten_free(forgotten *f) {
    for (size_t i = 0; i < f->n_datasets; i++) free(f->datasets[i].name);
    for (size_t i = 0; i < f->n_adapters; i++) free(f->adapters[i].name);
    free(f->datasets);
    free(f->adapters);
    *f = (forgotten){0};
}
