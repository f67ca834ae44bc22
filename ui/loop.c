// The event loop. It runs inside libedit's get-character function (editor.h): wait for the terminal, the worker and
// signals; act; draw what changed, at most 60 times a second; return when there is a character for the editor.
#include "ui/ui.h"

#include "app/chat_background.h"
#include "app/chat_train.h"
#include "app/paths.h"
#include "app/report.h"
#include "ui/frame.h"
#include "ui/farewell.h"
#include "ui/input.h"
#include "ui/leave.h"
#include "ui/repl_signals.h"
#include "ui/screen.h"
#include "ui/training.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME_MS = 16,
    ESCAPE_MS = 50,  // a lone ESC is the Escape key after so long
    PASTE_MS = 2000, // a paste whose end never comes is taken as it is
    BURST_MS = 200,  // one without marks has ended when nothing came for so long
    READ_BYTES = 1 << 16,
};

typedef struct loop {
    ui ui;
    int64_t drawn_at, read_at; // milliseconds
    bool input_ended;
    unsigned ended_by; // SIGNAL_INTERRUPT or SIGNAL_END from outside; 0: none
} loop;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_over(const loop *l) {
    return l->ui.chat->quitting || l->ui.is_leaving || l->input_ended || l->ended_by;
}

// ---- suspending

// The whole job stops, as it would if the terminal's driver had seen the key: doppel may run under make. Also after a
// SIGSTOP from elsewhere the shell has had the terminal: SIGCONT asks for a new frame by way of SIGWINCH.
static volatile sig_atomic_t was_continued;

static void on_continue(int number) {
    (void)number;
    was_continued = 1;
    raise(SIGWINCH);
}

static void suspend(loop *l) {
    struct sigaction stop = {.sa_handler = SIG_DFL}, before;
    sigemptyset(&stop.sa_mask);
    sigaction(SIGTSTP, NULL, &before);
    if (before.sa_handler == SIG_IGN) {
        input_say(&l->ui, "there is no shell to come back from");
        return;
    }
    screen_leave();
    sigaction(SIGTSTP, &stop, NULL);
    kill(0, SIGTSTP);
    sigaction(SIGTSTP, &before, NULL);
    was_continued = 0;
    screen_enter();
    screen_size(&l->ui.rows, &l->ui.cols);
    l->ui.is_stale = true;
}

static void take_signals(loop *l) {
    unsigned came = signals_take();
    if (came & SIGNAL_SUSPEND) suspend(l);
    if (came & SIGNAL_RESIZE) {
        if (was_continued) {
            was_continued = 0;
            screen_leave();
            screen_enter();
        }
        screen_resize();
        screen_size(&l->ui.rows, &l->ui.cols);
        l->ui.is_stale = true;
    }
    if (came & (SIGNAL_INTERRUPT | SIGNAL_END)) l->ended_by = came & (SIGNAL_INTERRUPT | SIGNAL_END);
}

// ---- input

static void read_input(loop *l) {
    static char bytes[READ_BYTES];
    ssize_t n = read(0, bytes, sizeof bytes);
    if (n > 0) {
        keys_feed(&l->ui.keys, bytes, (size_t)n);
        l->read_at = now_ms();
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        l->input_ended = true;
    }
}

static int64_t patience(const loop *l) {
    return l->ui.keys.bursting ? BURST_MS : l->ui.keys.pasting ? PASTE_MS : ESCAPE_MS;
}

// Nothing that came since the last reading waits in the terminal: where this program was kept from running, the clock
// alone would take ESC and the rest of a sequence for two keys.
static bool is_quiet(void) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    return poll(&input, 1, 0) == 0;
}

// Takes one key, if there is one.
static bool take_key(loop *l) {
    ui *u = &l->ui;
    key k = u->held;
    u->held.code = KEYS_NONE;
    if (k.code == KEYS_NONE) {
        u->has_waited = false;
        bool timed_out = keys_waiting(&u->keys) && now_ms() - l->read_at >= patience(l) && is_quiet();
        if (!keys_next(&u->keys, timed_out, &k)) return false;
    }
    if (k.code == KEYS_CHAR && (int)k.ch == screen_suspend_key())
        suspend(l);
    else
        input_key(u, &k);
    return true;
}

// ---- waiting and drawing

static void draw_if_due(loop *l) {
    if (!l->ui.is_stale || now_ms() - l->drawn_at < FRAME_MS) return;
    frame_draw(&l->ui);
    screen_show(&l->ui.canvas);
    l->ui.is_stale = false;
    l->drawn_at = now_ms();
}

