#include "ui/editor.h"

#include "ui/editrc.h"
#include "ui/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { HISTORY_ENTRIES = 2000, HISTORY_ENTRY_BYTES = 1 << 16 };

struct editor {
    EditLine *el;
    HistoryW *history;
    char *history_path;
    editor_next next;
    void *arg;
    int pty, tty; // the two ends of the private pseudo-terminal
    FILE *in, *out;
    editrc bound;
};

// ---- opening

static int open_pty(editor *e, error *err) {
    e->pty = posix_openpt(O_RDWR | O_NOCTTY);
    if (e->pty >= 0 && grantpt(e->pty) == 0 && unlockpt(e->pty) == 0) {
        const char *name = ptsname(e->pty);
        if (name) e->tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (e->tty < 0)
        return error_set(err, "cannot get a pseudo-terminal for the line editor: %s; try doppel chat --plain",
                         strerror(errno));
    fcntl(e->pty, F_SETFD, FD_CLOEXEC);
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    ioctl(e->tty, TIOCSWINSZ, &size);
    return 0;
}

static int get_char(EditLine *el, wchar_t *c) {
    editor *e = NULL;
    el_wget(el, EL_CLIENTDATA, &e);
    return e->next(e->arg, c);
}

static void load_history(editor *e) {
    HistEventW event;
    e->history = history_winit();
    history_w(e->history, &event, H_SETSIZE, HISTORY_ENTRIES);
    history_w(e->history, &event, H_SETUNIQUE, 1);
    if (!e->history_path || !history_file_is_there(e->history_path)) return;
    int n = history_w(e->history, &event, H_LOAD, e->history_path);
    if (n > 2 * HISTORY_ENTRIES) history_file_shorten(e->history_path, HISTORY_ENTRIES);
}

editor *editor_open(const char *history_path, editor_next next, void *arg, error *err) {
    editor *e = mem_calloc(1, sizeof *e);
    *e = (editor){.next = next, .arg = arg, .pty = -1, .tty = -1, .history_path = mem_strdup(history_path)};
    if (open_pty(e, err)) {
        editor_close(e);
        return NULL;
    }
    e->in = fopen("/dev/null", "r");
    e->out = fopen("/dev/null", "w");
    if (e->in && e->out) e->el = el_init_fd("doppel", e->in, e->out, e->out, e->tty, e->tty, e->tty);
    if (!e->el) {
        editor_close(e);
        error_set(err, "cannot start the line editor: %s; try doppel chat --plain", strerror(errno));
        return NULL;
    }
    el_wset(e->el, EL_CLIENTDATA, e);
    el_wset(e->el, EL_GETCFN, get_char);
    el_wset(e->el, EL_SIGNAL, 0);
    load_history(e);
    el_wset(e->el, EL_HIST, history_w, e->history);
    editrc_read(&e->bound, e->el);
    el_wset(e->el, EL_EDITMODE, 1); // "edit off" would leave no way to submit a line
    return e;
}

void editor_close(editor *e) {
    if (!e) return;
    if (e->el) el_end(e->el);
    if (e->history) history_wend(e->history);
    if (e->in) fclose(e->in);
    if (e->out) fclose(e->out);
    if (e->tty >= 0) close(e->tty);
    if (e->pty >= 0) close(e->pty);
    editrc_free(&e->bound);
    free(e->history_path);
    free(e);
}

// ---- lines

static char *to_utf8(const wchar_t *text, size_t n) {
    buf out = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t c = (uint32_t)text[i];
        char bytes[4];
        bool valid = c > 0 && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        buf_append(&out, bytes, (size_t)utf8_encode(valid ? c : 0xfffd, bytes));
    }
    return buf_take(&out);
}

char *editor_line(editor *e) {
    int n = 0;
    const wchar_t *line = el_wgets(e->el, &n);
    if (!line || n <= 0) return NULL;
    size_t len = (size_t)n;
    if (line[len - 1] == '\n' || line[len - 1] == '\r') len--;
    return to_utf8(line, len);
}

