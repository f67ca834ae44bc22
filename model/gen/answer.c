// Holding back: at any moment the end of the text may be the beginning of a stop string; the longest such end waits.
#include "model/gen/answer.h"

#include <string.h>

answer answer_start(const tokenizer *t) {
    answer a = {.has_tokenizer = t != NULL};
    if (t) a.stream = text_stream_start(t);
    return a;
}

void answer_free(answer *a) {
    buf_free(&a->text);
}

static void cut(answer *a, size_t at) {
    buf_remove(&a->text, at, a->text.len - at);
    a->chars = utf8_length(buf_str(&a->text), a->text.len);
    a->finished = true;
}

// Where the first stop string begins; SIZE_MAX when there is none.
static size_t find_stop(const answer *a, const gen_settings *s) {
    const char *text = buf_str(&a->text);
    size_t first = SIZE_MAX;
    for (int i = 0; i < s->n_stops; i++) {
        size_t n = strlen(s->stops[i]);
        for (size_t at = a->shown; n > 0 && at + n <= a->text.len && at < first; at++)
            if (memcmp(text + at, s->stops[i], n) == 0) first = at;
    }
    return first;
}

// Where character number n begins; SIZE_MAX when there are not more than n.
static size_t byte_of_char(const answer *a, size_t n) {
    if (a->chars <= n) return SIZE_MAX;
    const char *text = buf_str(&a->text);
    size_t at = 0;
    for (; n > 0; n--) {
        uint32_t cp;
        int len = utf8_decode(text + at, a->text.len - at, &cp);
        at += len > 0 ? (size_t)len : 1;
    }
    return at;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t';
}

// Does a sentence end before byte `at`? What stands there is known.
static bool ends_sentence(const char *text, size_t at) {
    static const char *const wide[] = {"\u3002", "\uff01", "\uff1f"}, *const narrow[] = {".", "!", "?", "\u2026"};
    for (size_t i = 0; i < 3; i++)
        if (at >= 3 && memcmp(text + at - 3, wide[i], 3) == 0) return true;
    if (!is_blank(text[at])) return false;
    while (at > 0 && strchr("\"')*_", text[at - 1])) at--;
    for (size_t i = 0; i < 4; i++) {
        size_t n = strlen(narrow[i]);
        if (at >= n && memcmp(text + at - n, narrow[i], n) == 0) return true;
    }
    return text[at] == '\n';
}

// Where a text of about max_chars characters is cut, so that no word is: at the end of a sentence from a fifth before
// the limit to a quarter behind it, else at the end of a word there, at last (nothing but letters) anywhere.
static size_t find_good_end(const answer *a, size_t max_chars) {
    const char *text = buf_str(&a->text);
    size_t from = byte_of_char(a, max_chars - max_chars / 5), far = byte_of_char(a, max_chars + max_chars / 4);
    for (size_t at = from; at < a->text.len; at++) {
        if (at > 0 && ((unsigned char)text[at] & 0xc0) != 0x80 && ends_sentence(text, at)) return at;
        if (at >= far && is_blank(text[at])) return at;
    }
    return byte_of_char(a, max_chars + max_chars / 2);
}

static size_t find_limit(const answer *a, const gen_settings *s) {
    size_t max_chars = (size_t)s->max_chars;
    if (s->max_chars <= 0) return SIZE_MAX;
    if (s->whole_words) return find_good_end(a, max_chars);
    return a->chars == max_chars ? a->text.len : byte_of_char(a, max_chars);
}

answer_end answer_add(answer *a, const gen_settings *s, int32_t id) {
    if (!a->has_tokenizer) return ANSWER_GOES_ON;
    size_t old = a->text.len;
    text_stream_push(&a->stream, id, &a->text);
    a->chars += utf8_length(buf_str(&a->text) + old, a->text.len - old);

    size_t stop = find_stop(a, s), limit = find_limit(a, s);
    if (limit < a->shown) limit = a->shown; // the limit was lowered meanwhile
    if (stop == SIZE_MAX && limit == SIZE_MAX) return ANSWER_GOES_ON;
    cut(a, stop <= limit ? stop : limit);
    return stop <= limit ? ANSWER_STOP_TEXT : ANSWER_MAX_CHARS;
}

void answer_finish(answer *a) {
    if (a->finished) return;
    if (a->has_tokenizer) text_stream_end(&a->stream, &a->text);
    a->chars = utf8_length(buf_str(&a->text), a->text.len);
    a->finished = true;
}

static size_t held_back(const answer *a, const gen_settings *s) {
    size_t longest = 0, waiting = a->text.len - a->shown;
    for (int i = 0; i < s->n_stops; i++) {
        size_t n = strlen(s->stops[i]);
        for (size_t k = n > waiting ? waiting : n - 1; n > 0 && k > longest; k--)
            if (memcmp(a->text.data + a->text.len - k, s->stops[i], k) == 0) longest = k;
    }
    return longest;
}

const char *answer_news(answer *a, const gen_settings *s, size_t *n) {
    size_t end = a->text.len - (a->finished ? 0 : held_back(a, s));
    const char *news = buf_str(&a->text) + a->shown;
    *n = end - a->shown;
    a->shown = end;
    return news;
}
