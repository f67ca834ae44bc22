#include "model/learn/checkpoint.h"
#include "model/base/plain_file.h"
#include "model/file/outfile.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char first_line[] = "doppel training 1\n";

// ---- the numbers

typedef enum field_kind { FIELD_INT, FIELD_LONG, FIELD_HEX, FIELD_REAL, FIELD_WORD } field_kind;

typedef struct field {
    const char *name;
    field_kind kind;
    size_t offset;
} field;

static const field fields[] = {
    {"step", FIELD_INT, offsetof(checkpoint, step)},
    {"tokens", FIELD_LONG, offsetof(checkpoint, tokens)},
    {"seconds", FIELD_REAL, offsetof(checkpoint, seconds)},
    {"base", FIELD_HEX, offsetof(checkpoint, base)},
    {"data", FIELD_HEX, offsetof(checkpoint, data)},
    {"seed", FIELD_HEX, offsetof(checkpoint, seed)},
    {"micro_batch", FIELD_INT, offsetof(checkpoint, micro_batch)},
    {"threads", FIELD_INT, offsetof(checkpoint, threads)},
    {"kernels", FIELD_WORD, offsetof(checkpoint, kernels)},
    {"products", FIELD_WORD, offsetof(checkpoint, products)},
    {"evaluated", FIELD_INT, offsetof(checkpoint, evaluated)},
    {"best_step", FIELD_INT, offsetof(checkpoint, best_step)},
    {"best_loss", FIELD_REAL, offsetof(checkpoint, best_loss)},
    {"worse", FIELD_INT, offsetof(checkpoint, worse)},
    {"least_copied", FIELD_REAL, offsetof(checkpoint, least_copied)},
    {"copying", FIELD_INT, offsetof(checkpoint, copying)},
};

enum { N_FIELDS = sizeof fields / sizeof *fields, MAX_LINE = PARAM_MAX_NAME + 64 };

static void put_field(buf *out, const field *f, const checkpoint *c) {
    const void *at = (const char *)c + f->offset;
    buf_printf(out, "%s ", f->name);
    switch (f->kind) {
    case FIELD_INT: buf_printf(out, "%d\n", *(const int *)at); break;
    case FIELD_LONG: buf_printf(out, "%" PRId64 "\n", *(const int64_t *)at); break;
    case FIELD_HEX: buf_printf(out, "%" PRIx64 "\n", *(const uint64_t *)at); break;
    case FIELD_REAL: buf_printf(out, "%.17g\n", *(const double *)at); break;
    case FIELD_WORD: buf_printf(out, "%s\n", (const char *)at); break;
    }
}

// text: what stands behind the name, without the line break.
static bool take_field(const field *f, const char *text, checkpoint *c) {
    void *at = (char *)c + f->offset;
    char *end = NULL;
    errno = 0;
    switch (f->kind) {
    case FIELD_INT: {
        long value = strtol(text, &end, 10);
        if (value < 0 || value > INT32_MAX) return false;
        *(int *)at = (int)value;
        break;
    }
    case FIELD_LONG: *(int64_t *)at = strtoll(text, &end, 10); break;
    case FIELD_HEX: *(uint64_t *)at = strtoull(text, &end, 16); break;
    case FIELD_REAL: *(double *)at = strtod(text, &end); break;
    case FIELD_WORD:
        if (strlen(text) >= sizeof c->kernels) return false;
        strcpy(at, text);
        return true;
    }
    return end != text && *end == '\0' && errno == 0;
}

// ---- writing

