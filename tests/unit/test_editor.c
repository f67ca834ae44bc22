// libedit as the prompt editor, without a screen: keys in, line buffer and lines out, under several ~/.editrc.
#include "tests/test.h"
#include "ui/editor.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ncurses' termcap emulation keeps a small cache and loses what falls out of it: one string for every editor opened.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:_nc_trim_sgr0";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}

// What the test types: characters, and steps that look at the buffer before the next character is given.
typedef struct script {
    editor *editor;
    const wchar_t *keys;
    size_t at;
    void (*at_star)(struct script *s); // called where the script has a U+2605, which is not typed
    const char *expected;
    int n_called;
} script;

static int next(void *arg, wchar_t *c) {
    script *s = arg;
    while (s->keys[s->at] == 0x2605) {
        s->at++;
        s->n_called++;
        s->at_star(s);
    }
    if (!s->keys[s->at]) return 0;
    *c = s->keys[s->at++];
    return 1;
}

static char home[] = "/tmp/doppel-editor-XXXXXX";
static char history[64], editrc[64];

static void write_editrc(const char *text) {
    FILE *f = fopen(editrc, "w");
    fputs(text, f);
    fclose(f);
}

// Types keys into a fresh editor and returns the line it gives.
static char *type(const wchar_t *keys, void (*at_star)(script *), const char *expected) {
    script s = {.keys = keys, .at_star = at_star, .expected = expected};
    error err;
    s.editor = editor_open(history, next, &s, &err);
    if (!OK(s.editor != NULL, "editor_open: %s", err.text)) return NULL;
    char *line = editor_line(s.editor);
    editor_close(s.editor);
    OK(!at_star || s.n_called > 0, "the script was looked into");
    return line;
}

static void expect(const wchar_t *keys, const char *expected) {
    char *line = type(keys, NULL, NULL);
    OK(line && strcmp(line, expected) == 0, "\"%ls\": got \"%s\", expected \"%s\"", keys, line ? line : "(end)",
       expected);
    free(line);
}

static void test_emacs(void) {
    unlink(editrc);
    expect(L"hello\r", "hello");
    expect(L"\r", "");
    expect(L"hello\x01X\x05Y\r", "XhelloY");
    expect(L"one two\x1b"
           L"bX\r",
           "one Xtwo");
    expect(L"one two\x17\r", "one ");
    expect(L"one\x15two\x19\r", "twoone");
    expect(L"ac\x1b[Db\r", "abc");
    expect(L"one two\x1b[1;5D\x1b[1;5DX\r", "Xone two");
    expect(L"abc\x1b[H\x1b[3~\r", "bc");
    expect(L"äöü漢🙂é\x7f\r", "äöü漢🙂");
    char *line = type(L"\x04", NULL, NULL);
    OK(line == NULL, "Ctrl-D on an empty line is the end");
    free(line);
    line = type(L"half", NULL, NULL);
    OK(line == NULL, "so is the end of input");
    free(line);
}

static void quotes(script *s) {
    bool expected = s->n_called == 2;
    OK(editor_quotes(s->editor) == expected, "look %d: it %s quote", s->n_called, expected ? "should" : "should not");
}

static void test_quoting(void) {
    char *line = type(L"a★\x16★\x1b★b\r", quotes, NULL);
    OK(line && strcmp(line, "a\x1b"
                            "b") == 0,
       "Ctrl-V takes Escape as a character: %s", line ? line : "(end)");
    free(line);
}

static void test_editrc(void) {
    write_editrc("# a comment\n\nbind ^X ed-move-to-beg\nbind \"\\e[99~\" ed-move-to-end\nnonsense line\nedit off\n"
                 "other:bind ^A ed-insert\n");
    expect(L"abc\x18X\r", "Xabc");
    expect(L"abc\x01X\r", "Xabc");
    write_editrc("bind -v\nbind ^X ed-move-to-beg\n");
    expect(L"abc\x1b"
           L"0iX\r",
           "Xabc");
    expect(L"abc\x18X\r", "Xabc");
    expect(L"one two\x1b"
           L"bcwY\r",
           "one Y");
    expect(L"one two\x1b[1;5DiX\r", "one Xtwo");
    write_editrc("bind -v\nbind -e\n");
    expect(L"one two\x1b[1;5DX\r", "one Xtwo");
    write_editrc("bind \"\\e[99~\" ed-move-to-end\nbind -a \"^[x\" ed-move-to-beg\nbind \\\\033[7^ ed-move-to-end\n");
    script s = {.keys = L""};
    error err;
    editor *e = editor_open(NULL, next, &s, &err);
    OK(editor_is_bound(e, "\033[99~", 5) && editor_is_bound(e, "\033x", 2), "the file's bindings are known");
    OK(!editor_is_bound(e, "\033[98~", 5), "others are not");
    editor_close(e);
    unlink(editrc);
}

