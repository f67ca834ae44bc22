// Reading lines.
//
// libedit asks for every character through get_char, which waits in poll for the keyboard and for signals, so that no
// signal is ever lost between a check and a read. Its own signal handling stays off.
#define _XOPEN_SOURCE 700
#include "ui/repl_input.h"
#include "app/chat_background.h"
#include "app/paths.h"
#include "ui/history_file.h"
#include "ui/repl_signals.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { LONGEST_LINE = 64 << 20, HISTORY_LINES = 2000, LONGEST_REMEMBERED = 64 << 10 };

struct repl_input {
    chat *chat;
    bool interactive;
    repl_meanwhile meanwhile;
    EditLine *el; // NULL: plain reading
    History *history;
    buf history_path; // empty: the history is not kept
    const char *prompt;
    input_event ended; // why get_char gave up
    buf pending;       // plain reading: bytes that came behind the last line
    bool editing;      // libedit has the terminal
    bool hushed;
    struct termios loud; // the terminal as it was at the start
};

// ---- libedit

static char *get_prompt(EditLine *el) {
    repl_input *in;
    el_get(el, EL_CLIENTDATA, &in);
    return (char *)in->prompt;
}

// Something happened while the line is awaited: a training told how far it is.
static void write_meanwhile(repl_input *in) {
    if (!in->meanwhile.pump(in->meanwhile.arg)) return;
    if (in->interactive) fputc('\n', stdout);
    in->meanwhile.write(in->meanwhile.arg);
    if (in->editing) el_set(in->el, EL_REFRESH);
    if (in->interactive && !in->editing) printf("%s", in->prompt);
    fflush(stdout);
}

// Waits for a byte of input: 1 there is one (or the end of it), 0 a signal ends the line (in->ended says how).
static int wait_for_input(repl_input *in) {
    struct pollfd fds[2 + CHAT_MAX_FDS] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                           {.fd = signals_fd(), .events = POLLIN}};
    for (;;) {
        size_t n = 2 + chat_fds(in->chat, fds + 2);
        int came_in = poll(fds, n, chat_wait_ms(in->chat));
        if (came_in < 0 && errno != EINTR) return 1;
        if (came_in <= 0) fds[0].revents = fds[1].revents = 0;
        bool has_news = chat_wait_ms(in->chat) == 0;
        for (size_t i = 2; i < n && came_in > 0; i++) has_news |= fds[i].revents != 0;
        if (has_news) write_meanwhile(in);
        unsigned came = fds[1].revents ? signals_take() : 0;
        if (came & SIGNAL_END) {
            in->ended = INPUT_END;
            return 0;
        }
        if (came & SIGNAL_INTERRUPT) {
            in->ended = INPUT_INTERRUPT;
            return 0;
        }
        if (came & SIGNAL_RESIZE && in->el) el_resize(in->el);
        if (came & SIGNAL_SUSPEND) repl_input_suspend(in);
        if (fds[0].revents) return 1;
    }
}

static bool line_is_empty(EditLine *el) {
    const LineInfo *line = el_line(el);
    return line->lastchar == line->buffer;
}

