// The small panes and what they are drawn on: canvas, theme, status line, candidates, completion menu, help.
#include "app/chat_style.h"
#include "tests/drawn.h"
#include "ui/candidates.h"
#include "ui/completion.h"
#include "ui/help.h"
#include "ui/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static canvas c;

static void test_canvas(void) {
    canvas_resize(&c, 4, 10);
    OK(canvas_puts(&c, 0, 0, 10, "abc漢字", STYLE_TEXT) == 7, "columns are counted");
    canvas_puts(&c, 0, 4, 1, "x", STYLE_TEXT);
    expect_row(&c, 0, "abc x字", "half of a wide character makes room for the other");
    canvas_puts(&c, 0, 5, 1, "y", STYLE_TEXT);
    expect_row(&c, 0, "abc xy", "from the other side too");
    OK(canvas_puts(&c, 1, 8, 9, "漢漢", STYLE_TEXT) == 2, "what lies outside is cut");
    OK(canvas_puts(&c, 1, 0, 3, "漢漢", STYLE_TEXT) == 2, "no half of a wide character");
    OK(canvas_puts(&c, -1, 0, 3, "x", STYLE_TEXT) == 0 && canvas_puts(&c, 9, 0, 3, "x", STYLE_TEXT) == 0,
       "no such row");
    OK(canvas_puts_right(&c, 2, 0, 10, "end", STYLE_TEXT) == 3, "from the right");
    expect_row(&c, 2, "       end", "from the right");
    canvas_puts(&c, 3, 0, 10, "a\033[31m\tb", STYLE_TEXT);
    expect_row(&c, 3, "a�[31m  b", "control characters are replaced");
    canvas_resize(&c, 3, 12);
    canvas_box(&c, (rect){0, 0, 3, 12}, "title", STYLE_BORDER, STYLE_TITLE);
    expect_row(&c, 0, "┌ title ───┐", "a frame");
    expect_row(&c, 1, "│          │", "a frame");
    expect_row(&c, 2, "└──────────┘", "a frame");
}

static void test_theme(void) {
    static const int COLOURS[] = {0, 8, 16, 256};
    for (int i = 0; i < 4 * 4; i++)
        for (int s = 0; s < STYLE_COUNT; s++) {
            theme_look look = theme_of((theme)(i / 4), (theme_style)s, COLOURS[i % 4]);
            if (look.foreground >= COLOURS[i % 4])
                OK(0, "style %d has colour %d of %d", s, look.foreground, COLOURS[i % 4]);
        }
    theme t;
    OK(theme_find("light", &t) && t == THEME_LIGHT && theme_find("", &t) && t == THEME_DEFAULT, "themes by name");
    OK(!theme_find("pink", &t) && t == THEME_DEFAULT, "an unknown one is the default");
    OK(theme_of(THEME_MONO, STYLE_USER, 256).foreground == -1, "mono has no colour");
    OK(theme_of(THEME_DARK, STYLE_FOCUS, 0).attributes & THEME_REVERSE, "the focus can be seen without colour");
    OK(theme_of(THEME_DARK, STYLE_USER, 0).attributes != theme_of(THEME_DARK, STYLE_TEXT, 0).attributes,
       "so can who speaks");
    setenv("NO_COLOR", "", 1);
    OK(!theme_no_colour(), "an empty NO_COLOR counts as unset");
    setenv("NO_COLOR", "1", 1);
    OK(theme_no_colour(), "NO_COLOR");
    unsetenv("NO_COLOR");
    OK(!theme_no_colour(), "no NO_COLOR");
}

static void expect_status(const chat *chat, int cols, const char *expected) {
    canvas_resize(&c, 1, cols);
    status_draw(&c, (rect){0, 0, 1, cols}, chat);
    expect_row(&c, 0, expected, "status");
}

