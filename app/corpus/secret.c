// Most issuers mark their secrets with a prefix and a length; these stand in a table. Three kinds have a shape instead:
// private keys between their armour lines, signed web tokens (RFC 7519) and the tokens of chat bots, whose parts are
// joined by '.' or ':'.
#include "app/corpus/secret.h"

typedef enum alphabet { UPPER_DIGITS, ALNUM, WORD, URL_SAFE } alphabet; // the last: base64url of RFC 4648

typedef struct mark {
    const char *prefix;
    alphabet alphabet;
    size_t least, most; // characters behind the prefix
} mark;

static const mark marks[] = {
    {"AKIA", UPPER_DIGITS, 16, 16}, {"ASIA", UPPER_DIGITS, 16, 16}, {"ghp_", ALNUM, 36, 255},
    {"gho_", ALNUM, 36, 255},       {"ghu_", ALNUM, 36, 255},       {"ghs_", ALNUM, 36, 255},
    {"ghr_", ALNUM, 36, 255},       {"github_pat_", WORD, 22, 255}, {"glpat-", URL_SAFE, 20, 255},
    {"xoxb-", URL_SAFE, 20, 255},   {"xoxp-", URL_SAFE, 20, 255},   {"xoxa-", URL_SAFE, 20, 255},
    {"xoxs-", URL_SAFE, 20, 255},   {"sk_live_", ALNUM, 16, 255},   {"sk_test_", ALNUM, 16, 255},
    {"rk_live_", ALNUM, 16, 255},   {"sk-", URL_SAFE, 32, 255},     {"AIza", URL_SAFE, 35, 35},
    {"hf_", ALNUM, 30, 255},        {"npm_", ALNUM, 36, 36},        {"pypi-", URL_SAFE, 50, 255},
    {"dop_v1_", ALNUM, 64, 64},
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_in(alphabet a, char c) {
    if (is_digit(c) || (c >= 'A' && c <= 'Z')) return true;
    if (a == UPPER_DIGITS) return false;
    if (c >= 'a' && c <= 'z') return true;
    return (c == '_' && a != ALNUM) || (c == '-' && a == URL_SAFE);
}

// How many characters of t, from `at` on, are of the alphabet.
static size_t run(span t, size_t at, alphabet a) {
    size_t n = 0;
    while (at + n < t.n && is_in(a, t.s[at + n])) n++;
    return n;
}

static size_t find_marked(span t) {
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t at = strlen(marks[i].prefix);
        if (!span_starts(t, marks[i].prefix)) continue;
        size_t n = run(t, at, marks[i].alphabet);
        bool has_digit = false;
        for (size_t k = 0; k < n; k++) has_digit = has_digit || is_digit(t.s[at + k]);
        if (has_digit && n >= marks[i].least && n <= marks[i].most) return at + n;
    }
    return 0;
}

// "-----BEGIN RSA PRIVATE KEY-----" to its end line; one that was cut off goes to the end of the text.
static size_t find_armoured(span t) {
    if (!span_starts(t, "-----BEGIN ")) return 0;
    ptrdiff_t key = span_find(t, "PRIVATE KEY"), line = span_find(t, "\n");
    if (key < 0 || key > 40 || (line >= 0 && line < key)) return 0;
    ptrdiff_t end = span_find(t, "-----END ");
    if (end < 0) return t.n;
    span rest = span_from(t, (size_t)end + 9);
    ptrdiff_t close = span_find(rest, "-----");
    return close < 0 ? t.n : (size_t)end + 9 + (size_t)close + 5;
}

// Parts of base64url joined by dots; each has at least the length asked for. 0 when there are fewer parts.
static size_t find_parts(span t, const size_t *least, size_t n_parts) {
    size_t at = 0;
    for (size_t i = 0; i < n_parts; i++) {
        size_t n = run(t, at, URL_SAFE);
        if (n < least[i]) return 0;
        at += n;
        if (i + 1 == n_parts) return at;
        if (at == t.n || t.s[at++] != '.') return 0;
    }
    return 0;
}

// A JSON header in base64 begins with "eyJ".
static size_t find_web_token(span t) {
    static const size_t least[] = {10, 10, 20};
    return span_starts(t, "eyJ") ? find_parts(t, least, 3) : 0;
}

// Discord's: an account's number in base64 (which begins with M, N or O), a time of six characters, a signature.
// Telegram's: an account's number, ':', 35 characters.
static size_t find_bot_token(span t) {
    static const size_t least[] = {23, 6, 27};
    if (*t.s >= 'M' && *t.s <= 'O') {
        size_t first = run(t, 0, URL_SAFE), second = first < t.n ? run(t, first + 1, URL_SAFE) : 0;
        return first <= 28 && second <= 7 ? find_parts(t, least, 3) : 0;
    }
    size_t digits = 0;
    while (digits < t.n && is_digit(t.s[digits])) digits++;
    if (digits < 8 || digits > 10 || digits == t.n || t.s[digits] != ':') return 0;
    return run(t, digits + 1, URL_SAFE) == 35 ? digits + 36 : 0;
}

bool secret_may_begin(char c) {
    return is_digit(c) || (c && strchr("-AMNOdeghnprsx", c));
}

size_t secret_find(span t) {
    size_t n = find_marked(t);
    if (!n) n = find_armoured(t);
    if (!n) n = find_web_token(t);
    return n ? n : find_bot_token(t);
}
