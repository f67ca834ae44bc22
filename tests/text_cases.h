// Reference cases of tokenizers, from JSON files: a text, its ids, and what they decode to.
#ifndef DOPPEL_TEST_TEXT_CASES_H
#define DOPPEL_TEST_TEXT_CASES_H

#include "model/text/json.h"
#include "model/text/tokenizer.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

// A file below tests/ (name "data/x.json") or beside the repository ("../../shared/..."). False when it is not there.
static inline bool read_case_file(const char *name, buf *text, json *root) {
    const char *tests = getenv("TESTS");
    buf path = {0};
    buf_printf(&path, "%s/%s", tests ? tests : "tests", name);
    FILE *f = fopen(buf_str(&path), "rb");
    buf_free(&path);
    if (!f) return false;
    char piece[65536];
    buf_clear(text);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_append(text, piece, n);
    fclose(f);
    return text->data && json_check(text->data, text->len, root, NULL) == 0;
}

static inline void read_ids(json list, id_list *ids) {
    json value;
    int64_t id;
    ids->len = 0;
    for (json_iter it = json_begin(list); json_next(&it, NULL, &value);)
        if (json_int(value, &id)) id_list_push(ids, (int32_t)id);
}

static inline bool same_ids(const id_list *a, const id_list *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len * sizeof *a->data) == 0);
}

// Encodes text and compares the ids with those of list.
static inline bool encodes_to(const tokenizer *t, const buf *text, unsigned flags, json list) {
    id_list got = {0}, want = {0};
    error err = {{0}};
    read_ids(list, &want);
    bool same = tokenizer_encode(t, buf_str(text), text->len, flags, &got, &err) == 0 && same_ids(&got, &want);
    if (!same) {
        printf("%s: got", err.text);
        for (size_t i = 0; i < got.len; i++) printf(" %d", (int)got.data[i]);
        printf(", expected");
        for (size_t i = 0; i < want.len; i++) printf(" %d", (int)want.data[i]);
        printf("\n");
    }
    id_list_free(&got);
    id_list_free(&want);
    return same;
}

static inline bool decodes_to(const tokenizer *t, json list, const buf *text) {
    id_list ids = {0};
    buf exact = {0}, got = {0};
    read_ids(list, &ids);
    tokenizer_decode(t, ids.data, ids.len, true, &exact);
    utf8_repair(&got, buf_str(&exact), exact.len);
    bool same = got.len == text->len && memcmp(buf_str(&got), buf_str(text), got.len) == 0;
    if (!same) printf("decoded \"%s\"\n", buf_str(&got));
    id_list_free(&ids);
    buf_free(&exact);
    buf_free(&got);
    return same;
}

// Cases of the form [text, ids] or [text, ids, decoded].
static inline void run_short_cases(const tokenizer *t, const char *name, unsigned flags, json cases) {
    json one, part;
    buf text = {0}, decoded = {0};
    for (json_iter it = json_begin(cases); json_next(&it, NULL, &one);) {
        json_iter parts = json_begin(one);
        json ids = {0};
        if (!json_next(&parts, NULL, &part) || !json_string(part, &text) || !json_next(&parts, NULL, &ids)) continue;
        OK(encodes_to(t, &text, flags, ids), "%s: \"%s\"", name, buf_str(&text));
        if (json_next(&parts, NULL, &part) && json_string(part, &decoded))
            OK(decodes_to(t, ids, &decoded), "%s: decoding \"%s\"", name, buf_str(&decoded));
    }
    buf_free(&text);
    buf_free(&decoded);
}

#endif
