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

answer_end answer_add(answer *a, const gen_settings *s, int32_t id) {
    if (!a->has_tokenizer) return ANSWER_GOES_ON;
    size_t old = a->text.len;
    text_stream_push(&a->stream, id, &a->text);
    a->chars += utf8_length(buf_str(&a->text) + old, a->text.len - old);

    size_t stop = find_stop(a, s);
    size_t limit = SIZE_MAX;
    if (s->max_chars > 0) {
        limit = byte_of_char(a, (size_t)s->max_chars);
        if (limit == SIZE_MAX && a->chars == (size_t)s->max_chars) limit = a->text.len;
        if (limit < a->shown) limit = a->shown; // the limit was lowered meanwhile
    }
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
