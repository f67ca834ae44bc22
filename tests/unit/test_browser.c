// The file browser: lists, filters, paths typed, completed and pasted, marks, names made to annoy.
#include "tests/test.h"
#include "ui/browser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static canvas c;
static browser b;
static char root[] = "/tmp/doppel-browser-XXXXXX";

static void put(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) exit(1);
}

static void make_folder(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (mkdir(path, 0700) != 0) exit(1);
}

static browser_result press(key_code code) {
    return browser_key(&b, &(key){.code = code});
}

static browser_result type(const char *s) {
    browser_result r = BROWSER_TAKEN;
    for (; *s; s++) r = browser_key(&b, &(key){.code = KEYS_CHAR, .ch = (unsigned char)*s});
    return r;
}

static browser_result paste(const char *s) {
    return browser_key(&b, &(key){.code = KEYS_PASTE, .paste = s, .n_paste = strlen(s)});
}

static const char *selected(void) {
    return b.selected < b.n_shown ? b.entries[b.shown[b.selected]].name : "";
}

static bool is_in(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s%s", root, name);
    return strcmp(b.folder, path) == 0;
}

static void expect_chosen(const char *const *names, size_t n_names, const char *what) {
    size_t n;
    char **paths = browser_chosen(&b, &n);
    bool same = n == n_names;
    for (size_t i = 0; i < n; i++) {
        same = same && strncmp(paths[i], root, strlen(root)) == 0 && strcmp(paths[i] + strlen(root), names[i]) == 0;
        free(paths[i]);
    }
    free(paths);
    OK(same, "%s", what);
}

static void make_tree(void) {
    if (!mkdtemp(root)) exit(1);
    make_folder("exports");
    make_folder("exports/2026");
    make_folder("empty");
    make_folder("Zoo");
    put("exports/2026/whatsapp.txt", "x");
    put("chat-a.txt", "0123456789");
    put("chat-b.txt", "");
    put(".hidden", "");
    put("a\033[31m\nb", "");
    put("\xff\xfe", "");
    put("\xe6\xbc\xa2\xe5\xad\x97.txt", "");
    char path[512];
    snprintf(path, sizeof path, "%s/pipe", root);
    if (mkfifo(path, 0600) != 0) exit(1);
}

static void test_list(void) {
    browser_show(&b, root);
    OK(is_in("") && strcmp(selected(), "empty") == 0, "the first entry after ..: %s", selected());
    OK(b.n_shown == 9, "hidden names and pipes are left out: %zu", b.n_shown);
    press(KEYS_DOWN);
    OK(press(KEYS_RIGHT) == BROWSER_TAKEN && is_in("/exports"), "into a folder: %s", b.folder);
    OK(type("\r") == BROWSER_TAKEN && is_in("/exports/2026"), "and another: %s", b.folder);
    press(KEYS_LEFT);
    OK(is_in("/exports") && strcmp(selected(), "2026") == 0, "up; where one came from is selected: %s", selected());
    type("\x7f");
    OK(is_in("") && strcmp(selected(), "exports") == 0, "by Backspace too");
    press(KEYS_END);
    press(KEYS_DOWN);
    OK(b.selected == b.n_shown - 1, "the end is the end");
    press(KEYS_HOME);
    press(KEYS_UP);
    OK(b.selected == 0, "and the beginning");
    OK(type("\033") == BROWSER_LEFT, "Escape");
}

static void test_typing(void) {
    browser_show(&b, root);
    type("AT-");
    OK(b.n_shown == 2 && strcmp(selected(), "chat-a.txt") == 0, "a part of the name, letter case ignored: %zu",
       b.n_shown);
    type("\033");
    OK(b.n_shown == 9, "Escape empties the filter first");
    type("ch\t");
    OK(strcmp(buf_str(&b.typed), "chat-") == 0, "completed as far as all agree: %s", buf_str(&b.typed));
    type("b\t");
    OK(strcmp(buf_str(&b.typed), "chat-b.txt") == 0, "and whole: %s", buf_str(&b.typed));
    OK(type("\r") == BROWSER_CHOSEN, "chosen");
    expect_chosen((const char *[]){"/chat-b.txt"}, 1, "its path");
    type("\033.");
    OK(strcmp(selected(), ".hidden") == 0, "hidden names are shown when asked for: %s", selected());
    type("\033nothing");
    OK(b.n_shown == 0 && type("\r") == BROWSER_TAKEN && b.err.text[0], "no such name");
    type("/");
    OK(b.err.text[0] && strcmp(buf_str(&b.typed), "nothing") == 0, "no such folder: %s", b.err.text);
    type("\033exp\t");
    OK(is_in("/exports") && b.typed.len == 0, "a folder that is the only one is entered");
    type("../");
    OK(is_in(""), "..");
    setenv("HOME", root, 1);
    type("/");
    OK(strcmp(b.folder, "/") == 0, "the root");
    type("~/exports/2026/whats");
    OK(is_in("/exports/2026") && strcmp(selected(), "whatsapp.txt") == 0, "a whole path: %s", b.folder);
    char path[600];
    snprintf(path, sizeof path, "'%s/chat-a.txt'\n", root);
    paste(path);
    OK(is_in("") && strcmp(selected(), "chat-a.txt") == 0, "pasted");
    snprintf(path, sizeof path, "%s/nowhere/chat-a.txt", root);
    paste(path);
    OK(is_in("") && b.err.text[0], "pasted, and not there: %s", b.err.text);
    paste("two\nlines");
    OK(is_in(""), "text is no path");
}