int checkpoint_save(const char *path, const checkpoint *c, const param_set *set, error *err) {
    outfile *o = outfile_open(path, err);
    if (!o) return -1;
    buf head = {0};
    buf_puts(&head, first_line);
    for (int i = 0; i < N_FIELDS; i++) put_field(&head, &fields[i], c);
    for (size_t i = 0; i < set->n; i++)
        buf_printf(&head, "param %s %d %d\n", set->items[i]->name, set->items[i]->rows, set->items[i]->cols);
    buf_putc(&head, '\n');
    outfile_write(o, head.data, head.len);
    buf_free(&head);
    for (size_t i = 0; i < set->n; i++) {
        const param *p = set->items[i];
        size_t bytes = param_count(p) * sizeof(float);
        outfile_write(o, p->w, bytes);
        outfile_write(o, p->m, bytes);
        outfile_write(o, p->v, bytes);
    }
    return outfile_commit(o, err);
}

// ---- reading

typedef struct reader {
    FILE *file;
    const char *path;
    error *err;
} reader;

static int damaged(const reader *r, const char *what) {
    return error_set(r->err, "%s: the checkpoint is damaged (%s); begin anew", r->path, what);
}

// The next line without its break; false at the end or when it is too long.
static bool next_line(reader *r, char line[MAX_LINE]) {
    if (!fgets(line, MAX_LINE, r->file)) return false;
    size_t n = strlen(line);
    if (n == 0 || line[n - 1] != '\n') return false;
    line[n - 1] = '\0';
    return true;
}

static int read_numbers(reader *r, checkpoint *c) {
    char line[MAX_LINE], whole[sizeof first_line + 1];
    if (!next_line(r, line)) return damaged(r, "it is empty");
    snprintf(whole, sizeof whole, "%.*s", (int)sizeof first_line - 2, first_line);
    if (strcmp(line, whole) != 0)
        return error_set(r->err, "%s: is no checkpoint of this version of doppel; begin anew", r->path);
    *c = (checkpoint){0};
    for (int i = 0; i < N_FIELDS; i++) {
        size_t n = strlen(fields[i].name);
        if (!next_line(r, line) || strncmp(line, fields[i].name, n) != 0 || line[n] != ' ' ||
            !take_field(&fields[i], line + n + 1, c))
            return damaged(r, fields[i].name);
    }
    return 0;
}

static int read_names(reader *r, const param_set *set) {
    char line[MAX_LINE], want[MAX_LINE];
    for (size_t i = 0; i <= set->n; i++) {
        if (!next_line(r, line)) return damaged(r, "it ends early");
        const param *p = i < set->n ? set->items[i] : NULL;
        if (p) snprintf(want, sizeof want, "param %s %d %d", p->name, p->rows, p->cols);
        if (strcmp(line, p ? want : "") != 0)
            return error_set(r->err,
                             "%s: the checkpoint belongs to another model or other settings (\"%s\" was "
                             "expected, \"%s\" found); use it with its own",
                             r->path, p ? want : "the end", line);
    }
    return 0;
}

static int read_arrays(reader *r, param_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        param *p = set->items[i];
        size_t n = param_count(p);
        if (fread(p->w, sizeof(float), n, r->file) != n || fread(p->m, sizeof(float), n, r->file) != n ||
            fread(p->v, sizeof(float), n, r->file) != n)
            return damaged(r, "it ends early");
    }
    return fgetc(r->file) == EOF ? 0 : damaged(r, "it goes on behind its end");
}

static int read_file(const char *path, checkpoint *c, param_set *set, error *err) {
    error why;
    int fd = plain_file_open(path, &why);
    if (fd < 0) return error_set(err, "%s; there is no checkpoint to go on from", why.text);
    reader r = {fdopen(fd, "rb"), path, err};
    if (!r.file) {
        close(fd);
        return error_set(err, "%s: cannot be read: %s", path, strerror(errno));
    }
    int rc = read_numbers(&r, c);
    if (rc == 0 && set) rc = read_names(&r, set);
    if (rc == 0 && set) rc = read_arrays(&r, set);
    fclose(r.file);
    return rc;
}

int checkpoint_read(const char *path, checkpoint *c, error *err) {
    return read_file(path, c, NULL, err);
}

int checkpoint_load(const char *path, checkpoint *c, param_set *set, error *err) {
    return read_file(path, c, set, err);
}