// Milliseconds until something is due by time alone; -1: nothing is.
static int next_deadline(const loop *l) {
    int64_t now = now_ms(), wait = -1;
    if (l->ui.is_stale) wait = l->drawn_at + FRAME_MS - now;
    if (keys_waiting(&l->ui.keys)) {
        int64_t key_wait = l->read_at + patience(l) - now;
        if (wait < 0 || key_wait < wait) wait = key_wait;
        if (wait < 0) wait = 0;
    }
    int chat_wait = chat_wait_ms(l->ui.chat);
    if (chat_wait >= 0 && (wait < 0 || chat_wait < wait)) wait = chat_wait;
    return l->ui.is_stale && wait < 0 ? 0 : (int)wait;
}

static void wait_for_events(loop *l) {
    enum { INPUT, SIGNALS, OTHERS };
    struct pollfd fds[OTHERS + CHAT_MAX_FDS] = {
        [INPUT] = {.fd = 0, .events = POLLIN}, [SIGNALS] = {.fd = signals_fd(), .events = POLLIN}};
    size_t n = OTHERS + chat_fds(l->ui.chat, fds + OTHERS);
    if (poll(fds, n, next_deadline(l)) <= 0)
        for (size_t i = 0; i < n; i++) fds[i].revents = 0;
    if (fds[SIGNALS].revents) take_signals(l);
    bool has_news = chat_wait_ms(l->ui.chat) == 0;
    for (size_t i = OTHERS; i < n; i++) has_news |= fds[i].revents != 0;
    if (has_news) {
        input_changed(&l->ui, chat_pump(l->ui.chat));
        training_tell(&l->ui);
    }
    if (fds[INPUT].revents) read_input(l);
}

static int next_char(void *arg, wchar_t *c) {
    loop *l = arg;
    ui *u = &l->ui;
    u->is_stale = true; // libedit has acted on the character before
    if (u->draft) {
        input_insert(u, u->draft, strlen(u->draft));
        free(u->draft);
        u->draft = NULL;
    }
    while (!is_over(l)) {
        if (u->at_feed < u->n_feed) {
            *c = u->feed[u->at_feed++];
            return 1;
        }
        if (take_key(l)) continue;
        draw_if_due(l);
        wait_for_events(l);
    }
    return 0;
}

// ---- start and end

static editor *open_editor(loop *l, error *err) {
    buf path = {0};
    bool has_home = paths_data(NULL, &path, NULL) == 0 && paths_make_dir(buf_str(&path), NULL) == 0;
    buf_clear(&path);
    if (has_home) paths_data("history", &path, NULL);
    editor *e = editor_open(has_home ? buf_str(&path) : NULL, next_char, l, err);
    buf_free(&path);
    return e;
}

static void close_ui(ui *u) {
    mode_close(u);
    training_free(u->training);
    editor_close(u->editor);
    transcript_free(u->transcript);
    entry_free(&u->entry);
    completion_close(&u->completion);
    buf_free(&u->completion.words);
    buf_free(&u->message);
    keys_free(&u->keys);
    free(u->feed);
    free(u->draft);
    canvas_free(&u->canvas);
}

bool ui_is_possible(error *why) {
    return screen_check(why) == 0;
}

int ui_run(chat *c, error *err) {
    loop l = {.ui = {.chat = c, .is_stale = true}, .drawn_at = -FRAME_MS};
    ui *u = &l.ui;
    err->text[0] = '\0';
    if (signals_open() != 0) {
        error_set(err, "cannot make a pipe: %s", strerror(errno));
        return EXIT_FAILED;
    }
    struct sigaction on_cont = {.sa_handler = on_continue, .sa_flags = SA_RESTART}, before_cont;
    sigemptyset(&on_cont.sa_mask);
    sigaction(SIGCONT, &on_cont, &before_cont);
    theme look;
    if (!theme_find(c->theme, &look))
        chat_note(c, true, "config.json: there is no theme \"%s\"; there are default, dark, light and mono", c->theme);
    int failed = screen_open(look, err);
    if (!failed) {
        u->transcript = transcript_new();
        sampling_init(&u->sampling);
        u->keys.latin1 = screen_is_narrow();
        screen_size(&u->rows, &u->cols);
        u->editor = open_editor(&l, err);
        failed = u->editor ? 0 : -1;
        c->train->has_pane = true;
        if (!failed) input_changed(u, CHAT_TURNS);
        while (!failed && !is_over(&l)) {
            char *line = editor_line(u->editor);
            if (line)
                input_submit(u, line);
            else if (!is_over(&l))
                leave_ask(u); // Ctrl-D
        }
        screen_close();
    }
    close_ui(u);
    farewell_end_trainings(c, false);
    sigaction(SIGCONT, &before_cont, NULL);
    signals_close();
    if (l.ended_by & SIGNAL_END) signals_die();
    if (l.ended_by) raise(SIGINT);
    return failed ? EXIT_FAILED : EXIT_DONE;
}