static void test_marks(void) {
    browser_show(&b, root);
    paste("chat-a.txt");
    type("\033\033");
    browser_show(&b, root);
    for (size_t i = 0; i < b.n_shown; i++) {
        b.selected = i;
        if (strncmp(selected(), "chat-", 5) == 0 || strcmp(selected(), "empty") == 0 || i == 0) type(" ");
    }
    OK(type("\r") == BROWSER_CHOSEN, "marked entries are chosen together");
    expect_chosen((const char *[]){"/empty", "/chat-a.txt", "/chat-b.txt"}, 3, "a folder too, but not ..");
}

static void test_drawing(void) {
    buf row = {0};
    browser_show(&b, root);
    type("chat");
    canvas_resize(&c, 4, 60);
    browser_draw(&b, &c, (rect){0, 0, 4, 60});
    canvas_text(&c, 0, &row);
    OK(strstr(buf_str(&row), "/chat") && c.cursor_row == 0 && c.cursor_col == (int)row.len, "path and typed: %s",
       buf_str(&row));
    buf_clear(&row);
    canvas_text(&c, 1, &row);
    OK(strncmp(buf_str(&row), "  chat-a.txt ", 13) == 0 && strstr(buf_str(&row), " 10 B  2"), "%s", buf_str(&row));
    key click = {.code = KEYS_MOUSE, .action = MOUSE_PRESS, .row = 2, .col = 5};
    OK(browser_mouse(&b, &click) == BROWSER_TAKEN && strcmp(selected(), "chat-b.txt") == 0, "a click selects");
    OK(browser_mouse(&b, &click) == BROWSER_CHOSEN, "a second one opens");
    click.row = 3;
    OK(browser_mouse(&b, &click) == BROWSER_IGNORED, "below the list there is nothing");
    type("\033");
    for (int cols = 1; cols < 60; cols += 7)
        for (int rows = 0; rows < 14; rows++) {
            canvas_resize(&c, 14, 60);
            browser_draw(&b, &c, (rect){0, 0, rows, cols});
            for (int y = 0; y < 14; y++)
                if (rows < 14 && canvas_at(&c, y, cols)->ch[0] != ' ') OK(0, "outside at %dx%d, row %d", cols, rows, y);
        }
    canvas_resize(&c, 12, 60);
    browser_draw(&b, &c, (rect){0, 0, 12, 60});
    for (int y = 0; y < 12; y++)
        for (int x = 0; x < 60; x++) {
            uint32_t ch = canvas_at(&c, y, x)->ch[0];
            if (ch && (ch < ' ' || (ch >= 0x7f && ch < 0xa0))) OK(0, "a control character at %d,%d", y, x);
        }
    OK(1, "drawn at many sizes");
    buf_free(&row);
}

static void test_gone(void) {
    char path[512];
    browser_show(&b, root);
    type("empty/");
    OK(is_in("/empty") && b.n_shown == 1, "an empty folder has only ..");
    snprintf(path, sizeof path, "%s/empty", root);
    rmdir(path);
    type("..\r");
    OK(b.folder && b.folder[0] == '/', "the folder was removed meanwhile: %s", b.folder);
    snprintf(path, sizeof path, "%s/empty/deeper/still", root);
    browser_show(&b, path);
    OK(is_in("") && !b.err.text[0], "the nearest one above it: %s", b.folder);
}

int main(void) {
    make_tree();
    test_list();
    test_typing();
    test_marks();
    test_drawing();
    test_gone();
    browser_close(&b);
    canvas_free(&c);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command) == 0 ? test_end() : 1;
}
