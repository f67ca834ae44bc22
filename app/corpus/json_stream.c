// A value is found by a scanner that knows strings and depth and nothing else; it remembers on the way whether the
// value needs rewriting. Everything finer (commas, types, escapes) is left to cJSON.
#include "app/corpus/json_stream.h"

#include <string.h>

enum {
    VALUE_MAX = 64 << 20, // bytes of one value; what is larger is no message
    PARTS_MAX = 1 << 17,  // commas and brackets in it: cJSON spends some 80 bytes on each
    DEPTH_MAX = 500,      // cJSON gives up at 1000
    LONG_INTEGER = 16,    // digits from which an integer may not fit a double
};

typedef struct scan {
    int64_t depth, deepest, parts;
    int digits; // length of the run of digits outside strings
    bool in_string, escaped;
    bool to_rewrite; // has \u or a long integer
    bool broken;     // a string ended at a line break
    bool begun, done;
} scan;

void json_stream_start(json_stream *j, text_in *in) {
    *j = (json_stream){.in = in};
}

void json_stream_end(json_stream *j) {
    buf_free(&j->scratch);
    buf_free(&j->key);
}

char json_stream_next(json_stream *j) {
    for (;;) {
        size_t n, i = 0;
        const char *s = text_in_peek(j->in, 1, &n);
        if (!n) return '\0';
        for (; i < n; i++) {
            if (s[i] == '\n') {
                j->first_on_line = true;
                j->indent = 0;
            } else if (s[i] == ' ' || s[i] == '\t') {
                j->indent++;
            } else {
                break;
            }
        }
        text_in_skip(j->in, i);
        if (i < n) return s[i];
    }
}

static void took(json_stream *j) {
    j->first_on_line = false;
    j->indent = 0;
}

bool json_stream_eat(json_stream *j, char c) {
    if (json_stream_next(j) != c) return false;
    text_in_skip(j->in, 1);
    took(j);
    return true;
}

// Bytes that end a run inside a string.
static bool ends_run(char c) {
    return c == '"' || c == '\\' || c == '\n';
}

// s[i] is inside a string. Reads on to the end of the string or of the bytes.
static size_t scan_string(scan *v, const char *s, size_t i, size_t n) {
    while (i < n) {
        if (v->escaped) {
            v->escaped = false;
            if (s[i++] == 'u') v->to_rewrite = true;
            continue;
        }
        while (i < n && !ends_run(s[i])) i++;
        if (i == n) break;
        char c = s[i++];
        if (c == '\\') {
            v->escaped = true;
            continue;
        }
        v->in_string = false;
        v->broken |= c == '\n';
        v->done = v->depth == 0;
        break;
    }
    return i;
}

// Reads on in s; returns how many bytes belong to the value, up to its end or up to n.
static size_t scan_bytes(scan *v, const char *s, size_t n) {
    size_t i = 0;
    while (i < n && !v->done) {
        if (v->in_string) {
            i = scan_string(v, s, i, n);
            continue;
        }
        char c = s[i];
        if (c >= '0' && c <= '9') {
            if (++v->digits == LONG_INTEGER) v->to_rewrite = true;
            v->begun = true;
            i++;
            continue;
        }
        v->digits = 0;
        switch (c) {
        case '"': v->in_string = true; break;
        case '{':
        case '[':
            v->parts++;
            if (++v->depth > v->deepest) v->deepest = v->depth;
            break;
        case '}':
        case ']':
            if (v->depth == 0) {
                v->done = true;
                return i;
            }
            v->done = --v->depth == 0;
            break;
        case ',':
            v->parts++;
            // fall through
        case ' ':
        case '\n':
        case '\t':
        case ':':
            if (v->depth == 0 && v->begun) {
                v->done = true;
                return i;
            }
            do i++;
            while (i < n && s[i] == ' ');
            continue;
        default: break;
        }
        v->begun = true;
        i++;
    }
    return i;
}

