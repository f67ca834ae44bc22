// One canvas_cell becomes one ncurses cell. What a locale without UTF-8 cannot write is replaced by what looks like it;
// what the C library gives another width than cells.c does (it would shift the rest of the row) by U+FFFD.
#define NCURSES_WIDECHAR 1
#include "ui/screen.h"

#include "app/clean.h"
#include "model/base/mem.h"
#include "ui/restore.h"

#include <curses.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

// Button presses and drags (1002) as SGR reports (1006); bracketed paste (2004).
static const char MODES_ON[] = "\033[?1002h\033[?1006h\033[?2004h";
static const char TITLE_KEEP[] = "\033[22;2t", TITLE_BACK[] = "\033[23;2t"; // on the terminal's stack of titles
static const char MODES_OFF[] = "\033[?2004l\033[?1006l\033[?1002l";

static SCREEN *terminal;
static canvas shown; // what ncurses was given last
static bool is_forgotten, is_narrow, knows_modes, knows_titles;
static buf title; // what doppel wrote into the terminal's title; empty: it is the terminal's own
static struct termios saved;
static attr_t looks[STYLE_COUNT];
static short pairs[STYLE_COUNT];

// ---- opening and closing

// Without a locale almost every terminal still shows UTF-8; a locale that names another character set is believed.
static void choose_locale(void) {
    const char *name = setlocale(LC_CTYPE, "");
    if (name && strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0) return;
    if (!setlocale(LC_CTYPE, "C.UTF-8") && !setlocale(LC_CTYPE, "en_US.UTF-8")) setlocale(LC_CTYPE, "UTF-8");
}

static void choose_looks(theme t) {
    int colours = 0;
    if (t != THEME_MONO && !theme_no_colour() && has_colors() && start_color() == OK) colours = COLORS;
    bool keeps_background = colours > 0 && use_default_colors() == OK;
    for (int i = 0; i < STYLE_COUNT; i++) {
        theme_look look = theme_of(t, (theme_style)i, colours);
        looks[i] = (look.attributes & THEME_BOLD ? A_BOLD : 0) | (look.attributes & THEME_DIM ? A_DIM : 0) |
                   (look.attributes & THEME_REVERSE ? A_REVERSE : 0) |
                   (look.attributes & THEME_UNDERLINE ? A_UNDERLINE : 0);
        short foreground = look.foreground < 0 && !keeps_background ? COLOR_WHITE : look.foreground;
        pairs[i] = 0;
        if (colours > 0 && foreground >= 0 &&
            init_pair((short)(i + 1), foreground, keeps_background ? -1 : COLOR_BLACK) == OK)
            pairs[i] = (short)(i + 1);
    }
}

// Appends a terminal string without its padding ("$<5>").
static void add_string(char *out, size_t size, const char *capability) {
    const char *s = tigetstr((char *)capability);
    size_t n = strlen(out);
    if (!s || s == (char *)-1) return;
    while (*s && n + 1 < size) {
        if (s[0] == '$' && s[1] == '<' && strchr(s, '>'))
            s = strchr(s, '>') + 1;
        else
            out[n++] = *s++;
    }
    out[n] = '\0';
}

static bool has_other_screen(void) {
    const char *s = tigetstr("rmcup");
    return s && s != (char *)-1;
}

static void send(const char *bytes) {
    fputs(bytes, stdout);
    fflush(stdout);
}

static void send_modes(const char *modes) {
    if (knows_modes) send(modes);
}

static void arm(void) {
    char bytes[256] = "";
    if (knows_modes) strcpy(bytes, MODES_OFF);
    if (title.len) strcat(bytes, TITLE_BACK);
    add_string(bytes, sizeof bytes, "sgr0");
    add_string(bytes, sizeof bytes, "cnorm");
    add_string(bytes, sizeof bytes, has_other_screen() ? "rmcup" : "clear");
    restore_arm(bytes, strlen(bytes), &saved);
}

int screen_check(error *err) {
    const char *name = getenv("TERM");
    int found;
    if (setupterm(NULL, 1, &found) != OK) return error_set(err, "TERM=%s is not known here", name ? name : "");
    const char *move_cursor = tigetstr("cup");
    bool moves = move_cursor && move_cursor != (char *)-1;
    del_curterm(cur_term);
    return moves ? 0 : error_set(err, "TERM=%s cannot place a cursor", name ? name : "");
}

// Consoles take the sequence for text, or swallow what follows.
static bool shows_titles(const char *name) {
    static const char *const WITHOUT[] = {"linux", "vt", "cons", "ansi", "sun", "dumb", "wsvt", "hurd", "pc"};
    for (size_t i = 0; i < sizeof WITHOUT / sizeof *WITHOUT; i++)
        if (!name || strncmp(name, WITHOUT[i], strlen(WITHOUT[i])) == 0) return false;
    return true;
}

int screen_open(theme t, error *err) {
    if (tcgetattr(0, &saved) != 0) return error_set(err, "standard input is no terminal; try doppel chat --plain");
    if (screen_check(err) != 0) return -1;
    choose_locale();
    is_narrow = strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal) return error_set(err, "the terminal cannot be used; try doppel chat --plain");
    knows_modes = strncmp(tigetstr("cup"), "\033[", 2) == 0;
    knows_titles = knows_modes && shows_titles(getenv("TERM"));
    arm();
    raw();
    noecho();
    nonl();
    typeahead(-1);
    choose_looks(t);
    refresh();
    send_modes(MODES_ON);
    is_forgotten = true;
    return 0;
}

