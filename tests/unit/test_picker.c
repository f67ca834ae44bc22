// The list of conversations: what it shows at every size, searching, questions, the mouse, titles made to annoy.
#include "tests/drawn.h"
#include "ui/picker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/doppel-picker-XXXXXX";
static picker p;
static canvas c;

static int64_t add(const char *title, const char *text, int64_t changed) {
    session s = {.title = (char *)title, .changed = changed, .length = 1, .system = "", .model = "", .setup = ""};
    session_message m = {.number = 1, .chosen = true, .author = "you", .text = (char *)text, .model = "", .setup = ""};
    error err = {{0}};
    int failed = store_put_session(p.store, &s, &err) || store_put_message(p.store, s.id, &m, &err);
    OK(!failed, "%s", err.text);
    return s.id;
}

static picker_result press(key_code code, uint32_t ch) {
    return picker_key(&p, &(key){.code = code, .ch = ch});
}

static picker_result type(const char *s) {
    picker_result r = PICKER_IGNORED;
    for (; *s; s++) r = press(KEYS_CHAR, (unsigned char)*s);
    return r;
}

static bool lists(int rows, int cols, const char *text) {
    canvas_resize(&c, rows, cols);
    picker_draw(&p, &c, (rect){0, 0, rows, cols});
    return shows(&c, text);
}

static void listing(int64_t newest, int64_t evil) {
    picker_load(&p);
    OK(p.n_rows == 3 && picker_selected(&p)->id == newest, "%zu rows, the newest first", p.n_rows);
    OK(lists(6, 80, "* Bread") && lists(6, 80, "search:") && lists(6, 80, "1970-01-0"), "wide");
    OK(lists(5, 36, "Dragons") && lists(5, 36, "1970-01-0"), "narrow");
    OK(!lists(1, 36, "Dragons") && !lists(0, 0, "x") && !lists(2, 3, "Dragons"), "no room");
    OK(lists(6, 80, "evil red"), "a title is filtered and stays on its line");
    press(KEYS_END, 0);
    press(KEYS_DOWN, 0);
    OK(picker_selected(&p)->id == evil, "the end");
    OK(lists(2, 80, "evil"), "is scrolled to");
    press(KEYS_HOME, 0);
    press(KEYS_UP, 0);
    OK(picker_selected(&p)->id == newest && press(KEYS_CHAR, '\r') == PICKER_OPEN, "the first one is opened");
}

static void searching(int64_t dragons) {
    type("fly");
    OK(p.n_rows == 1 && picker_selected(&p)->id == dragons && lists(6, 80, "Do they fly?"), "what was said");
    type("x");
    OK(p.n_rows == 0 && lists(6, 80, "nothing was found") && press(KEYS_CHAR, '\r') == PICKER_TAKEN, "nothing");
    OK(press(KEYS_DELETE, 0) == PICKER_TAKEN && p.question == PICKER_NONE, "nothing to remove");
    press(KEYS_CHAR, 0x7f);
    OK(p.n_rows == 1, "back");
    OK(press(KEYS_CHAR, 0x1b) == PICKER_TAKEN && p.n_rows == 3, "Escape shows all again");
    OK(picker_selected(&p)->id == dragons, "the selected one stays selected");
    OK(press(KEYS_CHAR, 0x1b) == PICKER_LEFT, "and leaves");
    picker_key(&p, &(key){.code = KEYS_PASTE, .paste = "dra\x1b[2Jg\nsecond line", .n_paste = 20});
    OK(strcmp(buf_str(&p.typed), "drag") == 0 && p.n_rows == 1, "pasted: %s", buf_str(&p.typed));
    press(KEYS_CHAR, 0x1b);
}

static void questions(int64_t dragons) {
    OK(press(KEYS_CHAR, 14) == PICKER_NEW, "new");
    press(KEYS_CHAR, 18);
    OK(p.question == PICKER_TITLE && lists(5, 36, "title: Dragons"), "its title can be changed");
    press(KEYS_CHAR, 21);
    type("Wyrms");
    OK(press(KEYS_CHAR, '\r') == PICKER_RENAMED && strcmp(p.title.data, "Wyrms") == 0 &&
           picker_selected(&p)->id == dragons,
       "to another");
    press(KEYS_CHAR, 18);
    OK(press(KEYS_CHAR, 0x1b) == PICKER_TAKEN && p.question == PICKER_NONE, "or not");
    press(KEYS_DELETE, 0);
    OK(p.question == PICKER_REMOVE && lists(5, 60, "Remove \"Dragons\" for good?"), "removing asks");
    OK(press(KEYS_CHAR, '\r') == PICKER_TAKEN && p.question == PICKER_NONE, "any key but y keeps it");
    press(KEYS_CHAR, 4);
    OK(press(KEYS_CHAR, 'y') == PICKER_REMOVED, "y removes it");
}

static void clicking(void) {
    lists(6, 80, "");
    key k = {.code = KEYS_MOUSE, .action = MOUSE_PRESS, .row = 1, .col = 5};
    p.selected = 2;
    OK(picker_mouse(&p, &k) == PICKER_TAKEN && p.selected == 0, "a click selects");
    OK(picker_mouse(&p, &k) == PICKER_OPEN, "a second one opens");
    k.row = 5;
    OK(picker_mouse(&p, &k) == PICKER_TAKEN && p.selected == 0, "below the list nothing happens");
    k.action = MOUSE_WHEEL_DOWN;
    picker_mouse(&p, &k);
    OK(p.selected == 2, "the wheel moves");
}

int main(void) {
    char path[64], command[96];
    error err = {{0}};
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/doppel.db", folder);
    picker_load(&p);
    OK(p.n_rows == 0 && lists(4, 60, "not kept here"), "without a store");
    p.store = store_open(path, NULL, &err);
    if (!OK(p.store != NULL, "%s", err.text)) return test_end();
    picker_load(&p);
    OK(lists(4, 60, "no conversations yet"), "an empty store");
    int64_t dragons = add("Dragons", "Do they fly?", 200000), newest = add("Bread", "How?", 300000),
            evil = add("evil\x1b[31m red\nline \xe2\x80\xae", "x", 100000);
    p.current = newest;
    listing(newest, evil);
    searching(dragons);
    questions(dragons);
    clicking();
    store_close(p.store);
    picker_free(&p);
    canvas_free(&c);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    OK(system(command) == 0, "clean up");
    return test_end();
}