static void look(script *s) {
    editor_view v;
    editor_look(s->editor, &v);
    char got[256];
    snprintf(got, sizeof got, "%.*ls@%zu", (int)v.n, v.text, v.cursor);
    if (v.search)
        snprintf(got + strlen(got), sizeof got - strlen(got), " %c%.*ls%s", v.search_mark, (int)v.n_search, v.search,
                 v.search_failed ? "!" : "");
    OK(strcmp(got, s->expected) == 0, "the buffer is \"%s\", expected \"%s\"", got, s->expected);
}

static void expect_buffer(const wchar_t *keys, const char *expected) {
    free(type(keys, look, expected));
}

static void test_looking(void) {
    expect_buffer(L"hello\x02★", "hello@4");
    expect_buffer(L"\x12★", "@0 <");
    expect_buffer(L"x\x16\ny★", "x\ny@3");
}

static void test_history(void) {
    script s = {.keys = L""};
    error err;
    editor *e = editor_open(history, next, &s, &err);
    OK(editor_remember(e, "alpha one", &err) == 0 && editor_remember(e, "beta\ntwo lines", &err) == 0, "remembered");
    OK(editor_remember(e, "beta\ntwo lines", &err) == 0, "a repeated line is not remembered twice");
    OK(editor_remember(e, "gamma 漢 \\ back", &err) == 0, "any text can be");
    editor_close(e);
    struct stat st;
    OK(stat(history, &st) == 0 && (st.st_mode & 0777) == 0600, "the file is private");
    expect(L"\x10\r", "gamma 漢 \\ back");
    expect(L"\x10\x10\r", "beta\ntwo lines");
    expect(L"\x10\x10\x10\r", "alpha one");
    expect(L"\x12two\r", "beta\ntwo lines");
    expect_buffer(L"\x12"
                  L"al★",
                  "alpha one@0 <al");
    expect_buffer(L"\x12"
                  L"alq★",
                  "alpha one@0 <alq!");
    expect_buffer(L"typed\x12"
                  L"alq\x07\x07★",
                  "typed@5");
    expect_buffer(L"\x12"
                  L"al\x1b★x",
                  "alpha one@0");
    write_editrc("bind -v\n");
    expect_buffer(L"\x1b/al★", "@0 /al");
    unlink(editrc);
    char *missing = NULL;
    e = editor_open("/nonexistent/history", next, &s, &err);
    OK(e && editor_remember(e, "kept in memory", &err) == -1 && err.text[0], "a file that cannot be written: %s",
       err.text);
    editor_close(e);
    free(missing);
}

static void insert(script *s) {
    editor_insert(s->editor, L"12\n34", 5);
    editor_erase(s->editor, 1);
    editor_move(s->editor, 1);
}

static void test_inserting(void) {
    char *line = type(L"ab★X\r", insert, NULL);
    OK(line && strcmp(line, "aXb12\n3") == 0, "inserted, erased, moved: %s", line ? line : "(end)");
    free(line);
}

static void insert_lookalike(script *s) {
    editor_insert(s->editor, L"\nfwd: b", 7);
    look(s);
}

static void test_lookalike(void) {
    free(type(L"a★", insert_lookalike, "a\nfwd: b@8"));
}

static void paste(script *s) {
    size_t n = 1 << 20;
    wchar_t *text = mem_calloc(n, sizeof *text);
    for (size_t i = 0; i < n; i++) text[i] = i % 80 == 79 ? '\n' : 'x';
    editor_insert(s->editor, text, n);
    free(text);
}

static void test_megabyte(void) {
    char *line = type(L"a★b\x7f"
                      L"c\r",
                      paste, NULL);
    OK(line && strlen(line) == (1 << 20) + 2, "a megabyte goes through: %zu", line ? strlen(line) : 0);
    free(line);
}

int main(void) {
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        SKIP("no UTF-8 locale");
        return test_end();
    }
    if (!mkdtemp(home)) return 1;
    setenv("HOME", home, 1);
    unsetenv("EDITRC");
    snprintf(history, sizeof history, "%s/history", home);
    snprintf(editrc, sizeof editrc, "%s/.editrc", home);
    test_emacs();
    test_quoting();
    test_editrc();
    test_looking();
    test_inserting();
    test_lookalike();
    test_megabyte();
    test_history();
    unlink(history);
    unlink(editrc);
    rmdir(home);
    return test_end();
}
