// Flags and a pipe. The pipe does not block: when it is full, whoever reads it is awake anyway.
#define _POSIX_C_SOURCE 200809L
#include "ui/repl_signals.h"

#include <errno.h>
#include <fcntl.h>
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
static int ends[2] = {-1, -1};
static int last_end = SIGTERM;

static void on_signal(int number) {
    int saved = errno;
    for (int i = 0; i < N_HANDLED; i++)
        if (handled[i].number == number) came[i] = 1;
    if (write(ends[1], "", 1) < 0) errno = saved;
    errno = saved;
}

int signals_open(void) {
    if (pipe(ends) != 0) return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
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
    close(ends[0]);
    close(ends[1]);
}

int signals_fd(void) {
    return ends[0];
}

unsigned signals_take(void) {
    char bytes[64];
    while (read(ends[0], bytes, sizeof bytes) > 0) continue;
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
