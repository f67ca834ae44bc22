// The prompt area: rows, cursor, scrolling, moving between rows, and that a change anywhere gives the rows that laying
// out everything anew gives.
#include "model/base/base.h"
#include "tests/test.h"
#include "ui/entry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// The area as text, joined by '|', with the cursor as '^' in front of the cell it stands on.
static void draw(entry *e, int cols, buf *out) {
    canvas c = {0};
    canvas_resize(&c, e->rows, cols);
    entry_draw(e, &c, (rect){0, 0, e->rows, cols}, "hint");
    for (int y = 0; y < e->rows; y++) {
        if (y) buf_putc(out, '|');
        canvas_text(&c, y, out);
    }
    buf_printf(out, " @%d,%d", c.cursor_row, c.cursor_col);
    canvas_free(&c);
}

static void expect(const wchar_t *text, size_t cursor, int cols, int limit, const char *expected) {
    entry e = {0};
    buf out = {0};
    entry_layout(&e, text, wcslen(text), cursor, cols, limit);
    draw(&e, cols, &out);
    OK(strcmp(out.data, expected) == 0, "\"%s\", expected \"%s\"", out.data, expected);
    buf_free(&out);
    entry_free(&e);
}

static void test_drawing(void) {
    expect(L"", 0, 20, 3, "› hint @0,2");
    expect(L"hello", 5, 20, 3, "› hello @0,7");
    expect(L"hello", 0, 20, 3, "› hello @0,2");
    expect(L"one two three", 13, 10, 3, "› one two|  three @1,7");
    expect(L"abcdefg", 7, 10, 3, "› abcdefg @0,9");
    expect(L"abcdefgh", 8, 10, 3, "› abcdefg|  h @1,3");
    expect(L"a\nb\nc\nd", 7, 10, 2, "… c|  d @1,3");
    expect(L"a\nb\nc\nd", 0, 10, 2, "› a|  b @0,2");
    expect(L"a\n", 2, 10, 3, "› a| @1,2");
    expect(L"word   ", 7, 8, 3, "› word @0,7");
    expect(L"漢字漢字", 3, 10, 3, "› 漢字漢|  字 @1,2");
    expect(L"\x1b[31m\x01", 6, 20, 3, "› ^[[31m^A @0,10");
    expect(L"a\tb", 3, 20, 3, "› a   b @0,7");
    expect(L"\x85\xd800", 2, 20, 3, "› �� @0,4");
}

static void test_vertical(void) {
    static const wchar_t text[] = L"long first row\nab\nlast row here";
    size_t n = wcslen(text), index;
    entry e = {0};
    entry_layout(&e, text, n, n, 40, 5);
    OK(!entry_vertical(&e, 1, &index), "nothing is below the last row");
    OK(entry_vertical(&e, -1, &index) && index == 17, "up to a shorter row: its end, %zu", index);
    entry_layout(&e, text, n, index, 40, 5);
    OK(entry_vertical(&e, -1, &index) && index == 13, "and further up in the column from before: %zu", index);
    entry_layout(&e, text, n, index, 40, 5);
    OK(!entry_vertical(&e, -1, &index), "nothing is above the first row");
    entry_layout(&e, text, n, 3, 40, 5);
    OK(entry_vertical(&e, 1, &index) && index == 17, "down from another column: %zu", index);
    entry_free(&e);
}

static void test_clicks(void) {
    static const wchar_t text[] = L"ab\x01漢c\nsecond";
    size_t n = wcslen(text), index = 99;
    entry e = {0};
    canvas c = {0};
    canvas_resize(&c, 10, 30);
    entry_layout(&e, text, n, n, 20, 5);
    entry_draw(&e, &c, (rect){4, 5, e.rows, 20}, "");
    OK(entry_at(&e, 4, 7, &index) && index == 0, "the first character: %zu", index);
    OK(entry_at(&e, 4, 11, &index) && index == 3, "behind a control character: %zu", index);
    OK(entry_at(&e, 4, 5, &index) && index == 0, "the mark counts as the beginning");
    OK(entry_at(&e, 4, 24, &index) && index == 5, "beyond the text is its row's end: %zu", index);
    OK(entry_at(&e, 5, 9, &index) && index == 8, "the second row: %zu", index);
    OK(!entry_at(&e, 3, 9, &index) && !entry_at(&e, 6, 9, &index) && !entry_at(&e, 4, 25, &index), "outside");
    canvas_free(&c);
    entry_free(&e);
}

static unsigned seed = 3;
static unsigned draw_number(unsigned n) {
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static void test_changes(void) {
    static const wchar_t ALPHABET[] = L"ab c  \nd漢-é";
    int bad = 0;
    entry kept = {0};
    wchar_t text[200];
    size_t n = 0;
    for (int round = 0; round < 3000; round++) {
        size_t at = draw_number((unsigned)n + 1);
        if (draw_number(3) == 0 && n > 0) {
            size_t cut = draw_number((unsigned)(n - at) + 1);
            wmemmove(text + at, text + at + cut, n - at - cut);
            n -= cut;
        } else if (n + 1 < 200) {
            wmemmove(text + at + 1, text + at, n - at);
            text[at] = ALPHABET[draw_number(wcslen(ALPHABET))];
            n++;
        }
        size_t cursor = draw_number((unsigned)n + 1);
        int cols = 8 + (int)(round / 500);
        entry fresh = {.top = kept.top};
        buf a = {0}, b = {0};
        entry_layout(&kept, text, n, cursor, cols, 4);
        entry_layout(&fresh, text, n, cursor, cols, 4);
        draw(&kept, cols, &a);
        draw(&fresh, cols, &b);
        bad += kept.rows != fresh.rows || (kept.top == fresh.top && strcmp(a.data, b.data) != 0);
        bad += kept.cursor_row < kept.top || kept.cursor_row >= kept.top + (size_t)kept.rows;
        buf_free(&a), buf_free(&b);
        entry_free(&fresh);
    }
    entry_free(&kept);
    OK(bad == 0, "%d of 3000 changed texts were laid out differently", bad);
}

static void test_megabyte(void) {
    size_t n = 1 << 20;
    wchar_t *text = mem_calloc(n + 2, sizeof *text);
    for (size_t i = 0; i < n; i++) text[i] = i % 50 == 49 ? '\n' : i % 7 == 6 ? ' ' : 'x';
    entry e = {0};
    clock_t begin = clock();
    entry_layout(&e, text, n, n, 80, 10);
    double first = (double)(clock() - begin) / CLOCKS_PER_SEC;
    begin = clock();
    for (int i = 0; i < 20; i++) {
        text[n] = 'y';
        entry_layout(&e, text, n + 1, n + 1, 80, 10);
        entry_layout(&e, text, n, n, 80, 10);
    }
    double typed = (double)(clock() - begin) / CLOCKS_PER_SEC / 40;
    OK(e.rows == 10, "ten rows are shown");
    OK(first < 0.3, "a megabyte is laid out in %.1f ms", first * 1e3);
    OK(typed < 0.02, "a key costs %.1f ms", typed * 1e3);
    entry_free(&e);
    free(text);
}

int main(void) {
    test_drawing();
    test_vertical();
    test_clicks();
    test_changes();
    test_megabyte();
    return test_end();
}
