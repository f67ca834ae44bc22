// The transcript without a terminal: what is in view while text streams, turns come and go, and the screen changes size.
#include "tests/test.h"
#include "ui/transcript.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 8, COLS = 20 };

typedef struct talk {
    chat_turn turns[4000];
    size_t n;
    unsigned last_id;
    transcript *view;
    canvas canvas;
} talk;

static talk *talk_new(void) {
    talk *t = mem_calloc(1, sizeof *t);
    t->view = transcript_new();
    transcript_resize(t->view, ROWS, COLS);
    return t;
}

static void talk_free(talk *t) {
    for (size_t i = 0; i < t->n; i++) buf_free(&t->turns[i].text);
    transcript_free(t->view);
    canvas_free(&t->canvas);
    free(t);
}

static chat_turn *add(talk *t, turn_kind kind, const char *text) {
    static char you[] = "you", model[] = "bot", none[] = "";
    chat_turn *turn = &t->turns[t->n++];
    *turn = (chat_turn){.kind = kind,
                        .id = ++t->last_id,
                        .author = kind == TURN_USER    ? you
                                  : kind == TURN_MODEL ? model
                                                       : none};
    buf_puts(&turn->text, text);
    return turn;
}

static bool sync(talk *t) {
    return transcript_sync(t->view, t->turns, t->n);
}

// The rows in view joined by '|', with the time of day left out.
static char *view(talk *t) {
    buf out = {0};
    canvas_resize(&t->canvas, ROWS, COLS);
    transcript_draw(t->view, &t->canvas, 0, 0);
    for (int y = 0; y < ROWS; y++) {
        size_t start = out.len;
        canvas_text(&t->canvas, y, &out);
        char *colon = out.len > start ? strchr(out.data + start, ':') : NULL;
        if (colon && colon >= out.data + start + 4)
            buf_remove(&out, (size_t)(colon - out.data) - 4, out.len - (size_t)(colon - out.data) + 4);
        buf_putc(&out, '|');
    }
    while (out.len && out.data[out.len - 1] == '|') buf_remove(&out, out.len - 1, 1);
    return buf_take(&out);
}

static void expect(talk *t, const char *expected, const char *when) {
    char *got = view(t);
    OK(strcmp(got, expected) == 0, "%s: \"%s\", expected \"%s\"", when, got, expected);
    free(got);
}

static void test_turns(void) {
    talk *t = talk_new();
    sync(t);
    expect(t, "", "nothing said yet");
    add(t, TURN_USER, "hello there, how are you today?");
    OK(sync(t) && !sync(t), "changes are noticed, and only those");
    expect(t, "you|hello there, how are|you today?", "a message");
    chat_turn *answer = add(t, TURN_MODEL, "");
    answer->running = true;
    sync(t);
    expect(t, "you|hello there, how are|you today?||bot|▌", "an answer begins");
    buf_puts(&answer->text, "fine\n");
    sync(t);
    expect(t, "you|hello there, how are|you today?||bot|fine|▌", "and grows");
    answer->running = false;
    answer->stop = GEN_INTERRUPTED;
    sync(t);
    expect(t, "you|hello there, how are|you today?||bot|fine|stopped", "and is stopped");
    buf_clear(&answer->text);
    buf_puts(&answer->text, "another text");
    sync(t);
    expect(t, "you|hello there, how are|you today?||bot|another text|stopped", "another text in its place");
    buf_free(&t->turns[--t->n].text);
    add(t, TURN_NOTE, "a note of doppel's own")->is_error = true;
    sync(t);
    expect(t, "you|hello there, how are|you today?||! a note of doppel's|  own", "another turn in its place");
    while (t->n > 0) buf_free(&t->turns[--t->n].text);
    sync(t);
    expect(t, "", "all forgotten");
    talk_free(t);
}

static void test_rewritten_note(void) {
    talk *t = talk_new();
    const char *head = "fetching a model with a name that is long, ",
               *tail = " of 92.9 MB, 12.1 MB/s, some seconds left";
    chat_turn *note = add(t, TURN_NOTE, "");
    note->running = true;
    for (int i = 0; i < 3; i++) {
        buf_clear(&note->text);
        buf_printf(&note->text, "%s%d%s", head, i, tail);
        sync(t);
        char *got = view(t), number[] = {(char)('0' + i), 0};
        OK(strstr(got, number) != NULL, "a note that is rewritten while it runs: %s", got);
        free(got);
    }
    talk_free(t);
}

