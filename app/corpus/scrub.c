// One walk over the text: every detail has a byte that it can begin with (a digit, '+', '('), or, for an e-mail address,
// an '@' from which it is found in both directions. What was copied is cut back when something is found.
#include "app/corpus/scrub.h"
#include "app/corpus/secret.h"
#include "app/corpus/span.h"
#include "app/read_all.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <utf8proc.h>

static const char *const names[SCRUB_KINDS] = {"email", "phone", "card", "ip", "key", "word"};
static const char *const marks[SCRUB_KINDS] = {"[email]", "[phone]", "[card]", "[ip]", "[key]", "[name]"};

enum { BUCKETS = 256 };

typedef struct hidden_word {
    uint32_t *letters; // lower case
    size_t n;
} hidden_word;

struct scrub_words {
    hidden_word *list;
    size_t n, cap;
    uint8_t first[BUCKETS]; // some word begins with a letter of this hash
};

const char *scrub_name(scrub_kind kind) {
    return names[kind];
}

int scrub_flags(const char *list, unsigned *flags, error *err) {
    *flags = 0;
    for (span rest = {list, strlen(list)}; rest.n;) {
        const char *comma = memchr(rest.s, ',', rest.n);
        span word = span_trim((span){rest.s, comma ? (size_t)(comma - rest.s) : rest.n});
        unsigned flag = span_is(word, "all") ? SCRUB_ALL : 0;
        for (int k = 0; k < SCRUB_KIND_WORD; k++)
            if (span_is(word, names[k])) flag = 1u << k;
        if (!flag)
            return error_set(err, "--scrub knows email, phone, card, ip, key and all, not \"%.*s\"", (int)word.n,
                             word.s);
        *flags |= flag;
        rest = span_from(rest, comma ? (size_t)(comma - rest.s) + 1 : rest.n);
    }
    return *flags ? 0 : error_set(err, "--scrub takes email, phone, card, ip, key or all, with commas between them");
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

// Part of a word or number: what must not touch a detail. Bytes above ASCII count as letters.
static bool is_wordlike(char c) {
    return is_digit(c) || is_letter(c) || c == '_' || (c & 0x80);
}

// ---- e-mail

static bool is_local(char c) {
    return is_digit(c) || is_letter(c) || strchr("._%+-", c);
}

// s[at] is '@'; *before bytes in front of it and *after behind it belong to an address.
static bool find_email(span t, size_t at, size_t floor, size_t *before, size_t *after) {
    size_t from = at, i = at + 1, label = i, dot = 0;
    while (from > floor && t.s[from - 1] && is_local(t.s[from - 1])) from--;
    while (from < at && (t.s[from] == '.' || t.s[from] == '-')) from++;
    if (from == at || (from > floor && (t.s[from - 1] & 0x80))) return false;
    for (; i < t.n && (is_digit(t.s[i]) || is_letter(t.s[i]) || t.s[i] == '-' || t.s[i] == '.'); i++) {
        if (t.s[i] != '.') continue;
        if (i == label) break;
        dot = i;
        label = i + 1;
    }
    if (i > at + 1 && t.s[i - 1] == '.') { // a full stop behind the address
        i--;
        dot = 0;
        for (size_t k = at + 1; k < i; k++)
            if (t.s[k] == '.') dot = k;
    }
    size_t top = dot ? i - dot - 1 : 0;
    if (!dot || top < 2) return false;
    for (size_t k = dot + 1; k < i; k++)
        if (!is_letter(t.s[k])) return false;
    *before = at - from;
    *after = i - at - 1;
    return true;
}

// ---- runs of digits with separators

typedef struct digit_run {
    char digits[24];
    int n;          // digits
    int groups[12]; // digits between separators
    int n_groups;
    char separators[12]; // in front of each group but the first
    size_t length;       // bytes
} digit_run;

// Digits, with single separators of the given kinds between them, as far as they go.
static bool read_digits(span t, const char *separators, digit_run *r) {
    *r = (digit_run){0};
    size_t i = 0;
    int group = 0;
    while (i < t.n) {
        if (is_digit(t.s[i])) {
            if (r->n == 24) return false;
            r->digits[r->n++] = t.s[i++];
            group++;
        } else if (group && i + 1 < t.n && strchr(separators, t.s[i]) && is_digit(t.s[i + 1]) && r->n_groups < 11) {
            r->groups[r->n_groups++] = group;
            r->separators[r->n_groups] = t.s[i++];
            group = 0;
        } else {
            break;
        }
    }
    r->groups[r->n_groups++] = group;
    r->length = i;
    return r->n > 0;
}

static bool ends_cleanly(span t, size_t length) {
    return length >= t.n || !is_wordlike(t.s[length]);
}

static bool passes_luhn(const char *digits, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        if (i % 2) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return sum % 10 == 0;
}

// Cards begin with 2..6. Longer numbers without separators are ids (a tenth of them would pass the check).
static size_t find_card(span t) {
    digit_run r;
    if (!read_digits(t, " -", &r) || !ends_cleanly(t, r.length) || r.n < 13 || r.n > 19) return 0;
    if (r.digits[0] < '2' || r.digits[0] > '6' || (r.n > 16 && r.n_groups == 1)) return 0;
    for (int i = 1; i < r.n_groups; i++)
        if (r.separators[i] != r.separators[1] || r.groups[i] < 2) return 0;
    return passes_luhn(r.digits, r.n) ? r.length : 0;
}

// "+49 30 1234567": at least 8 digits, with brackets around one group at most.
static size_t find_international(span t) {
    size_t i = 1, digits = 0, last = 0;
    for (; i < t.n && digits < 16; i++) {
        if (is_digit(t.s[i])) {
            digits++;
            last = i;
        } else if (!strchr(" -.()/", t.s[i]) || i - last > 2) {
            break;
        }
    }
    return digits >= 8 && digits <= 15 && t.n > 1 && is_digit(t.s[1]) && ends_cleanly(t, last + 1) ? last + 1 : 0;
}

// "(555) 010-9999"
static size_t find_bracketed(span t) {
    size_t area = 1, behind;
    digit_run r;
    while (area < t.n && is_digit(t.s[area])) area++;
    if (area < 3 || area > 6 || area >= t.n || t.s[area] != ')') return 0;
    behind = area + 1;
    if (behind < t.n && (t.s[behind] == ' ' || t.s[behind] == '-')) behind++;
    if (behind >= t.n || !read_digits(span_from(t, behind), " -.", &r) || r.n < 6 || r.n > 9) return 0;
    return ends_cleanly(t, behind + r.length) ? behind + r.length : 0;
}

// "555-010-9999", "0171 2345678", "030/1234567"
static size_t find_national(span t) {
    digit_run r;
    if (!read_digits(t, " -./", &r) || r.n_groups < 2 || !ends_cleanly(t, r.length)) return 0;
    bool ten = r.n_groups == 3 && r.groups[0] == 3 && r.groups[1] == 3 && r.groups[2] == 4 &&
               r.separators[1] == r.separators[2] && r.separators[1] != '/';
    bool trunk = r.digits[0] == '0' && r.groups[0] >= 3 && r.groups[0] <= 5 && r.n >= 9 && r.n <= 13;
    for (int i = 1; i < r.n_groups; i++)
        if (r.groups[i] < 2 || r.separators[i] == '.') trunk = false;
    return ten || trunk ? r.length : 0;
}

static size_t find_phone(span t) {
    if (*t.s == '+') return find_international(t);
    if (*t.s == '(') return find_bracketed(t);
    return find_national(t);
}

static size_t find_ip(span t) {
    char text[48];
    size_t i = 0, dots = 0, colons = 0, hex_digits = 0;
    unsigned char address[16];
    for (; i < t.n && i + 1 < sizeof text; i++) {
        char c = t.s[i];
        if (c == '.' && (i + 1 >= t.n || !is_digit(t.s[i + 1]))) break;
        if (c == ':' && colons >= 2 &&
            (i + 1 >= t.n || (!is_digit(t.s[i + 1]) && !is_letter(t.s[i + 1]) && t.s[i + 1] != ':')))
            break;
        if (c != '.' && c != ':' && !is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f')) break;
        dots += c == '.';
        colons += c == ':';
        hex_digits += is_digit(c);
        text[i] = c;
    }
    text[i] = '\0';
    if (i < t.n && is_wordlike(t.s[i])) return 0;
    if (dots == 3 && colons == 0) return inet_pton(AF_INET, text, address) == 1 ? i : 0;
    if (dots == 3 && colons == 1) { // an address with a port: the port stays
        size_t n = strcspn(text, ":");
        text[n] = '\0';
        return inet_pton(AF_INET, text, address) == 1 ? n : 0;
    }
    return colons >= 2 && i >= 6 && hex_digits && inet_pton(AF_INET6, text, address) == 1 ? i : 0;
}

// ---- words

static uint32_t folded(uint32_t c) {
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

static bool is_word_character(uint32_t c) {
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND: return true;
    default: return c == '_';
    }
}

static void add_word(scrub_words *w, span line) {
    hidden_word word = {0};
    size_t cap = 0;
    uint32_t c;
    for (int len; line.n && (len = utf8_decode(line.s, line.n, &c)) > 0; line = span_from(line, (size_t)len)) {
        word.letters = mem_reserve(word.letters, &cap, word.n + 1, sizeof *word.letters);
        word.letters[word.n++] = folded(c);
    }
    if (!word.n) return;
    w->list = mem_reserve(w->list, &w->cap, w->n + 1, sizeof *w->list);
    w->list[w->n++] = word;
    w->first[word.letters[0] % BUCKETS] = 1;
}

scrub_words *scrub_words_open(const char *path, error *err) {
    buf text = {0};
    if (read_all(path, &text, err) != 0) {
        buf_free(&text);
        return NULL;
    }
    scrub_words *w = mem_calloc(1, sizeof *w);
    for (span rest = span_of_buf(&text); rest.n;) {
        const char *lf = memchr(rest.s, '\n', rest.n);
        span line = span_trim((span){rest.s, lf ? (size_t)(lf - rest.s) : rest.n});
        if (line.n && *line.s != '#') add_word(w, line);
        rest = span_from(rest, lf ? (size_t)(lf - rest.s) + 1 : rest.n);
    }
    buf_free(&text);
    if (w->n) return w;
    scrub_words_free(w);
    error_set(err, "%s: there is no word in it; write one a line", path);
    return NULL;
}

void scrub_words_free(scrub_words *w) {
    if (!w) return;
    for (size_t i = 0; i < w->n; i++) free(w->list[i].letters);
    free(w->list);
    free(w);
}

static size_t match_word(const hidden_word *word, span t) {
    size_t at = 0;
    uint32_t c;
    for (size_t i = 0; i < word->n; i++) {
        int len = utf8_decode(t.s + at, t.n - at, &c);
        if (len <= 0 || folded(c) != word->letters[i]) return 0;
        at += (size_t)len;
    }
    if (at < t.n && utf8_decode(t.s + at, t.n - at, &c) > 0 && is_word_character(c)) return 0;
    return at;
}

// The longest hidden word at the beginning of t, where a word begins.
static size_t find_word(const scrub_words *w, span t) {
    uint32_t c;
    size_t longest = 0;
    if (utf8_decode(t.s, t.n, &c) <= 0 || !w->first[folded(c) % BUCKETS]) return 0;
    for (size_t i = 0; i < w->n; i++) {
        size_t n = match_word(&w->list[i], t);
        if (n > longest) longest = n;
    }
    return longest;
}

// ---- the walk

typedef struct walk {
    span text;
    unsigned flags;
    const scrub_words *words;
    buf *out;
    int64_t *counts;
    size_t at, floor; // floor: what lies before was replaced
    bool after_word;  // the character before `at` is part of a word
} walk;

static void replace(walk *w, scrub_kind kind, size_t length) {
    buf_puts(w->out, marks[kind]);
    w->counts[kind]++;
    w->at += length;
    w->floor = w->at;
    w->after_word = false;
}

// A detail that begins here; card before phone, since a card's groups look like a number to dial.
static bool find_number(walk *w) {
    span t = span_from(w->text, w->at);
    char c = *t.s, before = w->at > w->floor ? t.s[-1] : ' ';
    if (is_wordlike(before) || strchr(".#-+", before)) return false;
    bool digit = is_digit(c);
    size_t n;
    if ((w->flags & SCRUB_IP) && (digit || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')) && before != ':' &&
        (n = find_ip(t)))
        return replace(w, SCRUB_KIND_IP, n), true;
    if (before == '/') return false;
    if ((w->flags & SCRUB_CARD) && digit && (n = find_card(t))) return replace(w, SCRUB_KIND_CARD, n), true;
    if ((w->flags & SCRUB_PHONE) && (digit || c == '+' || c == '(') && (n = find_phone(t)))
        return replace(w, SCRUB_KIND_PHONE, n), true;
    return false;
}

static bool find_address(walk *w) {
    size_t before, after;
    if (!(w->flags & SCRUB_EMAIL) || w->text.s[w->at] != '@') return false;
    if (!find_email(w->text, w->at, w->floor, &before, &after)) return false;
    w->out->len -= before;
    replace(w, SCRUB_KIND_EMAIL, after + 1);
    return true;
}

static bool find_secret(walk *w) {
    if (!(w->flags & SCRUB_KEY) || !secret_may_begin(w->text.s[w->at])) return false;
    if (w->at > w->floor && is_wordlike(w->text.s[w->at - 1])) return false;
    size_t n = secret_find(span_from(w->text, w->at));
    if (n) replace(w, SCRUB_KIND_KEY, n);
    return n > 0;
}

static bool find_hidden(walk *w) {
    size_t n = w->words && !w->after_word ? find_word(w->words, span_from(w->text, w->at)) : 0;
    if (n) replace(w, SCRUB_KIND_WORD, n);
    return n > 0;
}

void scrub_text(const char *s, size_t n, unsigned flags, const scrub_words *words, buf *out, int64_t *counts) {
    walk w = {.text = {s, n}, .flags = flags, .words = words, .out = out, .counts = counts};
    while (w.at < n) {
        if (find_secret(&w) || find_address(&w) || find_number(&w) || find_hidden(&w)) continue;
        uint32_t c = 0;
        int len = utf8_decode(s + w.at, n - w.at, &c);
        if (len <= 0) len = 1;
        buf_append(out, s + w.at, (size_t)len);
        w.at += (size_t)len;
        if (words) w.after_word = is_word_character(c);
    }
    buf_append(out, "", 0);
}