static void test_status(void) {
    chat chat = {.model_name = "model", .loading = true, .style = chat_style_new()};
    expect_status(&chat, 40, " model                         loading…");
    chat.loading = false;
    chat.tok_s = 212.4, chat.n_past = 37, chat.n_ctx = 100, chat.settings.seed = 42;
    expect_status(&chat, 60, " doppel  model                212 tok/s   ctx 37%   seed 42");
    expect_status(&chat, 40, " model    212 tok/s   ctx 37%   seed 42");
    chat.prefill_done = 1234, chat.prefill_total = 1234567;
    expect_status(&chat, 50, " model          reading 1,234/1,234,567   ctx 37%");
    chat.prefill_total = 0;
    chat.dropped_turns = 2;
    expect_status(&chat, 60, " doppel  model      212 tok/s   ctx 37%   2 oldest left out");
    chat.dropped_turns = 0, chat.settings.seed = 0;
    chat.model_name = "a model with a very long name and an \033[31mescape";
    expect_status(&chat, 50, " a model with a very long n   212 tok/s   ctx 37%");
    chat_style_free(chat.style);
}

static void test_candidates(void) {
    event e = {.n_candidates = 3};
    canvas_resize(&c, 5, 36);
    strcpy(e.candidates[0].text, "␣way");
    e.candidates[0].before = 0.41f, e.candidates[0].after = 0.5f, e.candidates[0].chosen = true;
    strcpy(e.candidates[1].text, "漢字漢字漢字漢");
    e.candidates[1].before = 0.002f, e.candidates[1].after = 0;
    e.candidates[2].before = NAN, e.candidates[2].after = 7;
    candidates_draw(&c, (rect){0, 0, 2, 36}, &e);
    expect_row(&c, 0, "████    ›␣way            41% →  50%", "the chosen one");
    expect_row(&c, 1, "         漢字漢字漢字漢  <1% →   0%", "one that was filtered out");
    expect_row(&c, 2, "", "no more rows than there are");
    candidates_draw(&c, (rect){0, 0, 5, 36}, &e);
    expect_row(&c, 2, "                          0% →   0%", "probabilities that are none");
}

static void test_completion(void) {
    completion m = {0};
    OK(completion_open(&m, "", "x") == NULL && !completion_is_open(&m), "nothing to complete");
    const char *word = completion_open(&m, "clear\n", "cl");
    OK(word && strcmp(word, "clear") == 0 && !completion_is_open(&m), "one word is taken");
    word = completion_open(&m, "top-k\ntop-p\nto", "t");
    OK(word && strcmp(word, "to") == 0 && completion_is_open(&m), "several: what they have in common");
    OK(strcmp(completion_walk(&m, 1), "top-k") == 0 && strcmp(completion_walk(&m, 1), "top-p") == 0,
       "one after the other");
    OK(strcmp(completion_walk(&m, 1), "to") == 0 && strcmp(completion_walk(&m, 1), "top-k") == 0, "and from the start");
    OK(strcmp(completion_walk(&m, -1), "to") == 0, "and back");
    canvas_resize(&c, 6, 20);
    completion_draw(&m, &c, (rect){0, 0, 6, 20});
    expect_row(&c, 5, "top-k  top-p  to", "the menu");
    word = completion_open(&m, "bad\033[31m\nbad\xff\nbad\xc2\x9b\ngood\n", "");
    OK(word && strcmp(word, "good") == 0, "words that cannot be typed are left out");
    word = completion_open(&m, "é1\nè2\n", "");
    OK(word && strcmp(word, "") == 0, "no half of a character is in common");
    OK(strcmp(completion_walk(&m, -1), "è2") == 0, "the last one first, going back");
    completion_close(&m);
    OK(!completion_is_open(&m), "closed");
    buf_free(&m.words);
}

static void test_help(void) {
    int cols = help_cols(), rows = help_rows(cols);
    canvas_resize(&c, rows, cols);
    help_draw(&c, (rect){0, 0, rows, cols}, 0);
    expect_row(&c, 0, "Keys", "help");
    buf last = {0}, narrow = {0};
    canvas_text(&c, rows - 1, &last);
    OK(last.len > 0 && last.data[0] == '/', "the commands are listed: %s", buf_str(&last));
    OK(help_rows(36) > rows, "on a narrow screen lines are wrapped");
    canvas_resize(&c, 5, 36);
    help_draw(&c, (rect){0, 0, 5, 36}, help_rows(36) - 5);
    canvas_text(&c, 4, &narrow);
    OK(narrow.len > 0, "down to the last row");
    buf_free(&last);
    buf_free(&narrow);
}

int main(void) {
    test_canvas();
    test_theme();
    test_status();
    test_candidates();
    test_completion();
    test_help();
    canvas_free(&c);
    return test_end();
}
