// Cells and wrapping: widths, clusters, word borders, and that laying out a growing text row by row gives what laying it
// out at once gives.
#include "model/base/base.h"
#include "tests/test.h"
#include "ui/cells.h"
#include "ui/wrap.h"

#include <stdlib.h>
#include <string.h>

// The rows of s at a width, joined by '|'.
static char *rows_of(const char *s, int width) {
    wrap w = {0};
    buf out = {0};
    wrap_layout(&w, s, strlen(s), width, SIZE_MAX);
    for (size_t i = 0; i < w.n_rows; i++) {
        if (i) buf_putc(&out, '|');
        buf_append(&out, s + w.rows[i].start, w.rows[i].end - w.rows[i].start);
    }
    wrap_free(&w);
    return buf_take(&out);
}

static void expect_rows(const char *s, int width, const char *expected) {
    char *got = rows_of(s, width);
    OK(strcmp(got, expected) == 0, "\"%s\" at %d: got \"%s\", expected \"%s\"", s, width, got, expected);
    free(got);
}

static void test_words(void) {
    expect_rows("", 10, "");
    expect_rows("one two three", 20, "one two three");
    expect_rows("one two three", 8, "one two|three");
    expect_rows("one two three", 7, "one two|three");
    expect_rows("one  two", 4, "one|two");
    expect_rows("a b\nc\n", 10, "a b|c|");
    expect_rows("a\n\nb", 10, "a||b");
    expect_rows("abcdefghij", 4, "abcd|efgh|ij");
    expect_rows("ab cdefghij", 4, "ab|cdef|ghij");
    expect_rows("    code here", 9, "    code|here");
    expect_rows("        x", 4, "        |x");
    expect_rows("well-known fact", 7, "well-|known|fact");
    expect_rows("at 5-6 pm", 5, "at|5-6|pm");
    expect_rows("a\tb", 10, "a\tb");
    expect_rows("a\tbcdef", 7, "a|bcdef");
}

static void test_wide(void) {
    expect_rows("漢字漢字漢字", 5, "漢字|漢字|漢字");
    expect_rows("漢字。漢字", 4, "漢|字。|漢字");
    expect_rows("漢", 1, "漢");
    expect_rows("ab漢字", 4, "ab漢|字");
    expect_rows("e\xcc\x81\x65\xcc\x81\x65\xcc\x81", 2, "e\xcc\x81\x65\xcc\x81|e\xcc\x81");
    expect_rows("👩‍👩‍👧 ok", 6, "👩‍👩‍👧|ok");
    expect_rows("🇩🇪🇫🇷", 3, "🇩🇪|🇫🇷");
}

static void expect_width(const char *s, int expected) {
    int got = cells_width(s, strlen(s));
    OK(got == expected, "width of \"%s\": %d, expected %d", s, got, expected);
}

static void test_widths(void) {
    expect_width("abc", 3);
    expect_width("漢字", 4);
    expect_width("e\xcc\x81", 1);
    expect_width("שלום", 4);
    expect_width("👩‍👩‍👧", 6); // shown as its parts
    expect_width("👍🏽", 2);           // the tone is left out
    expect_width("❤️", 1);             // and the selector
    expect_width("🇩🇪", 2);
    expect_width("각", 2);
    expect_width("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", 2); // the same in parts
    expect_width("नि", 2);
    expect_width("\xe2\x80\xae", 0); // a direction override
    expect_width("\xcc\x81", 1);     // a mark alone
    expect_width("a\tb", CELLS_TAB + 1);
    expect_width("\xff", 1);
    expect_width("\x1b[", 2);
    OK(cells_fit("漢字", 6, 3) == 3, "half a wide character does not fit");
    OK(cells_fit("abc", 3, 2) == 2, "two of three letters fit");
}

static void test_glyphs(void) {
    cells_glyph g[8];
    OK(cells_glyphs("\x1b", 1, g, 8) == 1 && g[0].ch[0] == 0xfffd, "an escape character is shown as a replacement");
    const char *zalgo = "a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86";
    OK(cells_glyphs(zalgo, strlen(zalgo), g, 8) == 1 && g[0].ch[4] == 0x304, "at most four marks are kept");
    const char *family = "👩‍👧";
    OK(cells_glyphs(family, strlen(family), g, 8) == 2 && g[1].ch[0] == 0x1f467, "a family is shown as its parts");
}

static bool same_rows(const wrap *a, const wrap *b) {
    return a->n_rows == b->n_rows && memcmp(a->rows, b->rows, a->n_rows * sizeof *a->rows) == 0;
}

static unsigned seed = 7;
static unsigned draw(unsigned n) {
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static void random_text(buf *b, int parts) {
    static const char *PARTS[] = {"a",         "word",        " ", "  ", "\n",         "漢", "。",
                                  "e\xcc\x81", "👩‍👧", "-", "\t", "longerword", "🇩🇪"};
    for (int i = 0; i < parts; i++) buf_puts(b, PARTS[draw(sizeof PARTS / sizeof *PARTS)]);
}

static void test_growing(void) {
    int bad = 0;
    for (int round = 0; round < 300; round++) {
        buf text = {0};
        wrap grown = {0}, whole = {0};
        int width = 2 + (int)draw(12);
        for (int step = 0; step < 12; step++) {
            random_text(&text, 1 + (int)draw(4));
            wrap_layout(&grown, buf_str(&text), text.len, width, SIZE_MAX);
        }
        wrap_layout(&whole, buf_str(&text), text.len, width, SIZE_MAX);
        bad += !same_rows(&grown, &whole);
        wrap_free(&grown), wrap_free(&whole), buf_free(&text);
    }
    OK(bad == 0, "%d of 300 growing texts were laid out differently", bad);
}

static void test_changing(void) {
    int bad = 0;
    for (int round = 0; round < 300; round++) {
        buf text = {0}, other = {0};
        wrap kept = {0}, whole = {0};
        int width = 2 + (int)draw(12);
        random_text(&text, 20);
        wrap_layout(&kept, buf_str(&text), text.len, width, 1 + draw(8));
        buf_append(&other, buf_str(&text), text.len);
        size_t at = draw((unsigned)other.len);
        while (at > 0 && ((unsigned char)other.data[at] & 0xc0) == 0x80) at--;
        other.len = at;
        random_text(&other, 5);
        size_t same = 0;
        while (same < text.len && same < other.len && text.data[same] == other.data[same]) same++;
        wrap_cut(&kept, same);
        wrap_layout(&kept, buf_str(&other), other.len, width, SIZE_MAX);
        wrap_layout(&whole, buf_str(&other), other.len, width, SIZE_MAX);
        bad += !same_rows(&kept, &whole);
        wrap_free(&kept), wrap_free(&whole), buf_free(&text), buf_free(&other);
    }
    OK(bad == 0, "%d of 300 changed texts were laid out differently", bad);
}

static void test_lazy(void) {
    const char *s = "one two three four five six";
    wrap w = {0};
    wrap_layout(&w, s, strlen(s), 5, 2);
    OK(w.n_rows == 2 && !w.done, "only the rows asked for: %zu", w.n_rows);
    wrap_layout(&w, s, strlen(s), 5, SIZE_MAX);
    OK(w.done && wrap_row_of(&w, 4) == 1, "the rest on demand");
    wrap_layout(&w, s, strlen(s), 40, SIZE_MAX);
    OK(w.n_rows == 1, "another width starts anew");
    wrap_free(&w);
}

int main(void) {
    test_words();
    test_wide();
    test_widths();
    test_glyphs();
    test_growing();
    test_changing();
    test_lazy();
    return test_end();
}
