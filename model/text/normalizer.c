// Every step reads one string and writes another; two buffers change places. The Unicode forms come from utf8proc.
#include "model/text/normalizer.h"
#include "model/text/charsmap.h"
#include "model/text/pattern.h"
#include "model/text/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

// What is put in is at most MAX_INSERT bytes, and a step may not leave more than MAX_GROWTH times the text: a file's list
// of steps must not be able to fill the memory.
enum { MAX_STEPS = 64, MAX_INSERT = 32, MAX_GROWTH = 16 };

typedef enum step_kind {
    STEP_FORM,
    STEP_LOWERCASE,
    STEP_STRIP_MARKS,
    STEP_STRIP_ALL_MARKS,
    STEP_NMT,
    STEP_CLEAN,
    STEP_CJK_SPACES,
    STEP_STRIP,
    STEP_SQUEEZE,
    STEP_PREPEND,
    STEP_APPEND,
    STEP_REPLACE,
    STEP_REGEX,
    STEP_CHARSMAP,
} step_kind;

typedef struct step {
    step_kind kind;
    normalizer_form form;
    bool left, right; // STRIP
    char *from, *to;  // REPLACE, REGEX (to), PREPEND and APPEND (to)
    size_t n_from, n_to;
    pattern *regex;
    charsmap *map;
} step;

struct normalizer {
    step *steps;
    size_t n, cap;
};

normalizer *normalizer_new(void) {
    return mem_calloc(1, sizeof(normalizer));
}

void normalizer_free(normalizer *n) {
    if (!n) return;
    for (size_t i = 0; i < n->n; i++) {
        free(n->steps[i].from);
        free(n->steps[i].to);
        pattern_free(n->steps[i].regex);
        charsmap_free(n->steps[i].map);
    }
    free(n->steps);
    free(n);
}

size_t normalizer_n_steps(const normalizer *n) {
    return n->n;
}

static void add(normalizer *n, step s) {
    n->steps = mem_reserve(n->steps, &n->cap, n->n + 1, sizeof *n->steps);
    n->steps[n->n++] = s;
}

void normalizer_add_form(normalizer *n, normalizer_form form) {
    add(n, (step){.kind = STEP_FORM, .form = form});
}

void normalizer_add_lowercase(normalizer *n) {
    add(n, (step){.kind = STEP_LOWERCASE});
}

void normalizer_add_strip_marks(normalizer *n, bool all) {
    add(n, (step){.kind = all ? STEP_STRIP_ALL_MARKS : STEP_STRIP_MARKS});
}

void normalizer_add_nmt(normalizer *n) {
    add(n, (step){.kind = STEP_NMT});
}

void normalizer_add_clean(normalizer *n) {
    add(n, (step){.kind = STEP_CLEAN});
}

void normalizer_add_cjk_spaces(normalizer *n) {
    add(n, (step){.kind = STEP_CJK_SPACES});
}

void normalizer_add_strip(normalizer *n, bool left, bool right) {
    add(n, (step){.kind = STEP_STRIP, .left = left, .right = right});
}

void normalizer_add_squeeze(normalizer *n) {
    add(n, (step){.kind = STEP_SQUEEZE});
}

static step insertion(step_kind kind, const char *text, size_t len) {
    if (len > MAX_INSERT) len = MAX_INSERT;
    return (step){.kind = kind, .to = mem_strndup(text, len), .n_to = len};
}

void normalizer_add_prepend(normalizer *n, const char *text, size_t len) {
    add(n, insertion(STEP_PREPEND, text, len));
}

void normalizer_add_append(normalizer *n, const char *text, size_t len) {
    add(n, insertion(STEP_APPEND, text, len));
}

void normalizer_add_replace(normalizer *n, const char *from, size_t n_from, const char *to, size_t n_to) {
    step s = insertion(STEP_REPLACE, to, n_to);
    s.from = mem_strndup(from, n_from);
    s.n_from = n_from;
    add(n, s);
}

int normalizer_add_regex(normalizer *n, const char *text, size_t len, const char *to, size_t n_to, error *err) {
    if (n->n >= MAX_STEPS) return error_set(err, "more than %d normaliser steps", MAX_STEPS);
    pattern *p = pattern_new(text, len, err);
    if (!p) return -1;
    step s = insertion(STEP_REGEX, to, n_to);
    s.regex = p;
    add(n, s);
    return 0;
}

int normalizer_add_charsmap(normalizer *n, const char *map, size_t len, error *err) {
    charsmap *m = charsmap_open(map, len, err);
    if (!m) return -1;
    add(n, (step){.kind = STEP_CHARSMAP, .map = m});
    return 0;
}

static bool is_ascii(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] >= 0x80) return false;
    return true;
}

