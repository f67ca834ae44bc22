// The form on which a training is prepared: rows at every size, keys, mouse, hostile names.
#include "tests/drawn.h"
#include "ui/trainform.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static canvas c;
static trainform f;
static tuning *t;
static char root[] = "/tmp/doppel-form-XXXXXX";

static form_result press(key_code code) {
    return trainform_key(&f, t, &(key){.code = code});
}

static form_result type(const char *s) {
    form_result r = FORM_TAKEN;
    for (; *s; s++) r = trainform_key(&f, t, &(key){.code = KEYS_CHAR, .ch = (unsigned char)*s});
    return r;
}

static void draw(int rows, int cols) {
    canvas_resize(&c, rows, cols);
    trainform_draw(&f, t, &c, (rect){0, 0, rows, cols});
}

static bool shows_focus(void) {
    for (int y = 0; y < c.rows; y++)
        for (int x = 0; x < c.cols; x++)
            if (canvas_at(&c, y, x)->style == STYLE_FOCUS) return true;
    return false;
}

static void wait_until_read(void) {
    struct pollfd p = {.fd = tuning_fd(t), .events = POLLIN};
    while (t->stage == TUNING_READING && poll(&p, 1, 10000) > 0) tuning_pump(t);
}

static void read_log(void) {
    static const char *const NAMES[] = {"Ana", "Ben", "\u6f22\u5b57", "Dora Maar"};
    char path[64];
    snprintf(path, sizeof path, "%s/log.txt", root);
    FILE *file = fopen(path, "w");
    if (!file) exit(1);
    for (int i = 0; i < 400; i++)
        fprintf(file, "05/01/2026, %02d:%02d - %s: message number %d, ask ana@example.org\n", i / 60 % 24, i % 60,
                NAMES[i % 10 ? i % 3 : 3], i);
    fclose(file);
    const char *paths[] = {path};
    tuning_read_files(t, "no-model.gguf", paths, 1);
    trainform_reset(&f);
    draw(12, 60);
    OK(shows(&c, "log.txt"), "its name is there while it is read");
    wait_until_read();
    OK(t->stage == TUNING_READY, "read: %s", t->err.text);
}

static void test_drawing(void) {
    draw(trainform_rows(&f, t), 72);
    OK(shows(&c, "400 messages") && shows(&c, "2026-01-05 to"), "what was read");
    OK(shows(&c, "Ana") && shows(&c, "\u6f22\u5b57") && shows(&c, "120 messages"), "authors");
    OK(shows(&c, "e-mail") && shows(&c, "off: "), "what it gives away");
    OK(shows(&c, "effort") && shows(&c, "normal") && shows(&c, "rank") && shows(&c, "0.001"), "sliders");
    OK(shows(&c, "name") && shows(&c, t->name) && shows(&c, " Start"), "name and start");
    draw(5, 36);
    OK(shows_focus(), "the focus is in view on the smallest screen");
    int hidden = 0;
    for (int rows = 1; rows < 30; rows++)
        for (int item = FORM_SOURCE; item < FORM_TEXT; item++) {
            f.focus = (form_item)item;
            draw(rows, 36 + rows);
            hidden += !shows_focus();
        }
    OK(hidden == 0, "%d sizes hide the focus", hidden);
}

static void test_authors(void) {
    trainform_reset(&f);
    draw(30, 72);
    OK(t->authors[0].chosen && tuning_n_chosen(t) == 1, "the first is chosen from the start");
    press(KEYS_DOWN);
    type(" ");
    OK(tuning_n_chosen(t) == 2 && t->authors[1].chosen, "Space chooses another");
    type("\r");
    OK(tuning_n_chosen(t) == 1, "Enter too, and back");
    type("DOR");
    OK(f.n_shown == 1 && strcmp(t->authors[f.shown[0]].name, "Dora Maar") == 0, "a filter");
    type("a m");
    OK(f.n_shown == 1 && tuning_n_chosen(t) == 1, "Space is part of a name that is typed");
    type(" ");
    OK(tuning_n_chosen(t) == 2, "chosen under a filter");
    type(" \033");
    draw(30, 72);
    OK(f.n_shown == 4 && tuning_n_chosen(t) == 1, "Escape empties the filter");
    OK(strcmp(t->authors[f.author].name, "Dora Maar") == 0, "and stays where it was");
    press(KEYS_DOWN);
    OK(f.focus == FORM_SCRUB, "Down leaves the list at its end");
    press(KEYS_UP);
    OK(f.focus == FORM_AUTHORS && f.author == 3, "and Up comes back to its end");
    type("xyz");
    draw(30, 72);
    OK(f.n_shown == 0 && type(" ") == FORM_TAKEN, "nobody of that name");
    type("\033");
    draw(30, 72);
}

