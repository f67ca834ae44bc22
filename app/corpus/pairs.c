#include "app/corpus/pairs.h"
#include "app/corpus/csv.h"

#include <stdlib.h>

// The place of a column by name, else by number; -1 when there is none.
static int find_column(const csv *header, span name) {
    char text[128] = {0};
    if (name.n == 0 || name.n >= sizeof text) return -1;
    memcpy(text, name.s, name.n);
    int at = csv_find(header, text);
    if (at >= 0) return at;
    char *end;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number >= 1 && (size_t)number <= header->n ? (int)number - 1 : -1;
}

static void list_columns(const csv *header, buf *out) {
    for (size_t i = 0; i < header->n && i < 12; i++) {
        span name = span_trim(csv_field(header, (int)i));
        buf_printf(out, "%s%.*s", i ? ", " : "", (int)name.n, name.s);
    }
}

static int find_columns(const csv *header, const char *columns, int *question, int *answer, error *err) {
    const char *comma = strchr(columns, ',');
    if (!comma) return error_set(err, "--columns is \"%s\"; it takes two, as in lyrics,moods", columns);
    *question = find_column(header, span_trim((span){columns, (size_t)(comma - columns)}));
    *answer = find_column(header, span_trim((span){comma + 1, strlen(comma + 1)}));
    if (*question >= 0 && *answer >= 0) return 0;
    buf names = {0};
    list_columns(header, &names);
    error_set(err, "has no column \"%.*s\"; there are %s",
              *question < 0 ? (int)(comma - columns) : (int)strlen(comma + 1), *question < 0 ? columns : comma + 1,
              buf_str(&names));
    buf_free(&names);
    return -1;
}

static int read_rows(csv *c, const char *columns, pairs_fn *fn, void *arg, pairs_report *r, error *err) {
    int question = -1, answer = -1;
    csv_got got;
    if (csv_row(c) != CSV_ROW) return error_set(err, "is no CSV with a header line");
    if (find_columns(c, columns, &question, &answer, err) != 0) return -1;
    while ((got = csv_row(c)) != CSV_END) {
        span q = {"", 0}, a = {"", 0};
        if (got == CSV_ROW) {
            q = span_trim(csv_field(c, question));
            a = span_trim(csv_field(c, answer));
        }
        if (got == CSV_CUT) r->unread = c->unread;
        if (!q.n || !a.n) {
            r->skipped++;
            continue;
        }
        r->pairs++;
        if (!fn(arg, q, a)) return 0;
    }
    return r->pairs ? 0 : error_set(err, "no row has both columns");
}

int pairs_read(const char *path, const char *columns, pairs_fn *fn, void *arg, pairs_report *report, error *err) {
    byte_source source;
    csv c;
    if (byte_source_file(path, &source, err) != 0) return -1;
    text_in *in = text_in_open(source);
    const char *kind = text_in_signature(in);
    csv_start(&c, in);
    int result = kind ? error_set(err, "is %s, not a CSV", kind) : read_rows(&c, columns, fn, arg, report, err);
    csv_end(&c);
    text_in_close(in);
    return result == 0 ? 0 : error_prefix(err, "%s", path);
}