// ---- rewriting for cJSON

static int hex4(const char *s, size_t n) {
    int v = 0;
    if (n < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int c = s[i], d = c >= '0' && c <= '9'                     ? c - '0'
                          : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                   : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

// s stands on a backslash inside a string. Appends what may stay of the escape and returns its length.
static size_t rewrite_escape(const char *s, size_t n, buf *out) {
    int code = n >= 2 && s[1] == 'u' ? hex4(s + 2, n - 2) : -1;
    if (code < 0) {
        buf_append(out, s, n < 2 ? n : 2);
        return n < 2 ? n : 2;
    }
    if (code == 0) return 6;
    if (code < 0xd800 || code > 0xdfff) {
        buf_append(out, s, 6);
        return 6;
    }
    int low = code <= 0xdbff && n >= 12 && s[6] == '\\' && s[7] == 'u' ? hex4(s + 8, n - 8) : -1;
    if (low >= 0xdc00 && low <= 0xdfff) {
        buf_append(out, s, 12);
        return 12;
    }
    buf_puts(out, "\\ufffd");
    return 6;
}

// s stands on '-' or a digit outside a string. Appends the number, in quotes if it is a long integer.
static size_t rewrite_number(const char *s, size_t n, buf *out) {
    size_t i = 0;
    bool whole = true;
    for (; i < n && ((s[i] >= '0' && s[i] <= '9') || strchr("+-.eE", s[i])) && s[i]; i++)
        if (s[i] == '.' || s[i] == 'e' || s[i] == 'E') whole = false;
    bool quoted = whole && i >= LONG_INTEGER;
    if (quoted) buf_putc(out, '"');
    buf_append(out, s, i);
    if (quoted) buf_putc(out, '"');
    return i;
}

static void rewrite(const char *s, size_t n, buf *out) {
    bool in_string = false;
    for (size_t i = 0; i < n;) {
        size_t from = i;
        if (in_string) {
            while (i < n && s[i] != '"' && s[i] != '\\') i++;
            buf_append(out, s + from, i - from);
            if (i < n && s[i] == '\\') {
                i += rewrite_escape(s + i, n - i, out);
            } else if (i < n) {
                buf_putc(out, s[i++]);
                in_string = false;
            }
            continue;
        }
        while (i < n && s[i] != '"' && s[i] != '-' && !(s[i] >= '0' && s[i] <= '9')) i++;
        buf_append(out, s + from, i - from);
        if (i < n && s[i] == '"') {
            buf_putc(out, s[i++]);
            in_string = true;
        } else if (i < n) {
            i += rewrite_number(s + i, n - i, out);
        }
    }
}

// ---- values

// Where the first line inside s[1..n) begins that opens a value at the same indentation; 0 when there is none.
static size_t find_sibling(const json_stream *j, const char *s, size_t n) {
    if (!j->first_on_line) return 0;
    for (const char *lf = memchr(s, '\n', n); lf; lf = memchr(lf + 1, '\n', n - (size_t)(lf + 1 - s))) {
        size_t at = (size_t)(lf - s) + 1, blanks = 0;
        while (at + blanks < n && (s[at + blanks] == ' ' || s[at + blanks] == '\t')) blanks++;
        if (blanks == j->indent && at + blanks < n && s[at + blanks] == s[0]) return at;
    }
    return 0;
}

// The value that begins at the current place: its length, what the scan saw, and whether it is whole.
static size_t measure(json_stream *j, scan *v, const char **s) {
    size_t n, length = 0;
    *s = text_in_peek(j->in, 1, &n);
    while (!v->done) {
        length += scan_bytes(v, *s + length, n - length);
        if (v->done || length > VALUE_MAX) break;
        size_t before = n;
        *s = text_in_peek(j->in, n + 1, &n);
        if (n == before) break;
    }
    // A lone number or word may end with the text.
    if (v->depth == 0 && !v->in_string && v->begun) v->done = true;
    return length;
}

// Leaves a broken value behind: up to its first sibling, or up to its end.
static json_got pass_broken(json_stream *j, const char *s, size_t length, bool whole) {
    size_t sibling = find_sibling(j, s, length);
    bool endless = !sibling && !whole;
    text_in_skip(j->in, sibling ? sibling - 1 : length ? length : 1);
    took(j);
    if (endless) return JSON_CUT;
    j->intact = text_in_place(j->in);
    return JSON_BAD;
}

static bool is_usable(const scan *v, size_t length) {
    bool whole = v->done || (v->depth == 0 && v->begun && !v->in_string);
    return whole && !v->broken && length && v->deepest <= DEPTH_MAX && v->parts <= PARTS_MAX;
}

// cJSON on a value that needs no copy in most logs.
static cJSON *parse(json_stream *j, const scan *v, const char *s, size_t n) {
    if (v->to_rewrite) {
        buf_clear(&j->scratch);
        rewrite(s, n, &j->scratch);
        s = buf_str(&j->scratch);
        n = j->scratch.len;
    }
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(s, n, &end, false);
    if (value && end != s + n) {
        cJSON_Delete(value);
        value = NULL;
    }
    return value;
}

cJSON *json_stream_parse(json_stream *j, json_got *got) {
    scan v = {0};
    const char *s;
    *got = JSON_CUT;
    if (!json_stream_next(j)) return NULL;
    size_t length = measure(j, &v, &s);
    cJSON *value = is_usable(&v, length) ? parse(j, &v, s, length) : NULL;
    if (!value) {
        *got = pass_broken(j, s, length, v.done);
        return NULL;
    }
    text_in_skip(j->in, length);
    took(j);
    j->intact = text_in_place(j->in);
    *got = JSON_GOT;
    return value;
}

json_got json_stream_pass(json_stream *j) {
    scan v = {0};
    if (!json_stream_next(j)) return JSON_CUT;
    while (!v.done) {
        size_t n;
        const char *s = text_in_peek(j->in, 1, &n);
        if (!n) break;
        text_in_skip(j->in, scan_bytes(&v, s, n));
    }
    took(j);
    if (v.done) j->intact = text_in_place(j->in);
    return v.done ? JSON_GOT : JSON_CUT;
}

json_got json_stream_key(json_stream *j) {
    json_stream_eat(j, ',');
    char c = json_stream_next(j);
    if (!c) return JSON_CUT;
    if (json_stream_eat(j, '}')) return JSON_END;
    if (c != '"') return JSON_BAD;
    scan v = {0};
    const char *s;
    size_t length = measure(j, &v, &s);
    if (!v.done) return JSON_CUT;
    buf_clear(&j->key);
    buf_append(&j->key, s + 1, length - 2);
    text_in_skip(j->in, length);
    took(j);
    if (json_stream_eat(j, ':')) return JSON_GOT;
    return json_stream_next(j) ? JSON_BAD : JSON_CUT;
}

json_got json_stream_item(json_stream *j) {
    for (;;) {
        char c = json_stream_next(j);
        if (!c) return JSON_CUT;
        if (json_stream_eat(j, ']')) return JSON_END;
        if (c != ',' && c != '}' && c != ':') return JSON_GOT;
        json_stream_eat(j, c); // a comma, or what a broken value left behind
    }
}

cJSON *json_stream_whole(const char *s, size_t n) {
    scan v = {0};
    json_stream j = {0};
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\n')) n--;
    size_t blanks = 0;
    while (blanks < n && (s[blanks] == ' ' || s[blanks] == '\t' || s[blanks] == '\n')) blanks++;
    size_t length = scan_bytes(&v, s + blanks, n - blanks);
    if (length != n - blanks || !is_usable(&v, length)) return NULL;
    cJSON *value = parse(&j, &v, s + blanks, length);
    json_stream_end(&j);
    return value;
}