static int get_char(EditLine *el, wchar_t *out) {
    repl_input *in;
    el_get(el, EL_CLIENTDATA, &in);
    char bytes[4];
    size_t n = 0;
    for (;;) {
        if (!wait_for_input(in)) {
            if (in->ended == INPUT_INTERRUPT && !line_is_empty(el)) in->ended = INPUT_INTERRUPT_TYPED;
            errno = EINTR;
            return -1;
        }
        ssize_t got = read(STDIN_FILENO, bytes + n, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return (int)got;
        uint32_t cp;
        int len = utf8_decode(bytes, ++n, &cp);
        if (len == 0) continue;
        *out = len > 0 ? (wchar_t)cp : 0xfffd;
        return 1;
    }
}

static size_t common_prefix(const char *list) {
    size_t first = strcspn(list, "\n"), n = first;
    for (const char *s = list; *s; s += strcspn(s, "\n") + 1) {
        size_t i = 0;
        while (i < n && s[i] == list[i]) i++;
        n = i;
    }
    while (n > 0 && n < first && ((unsigned char)list[n] & 0xc0) == 0x80) n--;
    return n;
}

// Tab: puts in what all candidates share; when that is nothing new, writes them out below.
static unsigned char complete(EditLine *el, int key) {
    (void)key;
    repl_input *in;
    el_get(el, EL_CLIENTDATA, &in);
    const LineInfo *info = el_line(el);
    size_t cursor = (size_t)(info->cursor - info->buffer), start;
    char *line = mem_strndup(info->buffer, (size_t)(info->lastchar - info->buffer));
    buf words = {0};
    chat_complete(in->chat, line, cursor, &start, &words);
    unsigned char result = CC_ERROR;
    if (words.len > 0) {
        size_t shared = common_prefix(words.data);
        bool only_one = words.data[shared] == '\n' && words.data[shared + 1] == '\0';
        bool is_folder = shared > 0 && words.data[shared - 1] == '/';
        if (shared > cursor - start || only_one) {
            char *text = mem_strndup(words.data, shared);
            el_deletestr(el, (int)utf8_length(line + start, cursor - start));
            el_insertstr(el, text);
            if (only_one && !is_folder) el_insertstr(el, " ");
            free(text);
            result = CC_REFRESH;
        } else {
            FILE *out;
            el_get(el, EL_GETFP, 1, &out);
            fprintf(out, "\n%s", words.data);
            fflush(out);
            result = CC_REDISPLAY;
        }
    }
    buf_free(&words);
    free(line);
    return result;
}

static void open_history(repl_input *in) {
    HistEvent event;
    in->history = history_init();
    history(in->history, &event, H_SETSIZE, HISTORY_LINES);
    history(in->history, &event, H_SETUNIQUE, 1);
    el_set(in->el, EL_HIST, history, in->history);
    buf folder = {0};
    if (paths_data(NULL, &folder, NULL) == 0 && paths_make_dir(buf_str(&folder), NULL) == 0 &&
        paths_data("history", &in->history_path, NULL) == 0) {
        bool is_there = history_file_is_there(in->history_path.data);
        int n = is_there ? history(in->history, &event, H_LOAD, in->history_path.data) : 0;
        if (n > 2 * HISTORY_LINES) history_file_shorten(in->history_path.data, HISTORY_LINES);
    }
    buf_free(&folder);
}

// Very long messages are not worth a place in the file. A file that cannot be written is no reason to disturb the chat.
void repl_input_remember(repl_input *in, const char *text) {
    HistEvent event;
    if (!in->history || !*text) return;
    history(in->history, &event, H_ENTER, text);
    if (in->history_path.len && strlen(text) <= LONGEST_REMEMBERED)
        history_file_append(in->history_path.data, text, NULL);
}

// Where a person edits: on the terminal that shows the answers, else on the one that shows errors.
static FILE *edit_stream(void) {
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !term || !*term || strcmp(term, "dumb") == 0) return NULL;
    return isatty(STDOUT_FILENO) ? stdout : isatty(STDERR_FILENO) ? stderr : NULL;
}

repl_input *repl_input_open(chat *c, bool interactive, repl_meanwhile m) {
    repl_input *in = mem_calloc(1, sizeof *in);
    in->chat = c;
    in->interactive = interactive;
    in->meanwhile = m;
    FILE *out = interactive && tcgetattr(STDIN_FILENO, &in->loud) == 0 ? edit_stream() : NULL;
    if (out) in->el = el_init("doppel", stdin, out, stderr);
    if (!in->el) return in;
    el_set(in->el, EL_CLIENTDATA, in);
    el_set(in->el, EL_PROMPT, get_prompt);
    el_set(in->el, EL_SIGNAL, 0);
    el_set(in->el, EL_EDITOR, "emacs");
    el_set(in->el, EL_GETCFN, get_char);
    // The wide call: the other one copies the names and never frees them.
    el_wset(in->el, EL_ADDFN, L"doppel-complete", L"complete commands, settings, models and files", complete);
    el_set(in->el, EL_BIND, "^I", "doppel-complete", NULL);
    open_history(in);
    el_source(in->el, NULL);
    return in;
}

