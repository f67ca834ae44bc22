// A row is measured first (it ends at a line break outside quotes) and then taken apart.
#include "app/corpus/csv.h"

#include <stdlib.h>

void csv_start(csv *c, text_in *in) {
    *c = (csv){.in = in};
}

void csv_end(csv *c) {
    buf_free(&c->fields);
    free(c->ends);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A line that begins with an id, as the rows of chat exports do: at least five digits, in quotes or not, and a comma.
static bool begins_with_id(const char *s, size_t n) {
    size_t i = 0, digits = 0;
    bool quoted = n && s[0] == '"';
    i = quoted;
    for (; i < n && is_digit(s[i]); i++) digits++;
    if (digits < 5) return false;
    if (quoted && (i >= n || s[i++] != '"')) return false;
    return i < n && s[i] == ',';
}

// Measures the row at the current place, its line break included. *open: it ends inside quotes.
static size_t measure(csv *c, const char **s, bool *open) {
    size_t n, i = 0;
    *open = false;
    *s = text_in_peek(c->in, 1, &n);
    for (;;) {
        for (; i < n; i++) {
            if ((*s)[i] == '"')
                *open = !*open;
            else if ((*s)[i] == '\n' && !*open)
                return i + 1;
        }
        size_t before = n;
        *s = text_in_peek(c->in, n + 1, &n);
        if (n == before) return n;
    }
}

static void end_field(csv *c) {
    c->ends = mem_reserve(c->ends, &c->cap, c->n + 1, sizeof *c->ends);
    c->ends[c->n++] = c->fields.len;
}

static void take_apart(csv *c, const char *s, size_t n) {
    bool quoted = false;
    buf_clear(&c->fields);
    c->n = 0;
    for (size_t i = 0; i < n;) {
        if (!quoted && (s[i] == ',' || s[i] == '\n')) {
            end_field(c);
            if (s[i++] == '\n') return;
        } else if (s[i] != '"') {
            size_t from = i;
            while (i < n && s[i] != '"' && (quoted || (s[i] != ',' && s[i] != '\n'))) i++;
            buf_append(&c->fields, s + from, i - from);
        } else if (quoted && i + 1 < n && s[i + 1] == '"') {
            buf_putc(&c->fields, '"');
            i += 2;
        } else {
            quoted = !quoted;
            i++;
        }
    }
    end_field(c);
}

// A quote was never closed: finds the next line in the swallowed bytes that begins a row.
static csv_got pass_broken(csv *c, const char *s, size_t n) {
    for (const char *lf = memchr(s, '\n', n); lf; lf = memchr(lf + 1, '\n', n - (size_t)(lf + 1 - s))) {
        size_t at = (size_t)(lf + 1 - s);
        if (!begins_with_id(s + at, n - at)) continue;
        text_in_skip(c->in, at);
        return CSV_BAD;
    }
    c->unread = (int64_t)n;
    text_in_skip(c->in, n);
    return CSV_CUT;
}

csv_got csv_row(csv *c) {
    for (;;) {
        const char *s;
        bool open;
        size_t n = measure(c, &s, &open);
        if (n == 0) return CSV_END;
        if (open) return pass_broken(c, s, n);
        bool empty = span_is_blank((span){s, n});
        if (!empty) take_apart(c, s, n);
        text_in_skip(c->in, n);
        if (!empty) return CSV_ROW;
    }
}

span csv_field(const csv *c, int i) {
    if (i < 0 || (size_t)i >= c->n) return (span){"", 0};
    size_t from = i ? c->ends[i - 1] : 0;
    return (span){buf_str(&c->fields) + from, c->ends[i] - from};
}

int csv_find(const csv *c, const char *name) {
    for (size_t i = 0; i < c->n; i++)
        if (span_is(span_trim(csv_field(c, (int)i)), name)) return (int)i;
    return -1;
}
