// Steps call one another: step k hands every piece it cuts to step k + 1, the last one to the sink, so that no list of
// pieces is ever built. Patterns are compiled once and shared; what a match needs is made per call.
#include "model/text/split.h"
#include "model/text/byte_map.h"
#include "model/text/pattern.h"
#include "model/text/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 32 };

typedef enum step_kind { STEP_REGEX, STEP_LITERAL, STEP_PREFIX_SPACE, STEP_BYTES, STEP_METASPACE } step_kind;

typedef struct step {
    step_kind kind;
    split_behavior behavior;
    bool invert;
    pattern *regex;
    char *text; // LITERAL: what is looked for; METASPACE: the mark
    size_t len;
    split_prefix prefix;
    bool split;
} step;

struct splitter {
    step *steps;
    size_t n, cap;
};

splitter *splitter_new(void) {
    return mem_calloc(1, sizeof(splitter));
}

void splitter_free(splitter *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n; i++) {
        pattern_free(s->steps[i].regex);
        free(s->steps[i].text);
    }
    free(s->steps);
    free(s);
}

size_t splitter_n_steps(const splitter *s) {
    return s->n;
}

static void add(splitter *s, step st) {
    s->steps = mem_reserve(s->steps, &s->cap, s->n + 1, sizeof *s->steps);
    s->steps[s->n++] = st;
}

int splitter_add_regex(splitter *s, const char *text, size_t len, split_behavior behavior, bool invert, error *err) {
    if (s->n == MAX_STEPS) return error_set(err, "more than %d pre-tokenizer steps", MAX_STEPS);
    pattern *p = pattern_new(text, len, err);
    if (!p) return -1;
    add(s, (step){.kind = STEP_REGEX, .behavior = behavior, .invert = invert, .regex = p});
    return 0;
}

void splitter_add_literal(splitter *s, const char *text, size_t len, split_behavior behavior, bool invert) {
    add(s,
        (step){
            .kind = STEP_LITERAL, .behavior = behavior, .invert = invert, .text = mem_strndup(text, len), .len = len});
}

void splitter_add_prefix_space(splitter *s) {
    add(s, (step){.kind = STEP_PREFIX_SPACE});
}

void splitter_add_bytes(splitter *s) {
    add(s, (step){.kind = STEP_BYTES});
}

void splitter_add_metaspace(splitter *s, const char *mark, size_t len, split_prefix prefix, bool split) {
    add(s,
        (step){.kind = STEP_METASPACE, .prefix = prefix, .split = split, .text = mem_strndup(mark, len), .len = len});
}

typedef struct run {
    const splitter *s;
    pattern_search *search;
    bool first;
    split_sink sink;
    void *arg;
    error *err;
} run;

static int step_run(run *r, size_t k, bool bytes, const char *text, size_t len);

static int find_literal(const step *st, const char *text, size_t len, size_t from, size_t *start, size_t *end) {
    if (st->len == 0 || len < st->len) return 0;
    for (size_t i = from; i + st->len <= len; i++) {
        const char *at = memchr(text + i, st->text[0], len - st->len - i + 1);
        if (!at) return 0;
        i = (size_t)(at - text);
        if (memcmp(at, st->text, st->len) != 0) continue;
        *start = i;
        *end = i + st->len;
        return 1;
    }
    return 0;
}

// Joins stretches into pieces as the behavior says: a piece is held until what follows shows that it is complete.
typedef struct joiner {
    run *run;
    size_t next_step;
    bool bytes;
    const char *text;
    split_behavior behavior;
    size_t start, end; // the piece held; empty when start == end
    bool held_match;   // its last stretch was a match
} joiner;

static int joiner_flush(joiner *j) {
    size_t start = j->start, end = j->end;
    j->start = j->end;
    return end > start ? step_run(j->run, j->next_step, j->bytes, j->text + start, end - start) : 0;
}

static int joiner_take(joiner *j, size_t start, size_t end, bool is_match) {
    if (start == end) return 0;
    bool join = false;
    switch (j->behavior) {
    case SPLIT_ISOLATED:
    case SPLIT_REMOVED: break;
    case SPLIT_WITH_PREVIOUS: join = is_match && !j->held_match; break;
    case SPLIT_WITH_NEXT: join = !is_match && j->held_match; break;
    case SPLIT_CONTIGUOUS: join = is_match == j->held_match; break;
    }
    if (!(join && j->end > j->start)) {
        if (joiner_flush(j) != 0) return -1;
        j->start = start;
    }
    j->end = end;
    j->held_match = is_match;
    if (j->behavior == SPLIT_REMOVED && is_match) j->start = j->end;
    return 0;
}

