// Lines are taken one by one when the first one is a whole value, so that a broken line costs only itself.
#include "app/corpus/jsonl.h"

#include <string.h>

static bool is_blank_line(const char *s, size_t n) {
    while (n && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    return n == 0;
}

// The first line that is not blank is one JSON object, or begins one and is not followed by more of it.
static bool has_a_record_a_line(text_in *in) {
    enum { LOOK = 1 << 20 };
    size_t n;
    const char *s = text_in_peek(in, LOOK, &n);
    while (n && (*s == '\n' || *s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    if (!n || *s != '{') return false;
    const char *lf = memchr(s, '\n', n);
    size_t length = lf ? (size_t)(lf - s) : n;
    if (lf && (size_t)(lf + 1 - s) < n && lf[1] == '{') return true;
    cJSON *first = json_stream_whole(s, length);
    cJSON_Delete(first);
    return first != NULL;
}

static void each_line(gather *g, text_in *in, jsonl_record_fn *fn) {
    const char *s;
    size_t n;
    int64_t number = 0;
    while (!g->failed && text_in_line(in, &s, &n)) {
        if (is_blank_line(s, n)) continue;
        cJSON *record = json_stream_whole(s, n);
        if (record) {
            fn(g, record, number);
        } else {
            // A last line without its end was cut; any other broken line is just broken.
            int64_t length = (int64_t)n;
            text_in_peek(in, 1, &n);
            if (n)
                gather_skip(g, 1);
            else
                gather_cut(g, length);
        }
        cJSON_Delete(record);
        number++;
    }
}

static void each_value(gather *g, text_in *in, jsonl_record_fn *fn) {
    json_stream j;
    json_got got;
    json_stream_start(&j, in);
    json_stream_eat(&j, '[');
    for (int64_t number = 0; !g->failed && json_stream_next(&j); number++) {
        got = json_stream_item(&j);
        if (got != JSON_GOT) continue;
        cJSON *record = json_stream_parse(&j, &got);
        if (record) fn(g, record, number);
        cJSON_Delete(record);
        if (got == JSON_BAD) gather_skip(g, 1);
        if (got == JSON_CUT) gather_cut(g, text_in_place(in) - j.intact);
    }
    json_stream_end(&j);
}

void jsonl_each(gather *g, text_in *in, jsonl_record_fn *fn) {
    if (has_a_record_a_line(in))
        each_line(g, in, fn);
    else
        each_value(g, in, fn);
}
