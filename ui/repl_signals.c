// Flags, and a pipe that wakes whoever waits.
#include "ui/repl_signals.h"

#include "app/wake.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const struct {
    int number;
    unsigned flag;
} handled[] = {{SIGINT, SIGNAL_INTERRUPT},
               {SIGTSTP, SIGNAL_SUSPEND},
               {SIGWINCH, SIGNAL_RESIZE},
               {SIGTERM, SIGNAL_END},
               {SIGHUP, SIGNAL_END}};

enum { N_HANDLED = sizeof handled / sizeof *handled };

static struct sigaction before[N_HANDLED], before_pipe;
static volatile sig_atomic_t came[N_HANDLED];
static wake news;
static int last_end = SIGTERM;

static void on_signal(int number) {
    for (int i = 0; i < N_HANDLED; i++)
        if (handled[i].number == number) came[i] = 1;
    wake_up(&news);
}

int signals_open(void) {
    if (wake_open(&news, NULL) != 0) return -1;
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    for (int i = 0; i < N_HANDLED; i++) {
        sigaction(handled[i].number, NULL, &before[i]);
        // A program started with nohup, or in the background of a script, keeps ignoring what it was told to ignore.
        if (before[i].sa_handler != SIG_IGN) sigaction(handled[i].number, &a, NULL);
    }
    // A reader that went away is a failed write, so that the terminal is put right before the end.
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, &before_pipe);
    return 0;
}

void signals_close(void) {
    for (int i = 0; i < N_HANDLED; i++) sigaction(handled[i].number, &before[i], NULL);
    sigaction(SIGPIPE, &before_pipe, NULL);
    wake_close(&news);
}

int signals_fd(void) {
    return wake_fd(&news);
}

unsigned signals_take(void) {
    wake_clear(&news);
    unsigned flags = 0;
    for (int i = 0; i < N_HANDLED; i++) {
        if (!came[i]) continue;
        came[i] = 0;
        flags |= handled[i].flag;
        if (handled[i].flag == SIGNAL_END) last_end = handled[i].number;
    }
    return flags;
}

void signals_stop(void) {
    raise(SIGSTOP);
}

void signals_die(void) {
    raise(last_end);
}
