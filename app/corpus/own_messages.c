// A record keeps the place of its text in one long buffer.
#include "app/corpus/own_messages.h"
#include "app/corpus/csv.h"
#include "app/corpus/format.h"
#include "app/corpus/jsonl.h"

#include <stdlib.h>
#include <string.h>

typedef struct own_message {
    uint64_t id;
    when time;
    size_t at, n; // in `text`
    size_t order; // in the file, for equal ids
} own_message;

typedef struct channel {
    own_message *list;
    size_t n, cap;
    buf text;
} channel;

static void add(channel *c, uint64_t id, span time, span text) {
    own_message m = {.id = id, .time = WHEN_NOTHING, .at = c->text.len, .n = text.n, .order = c->n};
    time = span_trim(time);
    if (when_iso(time.s, time.n, &m.time) != time.n) m.time = WHEN_NOTHING;
    buf_append(&c->text, text.s, text.n);
    c->list = mem_reserve(c->list, &c->cap, c->n + 1, sizeof *c->list);
    c->list[c->n++] = m;
}

static int by_id(const void *a, const void *b) {
    const own_message *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static span span_of(const char *s) {
    return (span){s ? s : "", s ? strlen(s) : 0};
}

static void read_item(gather *g, channel *c, const cJSON *m) {
    uint64_t id = cjson_id(m, "ID");
    const char *contents = cjson_text(m, "Contents");
    if (!id || !contents)
        gather_skip(g, 1);
    else
        add(c, id, span_of(cjson_text(m, "Timestamp")), span_of(contents));
}

static void read_json(gather *g, text_in *in, channel *c) {
    json_stream j;
    json_got got;
    json_stream_start(&j, in);
    json_stream_eat(&j, '[');
    while ((got = json_stream_item(&j)) == JSON_GOT) {
        cJSON *m = json_stream_parse(&j, &got);
        if (m) read_item(g, c, m);
        cJSON_Delete(m);
        if (got == JSON_BAD) gather_skip(g, 1);
        if (got == JSON_CUT) gather_cut(g, text_in_place(in) - j.intact);
    }
    json_stream_end(&j);
}

static uint64_t read_id(span s) {
    char digits[24] = {0};
    if (s.n == 0 || s.n > 20) return 0;
    memcpy(digits, s.s, s.n);
    return strspn(digits, "0123456789") == s.n ? strtoull(digits, NULL, 10) : 0;
}

static void read_csv(gather *g, text_in *in, channel *c) {
    csv rows;
    csv_got got;
    csv_start(&rows, in);
    csv_row(&rows);
    int id = csv_find(&rows, "ID"), time = csv_find(&rows, "Timestamp"), contents = csv_find(&rows, "Contents");
    while ((got = csv_row(&rows)) != CSV_END) {
        uint64_t number = got == CSV_ROW ? read_id(csv_field(&rows, id)) : 0;
        if (got == CSV_CUT)
            gather_cut(g, rows.unread);
        else if (!number || (size_t)contents >= rows.n)
            gather_skip(g, 1);
        else
            add(c, number, csv_field(&rows, time), csv_field(&rows, contents));
    }
    csv_end(&rows);
}

void own_messages_read(gather *g, text_in *in, const char *owner) {
    channel c = {0};
    size_t n;
    const char *s = text_in_peek(in, 1, &n);
    while (n && (*s == ' ' || *s == '\n' || *s == '\t')) {
        text_in_skip(in, 1);
        s = text_in_peek(in, 1, &n);
    }
    if (n && *s == '[')
        read_json(g, in, &c);
    else
        read_csv(g, in, &c);
    if (c.n) qsort(c.list, c.n, sizeof *c.list, by_id);
    for (size_t i = 0; i < c.n; i++) {
        const own_message *m = &c.list[i];
        draft d = DRAFT_EMPTY;
        d.author = owner;
        d.n_author = strlen(owner);
        d.text = buf_str(&c.text) + m->at;
        d.n_text = m->n;
        d.time = m->time;
        d.key = gather_key_everywhere(m->id);
        d.stable_key = true;
        gather_add(g, &d);
    }
    free(c.list);
    buf_free(&c.text);
}

int package_json_read(gather *g, text_in *in, error *err) {
    (void)err;
    own_messages_read(g, in, "me");
    return 0;
}

int package_csv_read(gather *g, text_in *in, error *err) {
    (void)err;
    own_messages_read(g, in, "me");
    return 0;
}
