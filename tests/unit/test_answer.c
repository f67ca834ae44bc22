// The text of an answer: where a limit of characters cuts it, exactly or at the end of a sentence or a word.
#include "model/gen/answer.h"
#include "tests/bytes.h"
#include "tests/test.h"

static const tokenizer *bytes;

// What is left of text when it comes byte by byte; *end: how it ended.
static char *say(const char *text, const gen_settings *s, answer_end *end) {
    answer a = answer_start(bytes);
    buf shown = {0};
    *end = ANSWER_GOES_ON;
    for (size_t i = 0; text[i] && *end == ANSWER_GOES_ON; i++) {
        size_t n;
        *end = answer_add(&a, s, (unsigned char)text[i]);
        const char *news = answer_news(&a, s, &n);
        buf_append(&shown, news, n);
    }
    answer_finish(&a);
    size_t n;
    const char *news = answer_news(&a, s, &n);
    buf_append(&shown, news, n);
    OK(strncmp(buf_str(&a.text), buf_str(&shown), a.text.len) == 0 && shown.len >= a.text.len, "what is shown is kept");
    answer_free(&a);
    return buf_take(&shown);
}

static void test_limits(void) {
    static const struct {
        int max;
        bool whole;
        const char *text, *left;
    } CASES[] = {
        {5, false, "one two three", "one t"},
        {5, false, "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", "\u00e9\u00e9\u00e9\u00e9\u00e9"},
        // A sentence that ends near the limit, before or behind it.
        {20, true, "It was a long day. And then some more of it.", "It was a long day."},
        {20, true, "It was a very long day. And then more.", "It was a very long day."},
        {20, true, "He said \"it was late\" and \"no!\" Then he left.", "He said \"it was late\" and"},
        {20, true, "first line is here\nsecond line is here", "first line is here"},
        {20, true, "Version 1.5 of 2.25 and 3.75 of it", "Version 1.5 of 2.25 and 3.75"},
        // No sentence ends: the word is finished.
        {10, true, "one two three four five", "one two three"},
        {10, true, "one two three", "one two three"},
        // No word ends either.
        {10, true, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa"},
        {6, true, "\u4eca\u65e5\u306f\u6674\u308c\u3002\u660e\u65e5\u3082", "\u4eca\u65e5\u306f\u6674\u308c\u3002"},
        {0, true, "no limit at all, however long", "no limit at all, however long"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        gen_settings s = gen_settings_raw();
        answer_end end;
        s.max_chars = CASES[i].max;
        s.whole_words = CASES[i].whole;
        char *left = say(CASES[i].text, &s, &end);
        OK(strcmp(left, CASES[i].left) == 0, "%d characters of \"%s\": \"%s\"", CASES[i].max, CASES[i].text, left);
        OK((end == ANSWER_MAX_CHARS) == (strlen(left) < strlen(CASES[i].text)), "and that is why it ended");
        free(left);
    }
}

int main(void) {
    char *folder = make_folder();
    tokenizer *t = bytes_tokenizer(folder);
    bytes = t;
    test_limits();
    tokenizer_free(t);
    rmdir(folder);
    free(folder);
    return test_end();
}
