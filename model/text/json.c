// The check is a recursive descent over the grammar of RFC 8259; the readers then rely on it and only skip.
#include "model/text/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 128 };

typedef struct parser {
    const char *start, *at, *end;
    const char *problem;
} parser;

static void skip_space(const char **at, const char *end) {
    while (*at < end && (**at == ' ' || **at == '\n' || **at == '\r' || **at == '\t')) ++*at;
}

static bool fail(parser *p, const char *problem) {
    if (!p->problem) p->problem = problem;
    return false;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool check_string(parser *p) {
    for (p->at++; p->at < p->end; p->at++) {
        unsigned char c = (unsigned char)*p->at;
        if (c == '"') {
            p->at++;
            return true;
        }
        if (c < 0x20) return fail(p, "a control character inside a string");
        if (c != '\\') continue;
        if (++p->at == p->end) break;
        if (*p->at == 'u') {
            for (int i = 0; i < 4; i++)
                if (++p->at == p->end || !is_hex(*p->at)) return fail(p, "\\u without four hexadecimal digits");
        } else if (!*p->at || !strchr("\"\\/bfnrt", *p->at)) {
            return fail(p, "an unknown escape in a string");
        }
    }
    return fail(p, "a string without its end");
}

static bool check_digits(parser *p) {
    const char *from = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') p->at++;
    return p->at > from || fail(p, "a number without digits");
}

static bool check_number(parser *p) {
    if (*p->at == '-') p->at++;
    bool zero = p->at < p->end && *p->at == '0';
    const char *from = p->at;
    if (!check_digits(p)) return false;
    if (zero && p->at - from > 1) return fail(p, "a number with leading zeros");
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        if (!check_digits(p)) return false;
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-')) p->at++;
        if (!check_digits(p)) return false;
    }
    return true;
}

static bool check_word(parser *p, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return fail(p, "an unknown word");
    p->at += n;
    return true;
}

static bool check_value(parser *p, int depth);

static bool check_members(parser *p, char close, int depth) {
    p->at++;
    skip_space(&p->at, p->end);
    if (p->at < p->end && *p->at == close) {
        p->at++;
        return true;
    }
    for (;;) {
        skip_space(&p->at, p->end);
        if (close == '}') {
            if (p->at == p->end || *p->at != '"') return fail(p, "a key was expected");
            if (!check_string(p)) return false;
            skip_space(&p->at, p->end);
            if (p->at == p->end || *p->at != ':') return fail(p, "':' was expected");
            p->at++;
        }
        if (!check_value(p, depth)) return false;
        skip_space(&p->at, p->end);
        if (p->at == p->end) return fail(p, "the text ends early");
        char c = *p->at++;
        if (c == close) return true;
        if (c != ',') {
            p->at--;
            return fail(p, "',' or the closing bracket was expected");
        }
    }
}

static bool check_value(parser *p, int depth) {
    if (depth > MAX_DEPTH) return fail(p, "nested too deeply");
    skip_space(&p->at, p->end);
    if (p->at == p->end) return fail(p, "the text ends early");
    switch (*p->at) {
    case '{': return check_members(p, '}', depth + 1);
    case '[': return check_members(p, ']', depth + 1);
    case '"': return check_string(p);
    case 't': return check_word(p, "true");
    case 'f': return check_word(p, "false");
    case 'n': return check_word(p, "null");
    default:
        if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9')) return check_number(p);
        return fail(p, "a value was expected");
    }
}

int json_check(const char *text, size_t n, json *root, error *err) {
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        n -= 3;
    }
    parser p = {text, text, text + n, NULL};
    bool ok = check_value(&p, 0);
    skip_space(&p.at, p.end);
    if (ok && p.at != p.end) ok = fail(&p, "something follows the end");
    if (!ok) {
        size_t line = 1;
        const char *begin = text;
        for (const char *c = text; c < p.at; c++)
            if (*c == '\n') {
                line++;
                begin = c + 1;
            }
        return error_set(err, "not JSON: %s at line %zu, byte %zu", p.problem, line, (size_t)(p.at - begin) + 1);
    }
    *root = (json){text, p.end};
    skip_space(&root->at, root->end);
    return 0;
}