static int run_pattern(run *r, size_t k, bool bytes, const char *text, size_t len) {
    const step *st = &r->s->steps[k];
    joiner j = {r, k + 1, bytes, text, st->behavior, 0, 0, false};
    size_t at = 0;
    while (at < len) {
        size_t start, end;
        int found = st->kind == STEP_REGEX ? pattern_find(st->regex, r->search, text, len, at, &start, &end, r->err)
                                           : find_literal(st, text, len, at, &start, &end);
        if (found < 0) return -1;
        if (!found) break;
        if (joiner_take(&j, at, start, st->invert) != 0 || joiner_take(&j, start, end, !st->invert) != 0) return -1;
        at = end;
    }
    if (joiner_take(&j, at, len, st->invert) != 0) return -1;
    return joiner_flush(&j);
}

static int run_prefix_space(run *r, size_t k, bool bytes, const char *text, size_t len) {
    if (text[0] == ' ') return step_run(r, k + 1, bytes, text, len);
    buf b = {0};
    buf_putc(&b, ' ');
    buf_append(&b, text, len);
    int rc = step_run(r, k + 1, bytes, b.data, b.len);
    buf_free(&b);
    return rc;
}

// Only steps that follow look at the byte characters: as the last step, the bytes themselves are what the sink wants.
static int run_bytes(run *r, size_t k, bool bytes, const char *text, size_t len) {
    if (bytes || k + 1 == r->s->n) return step_run(r, k + 1, bytes, text, len);
    buf b = {0};
    byte_map_write(&b, text, len);
    int rc = step_run(r, k + 1, true, b.data, b.len);
    buf_free(&b);
    return rc;
}

static int run_metaspace(run *r, size_t k, bool bytes, const char *text, size_t len) {
    const step *st = &r->s->steps[k];
    buf b = {0};
    bool marked = text[0] == ' ' || (len >= st->len && memcmp(text, st->text, st->len) == 0);
    if (!marked && (st->prefix == SPLIT_PREFIX_ALWAYS || (st->prefix == SPLIT_PREFIX_FIRST && r->first)))
        buf_append(&b, st->text, st->len);
    r->first = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ')
            buf_append(&b, st->text, st->len);
        else
            buf_putc(&b, text[i]);
    }
    int rc = 0;
    if (!st->split) {
        rc = step_run(r, k + 1, bytes, b.data, b.len);
    } else {
        joiner j = {r, k + 1, bytes, b.data, SPLIT_WITH_NEXT, 0, 0, false};
        size_t at = 0, start, end;
        while (rc == 0 && find_literal(st, b.data, b.len, at, &start, &end)) {
            if (joiner_take(&j, at, start, false) != 0 || joiner_take(&j, start, end, true) != 0) rc = -1;
            at = end;
        }
        if (rc == 0) rc = joiner_take(&j, at, b.len, false);
        if (rc == 0) rc = joiner_flush(&j);
    }
    buf_free(&b);
    return rc;
}

static int give_bytes(run *r, const char *text, size_t len) {
    buf b = {0};
    byte_map_read(&b, text, len);
    int rc = r->sink(r->arg, buf_str(&b), b.len);
    buf_free(&b);
    return rc;
}

// bytes: the piece is written in byte characters.
static int step_run(run *r, size_t k, bool bytes, const char *text, size_t len) {
    if (len == 0) return 0;
    if (k == r->s->n) return bytes ? give_bytes(r, text, len) : r->sink(r->arg, text, len);
    switch (r->s->steps[k].kind) {
    case STEP_PREFIX_SPACE: return run_prefix_space(r, k, bytes, text, len);
    case STEP_BYTES: return run_bytes(r, k, bytes, text, len);
    case STEP_METASPACE: return run_metaspace(r, k, bytes, text, len);
    default: return run_pattern(r, k, bytes, text, len);
    }
}

int splitter_run(const splitter *s, const char *text, size_t len, bool first, split_sink sink, void *arg, error *err) {
    run r = {.s = s, .first = first, .sink = sink, .arg = arg, .err = err};
    r.search = pattern_search_new(len);
    int rc = step_run(&r, 0, false, text, len);
    pattern_search_free(r.search);
    return rc;
}