static void test_items(void) {
    f.focus = FORM_SCRUB;
    type(" ");
    OK(t->scrub, "the scrub switch");
    press(KEYS_LEFT);
    OK(!t->scrub, "by an arrow too");
    type("\t");
    press(KEYS_LEFT);
    OK(f.focus == FORM_EFFORT && t->effort == TUNING_QUICK, "effort");
    press(KEYS_LEFT);
    OK(t->effort == TUNING_QUICK, "the end of the track");
    type("\t+");
    OK(f.focus == FORM_RANK && t->rank == 32, "rank: %d", t->rank);
    type("\t-");
    OK(f.focus == FORM_RATE && t->rate == 7e-4, "rate: %g", t->rate);
    type("\t");
    OK(f.focus == FORM_NAME && type("\x15of/../\r") == FORM_TAKEN && f.err.text[0], "a name that is none: %s",
       f.err.text);
    OK(type("\x15my-log\r") == FORM_TAKEN && strcmp(t->name, "my-log") == 0 && f.focus == FORM_START, "a name");
    OK(type("\r") == FORM_GO, "Start");
    press(KEYS_BACK_TAB);
    type("2\033");
    OK(!f.is_naming && strcmp(t->name, "my-log") == 0, "Escape drops what was typed");
    OK(type("\033") == FORM_LEFT, "and leaves");
    press(KEYS_HOME);
    OK(type("\r") == FORM_CHOOSE, "another source");
}

static bool find(const char *what, int *row, int *col) {
    buf text = {0};
    for (*row = 0; *row < c.rows; ++*row) {
        buf_clear(&text);
        canvas_text(&c, *row, &text);
        const char *at = strstr(buf_str(&text), what);
        if (!at) continue;
        *col = cells_width(text.data, (size_t)(at - text.data));
        buf_free(&text);
        return true;
    }
    buf_free(&text);
    return false;
}

static form_result click(mouse_action action, int row, int col) {
    return trainform_mouse(&f, t, &(key){.code = KEYS_MOUSE, .action = action, .row = row, .col = col});
}

static void test_mouse(void) {
    int row, col;
    draw(30, 72);
    if (!OK(find("· Ben", &row, &col), "Ben is shown")) return;
    size_t before = tuning_n_chosen(t);
    click(MOUSE_PRESS, row, col);
    OK(tuning_n_chosen(t) != before && f.focus == FORM_AUTHORS, "a click on an author");
    find("rank", &row, &col);
    click(MOUSE_PRESS, row, f.track_col);
    OK(t->rank == 2 && f.is_dragging, "a click on a track");
    click(MOUSE_DRAG, 0, c.cols);
    OK(t->rank == 128, "dragged out at its end");
    click(MOUSE_RELEASE, 0, 0);
    OK(!f.is_dragging, "and let go");
    find(" Start", &row, &col);
    OK(click(MOUSE_PRESS, row, col + 1) == FORM_GO, "Start");
    OK(click(MOUSE_PRESS, 40, 3) == FORM_IGNORED, "outside");
}

static bool names(const char *key, const char *what) {
    mode_key keys[MODE_MAX_KEYS];
    int n = trainform_footer(&f, keys);
    for (int i = 0; i < n; i++)
        if (strcmp(keys[i].key, key) == 0 && strcmp(keys[i].what, what) == 0) return true;
    return false;
}

static void test_footer(void) {
    f.focus = FORM_AUTHORS;
    OK(names("Space", "choose") && !names("Enter", "start"), "authors are chosen");
    f.focus = FORM_RANK;
    OK(names("Left/Right", "change") && !names("Space", "choose"), "sliders are moved");
    f.focus = FORM_START;
    OK(names("Enter", "start"), "Start starts");
}

// Nothing can be started: why stands there in full, and the focus is on choosing another text.
static void test_ten_words(void) {
    char path[64];
    snprintf(path, sizeof path, "%s/ten.txt", root);
    FILE *file = fopen(path, "w");
    if (!file) exit(1);
    fputs("ten words are what this little text file has inside\n", file);
    fclose(file);
    const char *paths[] = {path};
    tuning_read_files(t, "no-model.gguf", paths, 1);
    trainform_reset(&f);
    wait_until_read();
    for (int cols = 36; cols < 100; cols += 8) {
        draw(24, cols);
        draw(24, cols); // it knows how wide it is
        OK(shows(&c, "least") && shows(&c, " Start"), "at %d columns why it cannot be trained is told to the end",
           cols);
    }
    OK(f.focus == FORM_SOURCE && shows_focus() && names("Enter", "another text"), "another text is next");
}

static void test_unreadable(void) {
    const char *paths[] = {"/nowhere/at\033[31m/all.txt"};
    tuning_read_files(t, "no-model.gguf", paths, 1);
    trainform_reset(&f);
    wait_until_read();
    draw(8, 40);
    OK(t->stage == TUNING_FAILED && shows(&c, "nowhere"), "why it cannot be read");
    draw(trainform_rows(&f, t), 74);
    OK(shows(&c, "nowhere") && shows(&c, "cannot be read"), "the page has the room to say so");
    OK(type("\r") == FORM_CHOOSE, "what is left is to choose something else");
    type("\t\t\t");
    OK(f.focus == FORM_SOURCE, "nothing else can have the focus");
}

int main(void) {
    error err;
    if (!mkdtemp(root)) return 1;
    setenv("DOPPEL_HOME", root, 1);
    t = tuning_new(&err);
    if (!t) return 1;
    read_log();
    test_drawing();
    test_authors();
    test_items();
    test_mouse();
    test_footer();
    test_ten_words();
    test_unreadable();
    tuning_free(t);
    trainform_free(&f);
    canvas_free(&c);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command) == 0 ? test_end() : 1;
}