static void test_hostile(void) {
    talk *t = talk_new();
    chat_turn *answer = add(t, TURN_MODEL, "");
    static const char *const PIECES[] = {"a\x1b",     "[31",  "mb\x1b]0;ti", "tle\x07",
                                         "c\xe2\x80", "\xae", "d\x9b",       "\x01\n\te"};
    for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
        buf_puts(&answer->text, PIECES[i]);
        sync(t);
    }
    char *got = view(t);
    OK(strstr(got, "abcd") && !strstr(got, "31") && !strstr(got, "tle") && !strchr(got, 0x1b),
       "escapes split between tokens are gone: %s", got);
    free(got);
    talk_free(t);
}

static void fill(talk *t, int n) {
    char text[32];
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "line %d", i);
        add(t, TURN_NOTE, text);
    }
    sync(t);
}

static void test_scrolling(void) {
    talk *t = talk_new();
    fill(t, 10);
    expect(t, "|· line 6||· line 7||· line 8||· line 9", "the newest are followed");
    transcript_scroll(t->view, -3);
    OK(!transcript_follows(t->view) && !transcript_has_new(t->view), "scrolled up");
    expect(t, "· line 4||· line 5||· line 6||· line 7", "by three rows");
    add(t, TURN_NOTE, "new");
    sync(t);
    expect(t, "· line 4||· line 5||· line 6||· line 7", "it stays put while text arrives");
    OK(transcript_has_new(t->view), "and is told that it did");
    transcript_scroll(t->view, 1);
    expect(t, "|· line 5||· line 6||· line 7||· line 8", "down by one");
    OK(transcript_has_new(t->view), "still not at the end");
    transcript_scroll(t->view, 100);
    OK(transcript_follows(t->view) && !transcript_has_new(t->view), "at the end it follows again");
    expect(t, "|· line 7||· line 8||· line 9||· new", "the end");
    transcript_oldest(t->view);
    expect(t, "· line 0||· line 1||· line 2||· line 3", "the beginning");
    transcript_scroll(t->view, -100);
    expect(t, "· line 0||· line 1||· line 2||· line 3", "nothing is above it");
    transcript_newest(t->view);
    OK(transcript_follows(t->view), "the newest");
    talk_free(t);
}

static void test_short(void) {
    talk *t = talk_new();
    fill(t, 2);
    transcript_scroll(t->view, -5);
    OK(transcript_follows(t->view), "what fits is not scrolled");
    transcript_oldest(t->view);
    OK(transcript_follows(t->view), "nor left at the end");
    expect(t, "· line 0||· line 1", "two notes");
    talk_free(t);
}

static void test_resizing(void) {
    talk *t = talk_new();
    buf text = {0};
    for (int i = 0; i < 200; i++) buf_printf(&text, "word%03d ", i);
    add(t, TURN_MODEL, text.data);
    sync(t);
    transcript_scroll(t->view, -20);
    char *before = view(t);
    before[7] = '\0';
    for (int cols = 7; cols < 60; cols += 4) {
        transcript_resize(t->view, ROWS, cols);
        canvas_resize(&t->canvas, ROWS, 60);
        transcript_draw(t->view, &t->canvas, 0, 0);
        buf row = {0};
        canvas_text(&t->canvas, 0, &row);
        OK(strstr(buf_str(&row), before) || cols > COLS, "at %d columns the view begins with %s: %s", cols, before,
           buf_str(&row));
        buf_free(&row);
    }
    transcript_resize(t->view, ROWS, COLS);
    OK(!transcript_follows(t->view), "and does not follow");
    while (t->n > 0) buf_free(&t->turns[--t->n].text);
    sync(t);
    expect(t, "", "a view into turns that are gone");
    free(before);
    buf_free(&text);
    talk_free(t);
}

// A hundred thousand lines: what is out of view costs nothing while text streams.
static void test_long(void) {
    talk *t = talk_new();
    buf text = {0};
    for (int i = 0; i < 50; i++) buf_printf(&text, "line %d of a long conversation that goes on\n", i);
    for (int i = 0; i < 2000; i++) add(t, TURN_USER, text.data);
    chat_turn *answer = add(t, TURN_MODEL, "");
    answer->running = true;
    sync(t);
    clock_t begin = clock();
    for (int i = 0; i < 2000; i++) {
        buf_puts(&answer->text, " token");
        sync(t);
        free(view(t));
    }
    double per_frame = (double)(clock() - begin) / CLOCKS_PER_SEC / 2000;
    OK(per_frame < 0.004, "a frame takes %.2f ms", per_frame * 1e3);
    begin = clock();
    transcript_resize(t->view, ROWS, COLS + 5);
    free(view(t));
    transcript_scroll(t->view, -1000);
    free(view(t));
    double resized = (double)(clock() - begin) / CLOCKS_PER_SEC;
    OK(resized < 0.05, "another width takes %.1f ms", resized * 1e3);
    buf_free(&text);
    talk_free(t);
}

int main(void) {
    test_turns();
    test_rewritten_note();
    test_hostile();
    test_scrolling();
    test_short();
    test_resizing();
    test_long();
    return test_end();
}