// On a terminal with one screen only, half a frame would stay where the shell goes on.
static void give_back(void) {
    send_modes(MODES_OFF);
    if (title.len) send(TITLE_BACK);
    if (!has_other_screen()) {
        erase();
        refresh();
    }
    endwin();
    restore_disarm();
}

void screen_close(void) {
    if (!terminal) return;
    give_back();
    delscreen(terminal);
    terminal = NULL;
    canvas_free(&shown);
    buf_free(&title);
}

void screen_leave(void) {
    give_back();
}

static void set_title(void) {
    printf("\033]2;%s\033\\", buf_str(&title));
    fflush(stdout);
}

void screen_enter(void) {
    arm();
    screen_resize();
    refresh();
    send_modes(MODES_ON);
    if (!title.len) return;
    send(TITLE_KEEP);
    set_title();
}

void screen_title(const char *text) {
    buf clean = {0};
    bool had_own = title.len == 0;
    if (!knows_titles) return;
    clean_text(text, strcspn(text, "\n"), &clean);
    if (strcmp(buf_str(&clean), buf_str(&title)) != 0) {
        buf_clear(&title);
        buf_append(&title, buf_str(&clean), clean.len);
        if (had_own) send(TITLE_KEEP);
        if (title.len)
            set_title();
        else
            send(TITLE_BACK);
        arm();
    }
    buf_free(&clean);
}

void screen_ring(void) {
    send("\a");
}

// ---- size

void screen_size(int *rows, int *cols) {
    *rows = LINES;
    *cols = COLS;
}

void screen_resize(void) {
    struct winsize size;
    if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) resizeterm(size.ws_row, size.ws_col);
    screen_forget();
}

void screen_forget(void) {
    is_forgotten = true;
    clearok(curscr, TRUE);
}

bool screen_is_narrow(void) {
    return is_narrow;
}

static int control_key(int index) {
    cc_t c = saved.c_cc[index];
    return c == _POSIX_VDISABLE ? -1 : c;
}

int screen_interrupt_key(void) {
    return control_key(VINTR);
}

int screen_suspend_key(void) {
    return control_key(VSUSP);
}

// ---- showing

// What stands in for the characters doppel itself draws with.
static wchar_t plain(uint32_t ch) {
    static const struct {
        uint32_t ch;
        char plain;
    } TABLE[] = {{0x2500, '-'}, {0x2501, '='}, {0x2502, '|'}, {0x25cf, 'o'}, {0x203a, '>'}, {0x2026, '.'},
                 {0x2192, '>'}, {0x258c, '_'}, {0xb7, '.'},   {0x2193, 'v'}, {0x2191, '^'}, {0xd7, 'x'},
                 {0x2588, '#'}, {0x2423, '_'}, {0x2013, '-'}, {0x2581, '_'}, {0x2587, '#'}};
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].ch == ch) return TABLE[i].plain;
    if (ch >= 0x2500 && ch < 0x2580) return '+';
    if (ch > 0x2800 && ch < 0x2900) return (ch & 0x1b) && (ch & 0xe4) ? ':' : (ch & 0x1b) ? '\'' : '.'; // braille
    return ch >= 0x2589 && ch < 0x2590 ? '#' : '?';
}

// The base character as it may be sent; width is what cells.c gave it.
static wchar_t sendable(uint32_t ch, int width) {
    char bytes[MB_LEN_MAX];
    mbstate_t state = {0};
    if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0)) return '?';
    if (ch < 0x7f) return (wchar_t)ch;
    if (wcrtomb(bytes, (wchar_t)ch, &state) == (size_t)-1) return plain(ch);
    if (wcwidth((wchar_t)ch) == width) return (wchar_t)ch;
    return is_narrow ? '?' : 0xfffd;
}

static void put_cell(int row, int col, const canvas_cell *cell, bool is_wide) {
    wchar_t text[2 + CELLS_MARKS] = {sendable(cell->ch[0], is_wide ? 2 : 1)};
    for (int i = 1, n = 1; i <= CELLS_MARKS && cell->ch[i]; i++)
        if (!is_narrow && wcwidth((wchar_t)cell->ch[i]) == 0) text[n++] = (wchar_t)cell->ch[i];
    cchar_t c;
    if (setcchar(&c, text, looks[cell->style], pairs[cell->style], NULL) != OK) return;
    mvadd_wch(row, col, &c);
    if (is_wide && wcwidth(text[0]) < 2) mvaddch(row, col + 1, ' ');
}

static void put_row(const canvas *c, int row) {
    for (int col = 0; col < c->cols; col++) {
        const canvas_cell *cell = canvas_at(c, row, col), *next = canvas_at(c, row, col + 1);
        if (cell->ch[0]) put_cell(row, col, cell, next && next->ch[0] == 0);
    }
}

void screen_show(const canvas *c) {
    if (shown.rows != c->rows || shown.cols != c->cols) is_forgotten = true;
    if (is_forgotten) canvas_resize(&shown, c->rows, c->cols);
    size_t row_bytes = (size_t)c->cols * sizeof *c->cells;
    for (int row = 0; row < c->rows; row++) {
        canvas_cell *from = canvas_at(c, row, 0), *to = canvas_at(&shown, row, 0);
        if (!is_forgotten && memcmp(from, to, row_bytes) == 0) continue;
        memcpy(to, from, row_bytes);
        put_row(c, row);
    }
    is_forgotten = false;
    curs_set(c->cursor_row >= 0);
    if (c->cursor_row >= 0) move(c->cursor_row, c->cursor_col);
    refresh();
}
