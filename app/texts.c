#include "app/texts.h"
#include "app/read_all.h"
#include "model/text/json.h"

#include <stdlib.h>
#include <string.h>

bool texts_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!s[i] || !strchr(" \t\r\n\v\f", s[i])) return false;
    return true;
}

static void add(texts *t, size_t at, size_t len, size_t line) {
    t->places = mem_reserve(t->places, &t->cap, t->n + 1, sizeof *t->places);
    t->places[t->n++] = (text_place){at, len, line};
}

// Finds the line that begins at *at; false behind the last one. Its end is left out and *at moved behind it.
static bool next_line(const buf *b, size_t *at, text_place *line) {
    if (*at >= b->len) return false;
    const char *start = b->data + *at, *end = memchr(start, '\n', b->len - *at);
    size_t len = end ? (size_t)(end - start) : b->len - *at;
    line->at = *at;
    *at += len + (end != NULL);
    if (len > 0 && start[len - 1] == '\r') len--;
    line->len = len;
    line->line++;
    return true;
}

static void cut_lines(texts *t) {
    text_place line = {0};
    for (size_t at = 0; next_line(&t->bytes, &at, &line);) add(t, line.at, line.len, line.line);
}

static void cut_paragraphs(texts *t) {
    text_place line = {0}, *open = NULL;
    for (size_t at = 0; next_line(&t->bytes, &at, &line);) {
        bool blank = texts_blank(t->bytes.data + line.at, line.len);
        size_t end = line.at + line.len;
        if (open && (blank || end - open->at > TEXTS_LONG_PARAGRAPH)) open = NULL;
        if (blank) continue;
        if (!open) add(t, line.at, line.len, line.line);
        open = &t->places[t->n - 1];
        open->len = end - open->at;
    }
}

// The strings take the place of the bytes they were read from.
static int cut_json_lines(texts *t, const char *name, error *err) {
    buf strings = {0}, one = {0};
    text_place line = {0};
    int rc = 0;
    for (size_t at = 0; rc == 0 && next_line(&t->bytes, &at, &line);) {
        const char *s = t->bytes.data + line.at;
        json root;
        if (texts_blank(s, line.len)) continue;
        if (json_check(s, line.len, &root, err) != 0)
            rc = error_prefix(err, "%s: line %zu", name, line.line);
        else if (!json_string(root, &one))
            rc = error_set(err, "%s: line %zu: a JSON string is wanted, as \"text\"", name, line.line);
        add(t, strings.len, one.len, line.line);
        buf_append(&strings, buf_str(&one), one.len);
    }
    buf_free(&one);
    buf_free(&t->bytes);
    t->bytes = strings;
    return rc;
}

int texts_read(texts *t, const char *path, texts_cut cut, error *err) {
    *t = (texts){0};
    if (read_all(path, &t->bytes, err) != 0) return -1;
    switch (cut) {
    case TEXTS_LINES: cut_lines(t); return 0;
    case TEXTS_PARAGRAPHS: cut_paragraphs(t); return 0;
    case TEXTS_JSON_LINES: return cut_json_lines(t, strcmp(path, "-") == 0 ? "standard input" : path, err);
    }
    return 0;
}

void texts_free(texts *t) {
    buf_free(&t->bytes);
    free(t->places);
    *t = (texts){0};
}