static wchar_t *to_wide(const char *s) {
    size_t n = strlen(s), used = 0;
    wchar_t *out = mem_calloc(n + 1, sizeof *out);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = utf8_decode(s + i, n - i, &c);
        out[used++] = len > 0 ? (wchar_t)c : 0xfffd;
        i += len > 0 ? (size_t)len : 1;
    }
    return out;
}

int editor_remember(editor *e, const char *line, error *err) {
    HistEventW event;
    wchar_t *wide = to_wide(line);
    bool is_repeated = history_w(e->history, &event, H_FIRST) >= 0 && wcscmp(event.str, wide) == 0;
    if (!is_repeated) history_w(e->history, &event, H_ENTER, wide);
    free(wide);
    if (is_repeated || !e->history_path || strlen(line) > HISTORY_ENTRY_BYTES) return 0;
    return history_file_append(e->history_path, line, err);
}

// ---- inside the loop

// A running search stands in libedit's buffer: "text\nbck:pattern" (fwd:, or ? for : when nothing was found) while
// searching incrementally, with the cursor in the text; and "\n/pattern " with the cursor on the space where vi mode
// asks for one.
static void find_search(editor_view *v) {
    static const wchar_t *const DIRECTION[] = {L"bck", L"fwd"};
    if (v->n >= 3 && v->text[0] == '\n' && v->text[1] < 0x80 && strchr("/?:", (char)v->text[1]) &&
        v->cursor == v->n - 1 && v->text[v->n - 1] == ' ') {
        v->search = v->text + 2;
        v->n_search = v->n - 3;
        v->search_mark = (char)v->text[1];
        v->n = v->cursor = 0;
        return;
    }
    size_t at = v->n;
    while (at > 0 && v->text[at - 1] != '\n') at--;
    if (at == 0 || v->n - at < 4 || v->cursor >= at) return;
    for (int i = 0; i < 2; i++) {
        wchar_t mark = v->text[at + 3];
        if (wmemcmp(v->text + at, DIRECTION[i], 3) != 0 || (mark != ':' && mark != '?')) continue;
        v->search = v->text + at + 4;
        v->n_search = v->n - at - 4;
        v->search_mark = i == 0 ? '<' : '>';
        v->search_failed = mark == '?';
        v->n = at - 1;
    }
}

void editor_look(const editor *e, editor_view *v) {
    const LineInfoW *line = el_wline(e->el);
    *v = (editor_view){.text = line->buffer,
                       .n = (size_t)(line->lastchar - line->buffer),
                       .cursor = (size_t)(line->cursor - line->buffer)};
    find_search(v);
}

void editor_insert(editor *e, const wchar_t *text, size_t n) {
    wchar_t *copy = mem_calloc(n + 1, sizeof *copy);
    wmemcpy(copy, text, n);
    el_winsertstr(e->el, copy);
    free(copy);
}

void editor_erase(editor *e, size_t n) {
    el_wdeletestr(e->el, (int)n);
}

void editor_move(editor *e, size_t cursor) {
    editor_view v;
    editor_look(e, &v);
    el_cursor(e->el, (int)cursor - (int)v.cursor);
}

char *editor_before_cursor(const editor *e, size_t *n, bool *at_end) {
    editor_view v;
    editor_look(e, &v);
    char *text = to_utf8(v.text, v.cursor);
    *n = strlen(text);
    *at_end = v.cursor == v.n;
    return text;
}

bool editor_is_bound(const editor *e, const char *bytes, size_t n) {
    return editrc_binds(&e->bound, bytes, n);
}

bool editor_is_vi(const editor *e) {
    return editrc_is_vi(e->el);
}

// libedit does not tell; but while it quotes, it has its terminal send no signals, and that terminal is ours.
bool editor_quotes(const editor *e) {
    struct termios t;
    return tcgetattr(e->tty, &t) == 0 && !(t.c_lflag & ISIG);
}
