// Where the just-in-time code runs out of its stack, the interpreter, which keeps its stack on the heap, tries again.
// Without just-in-time support matching is slower, not different.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/text/pattern.h"

#include <pcre2.h>
#include <stdlib.h>

enum { MAX_PATTERN = 1 << 16, MIN_MATCH_LIMIT = 10000000 };

struct pattern {
    pcre2_code *code;
};

struct pattern_search {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

// Tokenizers' patterns are written for engines whose \s is White_Space and whose \w counts marks; PCRE2's \s also holds
// U+180E and its \w lacks marks. Their exact meanings are spelled out where PCRE2 has the properties.
static void exact_classes(buf *out, const char *text, size_t len) {
    bool in_class = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c != '\\' || i + 1 == len) {
            if (c == '[' && !in_class)
                in_class = true;
            else if (c == ']')
                in_class = false;
            buf_putc(out, c);
            continue;
        }
        char e = text[++i];
        if (e == 's' || e == 'S')
            buf_puts(out, e == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
        else if (e == 'w')
            buf_puts(out, in_class ? "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}" : "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]");
        else
            buf_printf(out, "\\%c", e);
    }
}

static pcre2_code *compile(const char *text, size_t len, int *code, size_t *at) {
    return pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, code, at, NULL);
}

pattern *pattern_new(const char *text, size_t len, error *err) {
    int code;
    size_t at;
    if (len > MAX_PATTERN) {
        error_set(err, "a pattern of %zu bytes (at most %d are allowed)", len, MAX_PATTERN);
        return NULL;
    }
    buf exact = {0};
    exact_classes(&exact, text, len);
    pcre2_code *compiled = compile(buf_str(&exact), exact.len, &code, &at);
    buf_free(&exact);
    if (!compiled) compiled = compile(text, len, &code, &at);
    if (!compiled) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof why);
        error_set(err, "the pattern \"%.*s\" is not understood at byte %zu: %s", (int)(len < 200 ? len : 200), text, at,
                  (char *)why);
        return NULL;
    }
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    pattern *p = mem_calloc(1, sizeof *p);
    p->code = compiled;
    return p;
}

void pattern_free(pattern *p) {
    if (!p) return;
    pcre2_code_free(p->code);
    free(p);
}

// A run of white space in a text can make a pattern look at each of its bytes a few times within one match.
static uint32_t limit_for(size_t len) {
    return len > (UINT32_MAX - MIN_MATCH_LIMIT) / 8 ? UINT32_MAX : MIN_MATCH_LIMIT + (uint32_t)len * 8;
}

pattern_search *pattern_search_new(size_t longest) {
    pattern_search *s = mem_calloc(1, sizeof *s);
    s->data = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (!s->data || !s->context) abort();
    pcre2_set_match_limit(s->context, limit_for(longest));
    return s;
}

void pattern_search_free(pattern_search *s) {
    if (!s) return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    free(s);
}

int pattern_find(const pattern *p, pattern_search *s, const char *text, size_t len, size_t from, size_t *start,
                 size_t *end, error *err) {
    while (from <= len) {
        uint32_t flags = PCRE2_NO_UTF_CHECK;
        int rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, from, flags, s->data, s->context);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, from, flags | PCRE2_NO_JIT, s->data, s->context);
        if (rc == PCRE2_ERROR_NOMATCH) return 0;
        if (rc < 0) {
            PCRE2_UCHAR why[128];
            pcre2_get_error_message(rc, why, sizeof why);
            return error_set(err, "the tokenizer's pattern gave up on this text: %s", (char *)why);
        }
        const size_t *at = pcre2_get_ovector_pointer(s->data);
        *start = at[0];
        *end = at[1];
        if (*end > *start) return 1;
        from = *end + 1;
        while (from < len && ((unsigned char)text[from] & 0xc0) == 0x80) from++;
    }
    return 0;
}
