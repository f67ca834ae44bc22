// The filter in front of the terminal: whole texts, and the same cut at every place.
#include "app/clean.h"
#include "tests/test.h"

#include <string.h>

static const struct {
    const char *in, *out;
} cases[] = {
    {"plain text\n\ttabbed", "plain text\n\ttabbed"},
    {"h\u00e9llo \u4e16\u754c \U0001f600\u200d\U0001f4bb", "h\u00e9llo \u4e16\u754c \U0001f600\u200d\U0001f4bb"},
    {"a\x1b[31mred\x1b[0m b", "ared b"},
    {"\x1b[?1049h\x1b[2J\x1b[1;1Hx", "x"},
    {"\x1b]0;title\x07x", "x"},
    {"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"},
    {"\x1bPq#0~~\x1b\\x", "x"},
    {"\x1b_app\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\x", "x"},
    {"\x1b(0lqk\x1b(B\x1b"
     "7\x1b"
     "8\x1b"
     "c\x1b=x",
     "lqkx"},
    {"\xc2\x9b"
     "31mx\xc2\x9d"
     "0;t\xc2\x9cy\xc2\x90q\xc2\x9cz",
     "xyz"},
    {"a\rb\bc\x07"
     "d\x7f"
     "e\x0e",
     "abcde"},
    {"\r\n", "\n"},
    {"x\x1b]never ends\nnext line", "x\nnext line"},
    {"x\x1b[12\nnext", "x\nnext"},
    {"x\x1b[31\u00e9y", "x\u00e9y"},
    {"x\x1b\x1b[1my", "xy"},
    {"x\x1b]a\x1b[31my", "xy"},
    {"a\u202eevil\u202c\u2066b\u2069", "aevilb"},
    {"\xff\xfe"
     "a\xc3(",
     "\ufffd\ufffda\ufffd("},
    {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
    {"half\xe4\xb8", "half\ufffd"},
    {"\x9b"
     "31m",
     "\ufffd31m"},
    {"", ""},
};

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].in);
        buf whole = {0}, single = {0};
        clean_text(cases[i].in, n, &whole);
        OK(strcmp(buf_str(&whole), cases[i].out) == 0, "case %zu: \"%s\"", i, buf_str(&whole));
        for (size_t cut = 0; cut <= n; cut++) {
            buf parts = {0};
            clean c = {0};
            clean_feed(&c, cases[i].in, cut, &parts);
            clean_feed(&c, cases[i].in + cut, n - cut, &parts);
            clean_end(&c, &parts);
            OK(strcmp(buf_str(&parts), buf_str(&whole)) == 0, "case %zu cut at %zu: \"%s\"", i, cut, buf_str(&parts));
            buf_free(&parts);
        }
        clean c = {0};
        for (size_t k = 0; k < n; k++) clean_feed(&c, cases[i].in + k, 1, &single);
        clean_end(&c, &single);
        OK(strcmp(buf_str(&single), buf_str(&whole)) == 0, "case %zu byte by byte: \"%s\"", i, buf_str(&single));
        OK(c.state == CLEAN_TEXT && c.n_pending == 0, "afterwards it is as new");
        buf_free(&whole);
        buf_free(&single);
    }
    buf out = {0};
    clean_text("a\0b", 3, &out);
    OK(out.len == 2 && strcmp(out.data, "ab") == 0, "NUL is dropped");
    buf_free(&out);
    return test_end();
}