json_kind json_type(json v) {
    if (!v.at) return JSON_ABSENT;
    switch (*v.at) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

static const char *after_string(const char *at) {
    for (at++; *at != '"'; at++)
        if (*at == '\\') at++;
    return at + 1;
}

// The first byte after the value at `at`.
static const char *after_value(const char *at, const char *end) {
    if (*at == '"') return after_string(at);
    if (*at != '{' && *at != '[') {
        while (at < end && !strchr(",]} \t\r\n", *at)) at++;
        return at;
    }
    int depth = 0;
    do {
        if (*at == '"') {
            at = after_string(at);
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        at++;
    } while (depth);
    return at;
}

json_iter json_begin(json v) {
    json_kind kind = json_type(v);
    if (kind != JSON_ARRAY && kind != JSON_OBJECT) return (json_iter){0};
    return (json_iter){v.at + 1, v.end, kind == JSON_OBJECT};
}

bool json_next(json_iter *it, json *key, json *value) {
    if (!it->at) return false;
    skip_space(&it->at, it->end);
    if (*it->at == ',') it->at++;
    skip_space(&it->at, it->end);
    if (*it->at == ']' || *it->at == '}') {
        it->at = NULL;
        return false;
    }
    if (it->object) {
        if (key) *key = (json){it->at, it->end};
        it->at = after_string(it->at);
        skip_space(&it->at, it->end);
        it->at++; // the colon
        skip_space(&it->at, it->end);
    }
    *value = (json){it->at, it->end};
    it->at = after_value(it->at, it->end);
    return true;
}

json json_get(json object, const char *key) {
    json found = {0}, k, v;
    if (json_type(object) != JSON_OBJECT) return found;
    json_iter it = json_begin(object);
    while (json_next(&it, &k, &v))
        if (json_is(k, key)) found = v;
    return found;
}

static uint32_t hex4(const char *s) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 4 | (uint32_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    return v;
}

// Appends the character of the \u escape at s (at its 'u'); returns the first byte after it.
static const char *put_unicode(buf *out, const char *s) {
    uint32_t c = hex4(s + 1);
    s += 5;
    if (c >= 0xd800 && c < 0xdc00 && s[0] == '\\' && s[1] == 'u') {
        uint32_t low = hex4(s + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            s += 6;
        }
    }
    char utf8[4];
    if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
    buf_append(out, utf8, (size_t)utf8_encode(c, utf8));
    return s;
}

bool json_string(json v, buf *out) {
    buf_clear(out);
    if (json_type(v) != JSON_STRING) return false;
    for (const char *s = v.at + 1; *s != '"';) {
        const char *plain = s;
        while (*s != '"' && *s != '\\') s++;
        buf_append(out, plain, (size_t)(s - plain));
        if (*s == '"') break;
        s++;
        switch (*s) {
        case 'u': s = put_unicode(out, s); continue;
        case 'b': buf_putc(out, '\b'); break;
        case 'f': buf_putc(out, '\f'); break;
        case 'n': buf_putc(out, '\n'); break;
        case 'r': buf_putc(out, '\r'); break;
        case 't': buf_putc(out, '\t'); break;
        default: buf_putc(out, *s);
        }
        s++;
    }
    return true;
}

bool json_is(json v, const char *text) {
    if (json_type(v) != JSON_STRING) return false;
    size_t n = strlen(text);
    const char *end = after_string(v.at) - 1;
    if (!memchr(v.at, '\\', (size_t)(end - v.at)))
        return (size_t)(end - v.at - 1) == n && memcmp(v.at + 1, text, n) == 0;
    buf b = {0};
    json_string(v, &b);
    bool same = b.len == n && memcmp(buf_str(&b), text, n) == 0;
    buf_free(&b);
    return same;
}

// A number as a NUL-terminated copy for strtod and strtoll; false when it is none or longer than any sane number.
static bool number_text(json v, char out[64]) {
    if (json_type(v) != JSON_NUMBER) return false;
    size_t n = (size_t)(after_value(v.at, v.end) - v.at);
    if (n >= 64) return false;
    memcpy(out, v.at, n);
    out[n] = '\0';
    return true;
}

bool json_int(json v, int64_t *out) {
    char text[64];
    if (!number_text(v, text) || strpbrk(text, ".eE")) return false;
    errno = 0;
    long long n = strtoll(text, NULL, 10);
    if (errno) return false;
    *out = n;
    return true;
}

bool json_double(json v, double *out) {
    char text[64];
    if (!number_text(v, text)) return false;
    *out = strtod(text, NULL);
    return true;
}

bool json_bool(json v, bool fallback) {
    json_kind kind = json_type(v);
    return kind == JSON_TRUE || (kind != JSON_FALSE && fallback);
}
