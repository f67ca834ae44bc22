// A boundary is a place where the next piece may begin: behind a line break, or behind the white space after a full
// stop, question mark or the like with the quotes and brackets that close after it.
#include "app/corpus/pieces.h"
#include "app/corpus/span.h"

int piece_boundary_parse(const char *name, piece_boundary *b, error *err) {
    *b = strcmp(name, "lines") == 0 ? PIECE_LINES : PIECE_SENTENCES;
    if (*b == PIECE_LINES || strcmp(name, "sentences") == 0) return 0;
    return error_set(err, "--keep is \"%s\"; it takes sentences or lines", name);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(const char *s, size_t n, size_t at) {
    while (at < n && is_blank(s[at])) at++;
    return at;
}

// Length of the mark at s if it is one of the list; 0 otherwise.
static size_t mark_at(span t, const char *const *marks) {
    for (; *marks; marks++)
        if (span_starts(t, *marks)) return strlen(*marks);
    return 0;
}

// A sentence ends at s[at]: the length of its end marks and what closes after them. Full-width marks need no space.
static size_t sentence_end(const char *s, size_t n, size_t at) {
    static const char *const narrow[] = {".", "!", "?", "\xE2\x80\xA6", NULL};
    static const char *const wide[] = {"\xE3\x80\x82", "\xEF\xBC\x81", "\xEF\xBC\x9F", NULL};
    static const char *const closing[] = {"\"",           "'", ")", "]", "\xE2\x80\x9D", "\xE2\x80\x99", "\xC2\xBB",
                                          "\xE3\x80\x8D", "*", "_", NULL};
    size_t i = at, m;
    bool is_wide = false;
    while ((m = mark_at((span){s + i, n - i}, narrow)) || (m = mark_at((span){s + i, n - i}, wide))) {
        is_wide = (unsigned char)s[i] >= 0xE3;
        i += m;
    }
    if (i == at) return 0;
    while ((m = mark_at((span){s + i, n - i}, closing))) i += m;
    return i == n || is_blank(s[i]) || is_wide ? i - at : 0;
}

// The next place behind `at` where a piece may begin; n at the end.
static size_t next_boundary(const char *s, size_t n, size_t at, piece_boundary b) {
    for (size_t i = at; i < n;) {
        size_t m = b == PIECE_SENTENCES ? sentence_end(s, n, i) : 0;
        if (m || s[i] == '\n') {
            size_t next = skip_blanks(s, n, i + (m ? m : 1));
            if (next > at) return next;
        }
        i += m ? m : 1;
    }
    return n;
}

// The place `characters` behind at; n when the text is shorter.
static size_t advance(const char *s, size_t n, size_t at, size_t characters) {
    uint32_t c;
    while (characters-- && at < n) {
        int len = utf8_decode(s + at, n - at, &c);
        at += len > 0 ? (size_t)len : 1;
    }
    return at;
}

// Where a line or sentence that is too long is cut: behind the last blank before limit, else at limit.
static size_t cut_word(const char *s, size_t at, size_t limit) {
    for (size_t i = limit; i > at + 1; i--)
        if (is_blank(s[i - 1])) return i;
    return limit;
}

static bool hand_over(const char *s, size_t from, size_t to, piece_fn *fn, void *arg) {
    span piece = span_trim((span){s + from, to - from});
    return piece.n == 0 || fn(arg, piece.s, piece.n);
}

void pieces_cut(const char *s, size_t n, size_t most, piece_boundary b, piece_fn *fn, void *arg) {
    for (size_t at = skip_blanks(s, n, 0); at < n;) {
        size_t limit = advance(s, n, at, most), end = at;
        // A boundary's white space does not count: the piece ends before it.
        for (size_t next = at; next < n;) {
            next = next_boundary(s, n, next, b);
            if (span_trim((span){s + at, next - at}).n > limit - at) break;
            end = next;
        }
        if (end == at) end = limit < n ? cut_word(s, at, limit) : n;
        if (!hand_over(s, at, end, fn, arg)) return;
        at = skip_blanks(s, n, end);
    }
}

// The first `tokens` tokens of s..n as text: its length if that text by itself has as many tokens, else 0.
static int measure_tokens(const tokenizer *t, const char *s, size_t n, size_t tokens, size_t *length, error *err) {
    enum { BYTES_A_TOKEN = 24 };
    id_list ids = {0}, again = {0};
    buf text = {0};
    *length = 0;
    size_t look = n;
    if (tokens < SIZE_MAX / BYTES_A_TOKEN && look > tokens * BYTES_A_TOKEN) look = tokens * BYTES_A_TOKEN;
    while (look < n && (s[look] & 0xC0) == 0x80) look++;
    int result = tokenizer_encode(t, s, look, 0, &ids, err);
    if (result == 0 && ids.len >= tokens) {
        tokenizer_decode(t, ids.data, tokens, true, &text);
        bool same = text.len && text.len <= n && memcmp(text.data, s, text.len) == 0 && utf8_valid(text.data, text.len);
        if (same) result = tokenizer_encode(t, text.data, text.len, 0, &again, err);
        if (same && result == 0 && again.len == tokens) *length = text.len;
    }
    id_list_free(&ids);
    id_list_free(&again);
    buf_free(&text);
    return result;
}

int pieces_of_tokens(const tokenizer *t, const char *s, size_t n, size_t tokens, piece_boundary b, piece_fn *fn,
                     void *arg, error *err) {
    for (size_t at = skip_blanks(s, n, 0); at < n;) {
        size_t length;
        if (measure_tokens(t, s + at, n - at, tokens, &length, err) != 0) return -1;
        if (length && !fn(arg, s + at, length)) return 0;
        at = next_boundary(s, n, at + (length ? length - 1 : 0), b);
    }
    return 0;
}