static int apply_form(normalizer_form form, const char *s, size_t len, buf *out, error *err) {
    if (is_ascii(s, len)) {
        buf_append(out, s, len);
        return 0;
    }
    static const utf8proc_option_t options[] = {
        [FORM_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [FORM_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [FORM_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [FORM_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, &normal, options[form]);
    if (n < 0) return error_set(err, "a text could not be normalised: %s", utf8proc_errmsg(n));
    buf_append(out, normal, (size_t)n);
    free(normal);
    return 0;
}

static void put(buf *out, uint32_t c) {
    char utf8[4];
    buf_append(out, utf8, (size_t)utf8_encode(c, utf8));
}

// The two lists of the NMT rules.
static bool nmt_space(uint32_t c) {
    return c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 ||
           c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
}

static bool nmt_drops(uint32_t c) {
    return (c >= 1 && c <= 8) || c == 11 || (c >= 14 && c <= 31) || c == 0x7f || c == 0x8f || c == 0x9f;
}

// The steps that look at one character at a time.
static void apply_each(step_kind kind, const char *s, size_t len, buf *out) {
    uint32_t c;
    for (size_t i = 0; i < len;) {
        int size = utf8_decode(s + i, len - i, &c);
        if (size <= 0) break; // the text is valid UTF-8
        i += (size_t)size;
        switch (kind) {
        case STEP_LOWERCASE:
            put(out, c == 0x130 ? 'i' : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
            if (c == 0x130) put(out, 0x307); // the one letter whose small form is two characters
            break;
        case STEP_STRIP_MARKS:
            if (!unicode_is_mark(c)) put(out, c);
            break;
        case STEP_STRIP_ALL_MARKS:
            if (!unicode_is_any_mark(c)) put(out, c);
            break;
        case STEP_NMT:
            if (nmt_space(c))
                put(out, ' ');
            else if (!nmt_drops(c))
                put(out, c);
            break;
        case STEP_CLEAN:
            if (c == '\t' || c == '\n' || c == '\r')
                put(out, ' ');
            else if (c != 0xfffd && !unicode_is_control(c))
                put(out, unicode_is_space(c) ? ' ' : c);
            break;
        default:
            if (unicode_is_cjk(c)) put(out, ' ');
            put(out, c);
            if (unicode_is_cjk(c)) put(out, ' ');
        }
    }
}

static void apply_strip(const step *st, const char *s, size_t len, buf *out) {
    uint32_t c;
    int size;
    while (st->left && (size = utf8_decode(s, len, &c)) > 0 && unicode_is_space(c)) {
        s += size;
        len -= (size_t)size;
    }
    while (st->right && (size = unicode_before(s, len, &c)) > 0 && unicode_is_space(c)) len -= (size_t)size;
    buf_append(out, s, len);
}

// Spaces at the end may be written as U+2581 already; SentencePiece takes both away there.
static void apply_squeeze(const char *s, size_t len, buf *out) {
    for (;;) {
        if (len && s[len - 1] == ' ')
            len--;
        else if (len >= 3 && memcmp(s + len - 3, "\xE2\x96\x81", 3) == 0)
            len -= 3;
        else
            break;
    }
    for (size_t i = 0; i < len; i++)
        if (s[i] != ' ' || (i && s[i - 1] != ' ' && out->len)) buf_putc(out, s[i]);
}

static void apply_replace(const step *st, const char *s, size_t len, buf *out) {
    size_t at = 0;
    while (st->n_from && len - at >= st->n_from) {
        const char *found = memchr(s + at, st->from[0], len - at - st->n_from + 1);
        if (!found) break;
        size_t i = (size_t)(found - s);
        bool same = memcmp(found, st->from, st->n_from) == 0;
        buf_append(out, s + at, i - at + !same);
        if (same) buf_append(out, st->to, st->n_to);
        at = i + (same ? st->n_from : 1);
    }
    buf_append(out, s + at, len - at);
}

static int apply_regex(const step *st, const char *s, size_t len, buf *out, error *err) {
    pattern_search *search = pattern_search_new(len);
    size_t at = 0, start, end;
    int found;
    while ((found = pattern_find(st->regex, search, s, len, at, &start, &end, err)) == 1) {
        buf_append(out, s + at, start - at);
        buf_append(out, st->to, st->n_to);
        at = end;
    }
    buf_append(out, s + at, len - at);
    pattern_search_free(search);
    return found;
}

// A damaged map gives what is no text, and the patterns that come later rely on text.
static void apply_charsmap(const step *st, const char *s, size_t len, buf *out) {
    charsmap_apply(st->map, s, len, out);
    if (utf8_valid(buf_str(out), out->len)) return;
    buf repaired = {0};
    utf8_repair(&repaired, out->data, out->len);
    buf_free(out);
    *out = repaired;
}

static int apply(const step *st, const char *s, size_t len, bool begins, buf *out, error *err) {
    switch (st->kind) {
    case STEP_FORM: return apply_form(st->form, s, len, out, err);
    case STEP_STRIP: apply_strip(st, s, len, out); break;
    case STEP_SQUEEZE: apply_squeeze(s, len, out); break;
    case STEP_PREPEND:
        if (len && begins) buf_append(out, st->to, st->n_to);
        buf_append(out, s, len);
        break;
    case STEP_APPEND:
        buf_append(out, s, len);
        if (len) buf_append(out, st->to, st->n_to);
        break;
    case STEP_REPLACE: apply_replace(st, s, len, out); break;
    case STEP_REGEX: return apply_regex(st, s, len, out, err);
    case STEP_CHARSMAP: apply_charsmap(st, s, len, out); break;
    default: apply_each(st->kind, s, len, out);
    }
    return 0;
}

int normalizer_run(const normalizer *n, const char *text, size_t len, bool begins, buf *out, error *err) {
    buf other = {0};
    buf_clear(out);
    if (n->n == 0) buf_append(out, text, len);
    for (size_t i = 0; i < n->n; i++) {
        buf_clear(out);
        int rc = i ? apply(&n->steps[i], buf_str(&other), other.len, begins, out, err)
                   : apply(&n->steps[i], text, len, begins, out, err);
        if (rc == 0 && out->len / MAX_GROWTH > len + 1024)
            rc = error_set(err, "the tokenizer's normaliser makes a text more than %d times longer; it is damaged",
                           MAX_GROWTH);
        if (rc != 0) {
            buf_free(&other);
            return -1;
        }
        if (i + 1 < n->n) {
            buf swap = other;
            other = *out;
            *out = swap;
        }
    }
    buf_free(&other);
    return 0;
}
