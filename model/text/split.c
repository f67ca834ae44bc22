// Steps call one another: step k hands every piece it cuts to step k + 1, the last one to the sink, so that no list of
// pieces is ever built. Patterns are compiled once and shared; what a match needs is made per call (a PCRE2 rule).
//
// A pattern from a file is limited in steps per match, not trusted: one that backtracks without end gives an error.
// Where the just-in-time code runs out of its stack, the interpreter, which keeps its stack on the heap, tries again.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/text/split.h"
#include "model/text/byte_map.h"
#include "model/text/unicode.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATTERN = 1 << 16, MAX_STEPS = 32, MIN_MATCH_LIMIT = 10000000 };

typedef enum step_kind { STEP_REGEX, STEP_LITERAL, STEP_PREFIX_SPACE, STEP_BYTES, STEP_METASPACE } step_kind;

typedef struct step {
    step_kind kind;
    split_behavior behavior;
    bool invert;
    pcre2_code *code;
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
        pcre2_code_free(s->steps[i].code);
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

// Tokenizers' patterns are written for engines whose \s is White_Space and whose \w counts marks; PCRE2's \s also holds
// U+180E and its \w lacks marks. Their exact meanings are spelled out where PCRE2 has the properties.
static void exact_classes(buf *out, const char *pattern, size_t len) {
    bool in_class = false;
    for (size_t i = 0; i < len; i++) {
        char c = pattern[i];
        if (c != '\\' || i + 1 == len) {
            if (c == '[' && !in_class)
                in_class = true;
            else if (c == ']')
                in_class = false;
            buf_putc(out, c);
            continue;
        }
        char e = pattern[++i];
        if (e == 's' || e == 'S')
            buf_puts(out, e == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
        else if (e == 'w')
            buf_puts(out, in_class ? "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}" : "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]");
        else
            buf_printf(out, "\\%c", e);
    }
}

static pcre2_code *compile(const char *pattern, size_t len, int *code, size_t *at) {
    return pcre2_compile((PCRE2_SPTR)pattern, len, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, code, at, NULL);
}

int splitter_add_regex(splitter *s, const char *pattern, size_t len, split_behavior behavior, bool invert, error *err) {
    int code;
    size_t at;
    if (len > MAX_PATTERN) return error_set(err, "a pattern of %zu bytes (at most %d are allowed)", len, MAX_PATTERN);
    if (s->n == MAX_STEPS) return error_set(err, "more than %d pre-tokenizer steps", MAX_STEPS);
    buf exact = {0};
    exact_classes(&exact, pattern, len);
    pcre2_code *re = compile(buf_str(&exact), exact.len, &code, &at);
    buf_free(&exact);
    if (!re) re = compile(pattern, len, &code, &at);
    if (!re) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof why);
        return error_set(err, "the pattern \"%.*s\" is not understood at byte %zu: %s", (int)(len < 200 ? len : 200),
                         pattern, at, (char *)why);
    }
    // Without just-in-time support matching is slower, not different.
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    add(s, (step){.kind = STEP_REGEX, .behavior = behavior, .invert = invert, .code = re});
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
    pcre2_match_data *data;
    pcre2_match_context *context;
    size_t match_limit;
    bool first;
    split_sink sink;
    void *arg;
    error *err;
} run;

static int step_run(run *r, size_t k, bool bytes, const char *text, size_t len);

// Finds the next match at or after `from`: 1 found, 0 none, -1 error. Zero-length matches are passed over.
static int find_regex(run *r, const step *st, const char *text, size_t len, size_t from, size_t *start, size_t *end) {
    while (from <= len) {
        int rc = pcre2_match(st->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK, r->data, r->context);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(st->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, r->data,
                             r->context);
        if (rc == PCRE2_ERROR_NOMATCH) return 0;
        if (rc < 0) {
            PCRE2_UCHAR why[128];
            pcre2_get_error_message(rc, why, sizeof why);
            return error_set(r->err, "the tokenizer's pattern gave up on this text: %s", (char *)why);
        }
        const size_t *at = pcre2_get_ovector_pointer(r->data);
        *start = at[0];
        *end = at[1];
        if (*end > *start) return 1;
        from = *end + 1;
        while (from < len && ((unsigned char)text[from] & 0xc0) == 0x80) from++;
    }
    return 0;
}

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
        int found = st->kind == STEP_REGEX ? find_regex(r, st, text, len, at, &start, &end)
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

// A run of white space in a text can make a pattern look at each of its bytes a few times within one match.
static uint32_t limit_for(size_t len) {
    return len > (UINT32_MAX - MIN_MATCH_LIMIT) / 8 ? UINT32_MAX : MIN_MATCH_LIMIT + (uint32_t)len * 8;
}

int splitter_run(const splitter *s, const char *text, size_t len, bool first, split_sink sink, void *arg, error *err) {
    run r = {.s = s, .first = first, .sink = sink, .arg = arg, .err = err};
    r.data = pcre2_match_data_create(1, NULL);
    r.context = pcre2_match_context_create(NULL);
    if (!r.data || !r.context) abort();
    pcre2_set_match_limit(r.context, limit_for(len));
    int rc = step_run(&r, 0, false, text, len);
    pcre2_match_data_free(r.data);
    pcre2_match_context_free(r.context);
    return rc;
}