void repl_input_close(repl_input *in) {
    if (!in) return;
    repl_input_hush(in, false);
    if (in->el) el_end(in->el);
    if (in->history) history_end(in->history);
    buf_free(&in->history_path);
    buf_free(&in->pending);
    free(in);
}

// ---- reading

static void take_line(buf *out, const char *line, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (line[i])
            buf_putc(out, line[i]);
        else
            buf_puts(out, UTF8_REPLACEMENT);
    }
}

static input_event read_edited(repl_input *in, const char *draft, bool *draft_shown, buf *out) {
    if (draft && !strpbrk(draft, "\r\n")) {
        *draft_shown = true;
        el_push(in->el, draft);
    }
    int n = 0;
    in->ended = INPUT_EOF;
    in->editing = true;
    in->hushed = false;
    const char *line = el_gets(in->el, &n);
    in->editing = false;
    repl_input_hush(in, true);
    if (!line || n <= 0) return in->ended;
    while (n > 0 && strchr("\r\n", line[n - 1])) n--;
    take_line(out, line, (size_t)n);
    return INPUT_LINE;
}

static input_event read_plain(repl_input *in, buf *out) {
    size_t searched = 0;
    for (;;) {
        buf *p = &in->pending;
        const char *newline = p->len > searched ? memchr(p->data + searched, '\n', p->len - searched) : NULL;
        if (newline) {
            size_t n = (size_t)(newline - p->data);
            take_line(out, p->data, n > 0 && p->data[n - 1] == '\r' ? n - 1 : n);
            buf_remove(p, 0, n + 1);
            return INPUT_LINE;
        }
        searched = p->len;
        if (p->len > LONGEST_LINE) return INPUT_FAILED;
        if (!wait_for_input(in)) return in->ended;
        char piece[65536];
        ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return INPUT_FAILED;
        if (got == 0) {
            if (p->len == 0) return INPUT_EOF;
            take_line(out, p->data, p->len);
            buf_clear(p);
            return INPUT_LINE;
        }
        buf_append(p, piece, (size_t)got);
    }
}

input_event repl_input_read(repl_input *in, const char *prompt, const char *draft, bool *draft_shown, buf *out) {
    *draft_shown = false;
    in->prompt = prompt;
    if (in->el) return read_edited(in, draft, draft_shown, out);
    if (in->interactive) {
        printf("%s", prompt);
        fflush(stdout);
    }
    return read_plain(in, out);
}

void repl_input_hush(repl_input *in, bool hush) {
    if (hush == in->hushed || !in->el) return;
    struct termios quiet = in->loud;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, hush ? &quiet : &in->loud) == 0) in->hushed = hush;
}

// When the parent (a script, make) was stopped first, the shell may have taken the terminal back already. Then it is
// no longer ours to set, and trying would stop us twice.
static void release_terminal(repl_input *in) {
    if (tcgetpgrp(STDIN_FILENO) != getpgrp()) return;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGTTOU, &ignore, &before);
    if (in->editing)
        el_set(in->el, EL_PREP_TERM, 0);
    else
        repl_input_hush(in, false);
    sigaction(SIGTTOU, &before, NULL);
}

void repl_input_suspend(repl_input *in) {
    bool hushed = in->hushed;
    if (in->el) release_terminal(in);
    signals_stop();
    if (!in->el) return;
    if (in->editing) {
        el_set(in->el, EL_PREP_TERM, 1);
        el_set(in->el, EL_REFRESH);
    } else if (hushed) {
        in->hushed = false;
        repl_input_hush(in, true);
    }
}
