#include "ui/restore.h"
#include "model/base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 512, STACK_BYTES = 1 << 16 };

static const int FATAL[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT};
enum { N_FATAL = sizeof FATAL / sizeof *FATAL };

static struct sigaction before[N_FATAL];
static char farewell[MAX_BYTES];
static size_t n_farewell;
static struct termios attributes;
static volatile sig_atomic_t is_armed;

static void give_back(void) {
    if (!is_armed) return;
    is_armed = 0;
    ssize_t did = write(1, farewell, n_farewell);
    (void)did; // there is nobody left to tell
    tcsetattr(0, TCSANOW, &attributes);
}

// The signal then does what it would have done without us. It is raised again for those that came from outside; a
// faulting instruction would fault again by itself.
static void on_fatal(int number, siginfo_t *info, void *context) {
    int saved = errno;
    (void)context;
    if (number == SIGBUS && fault_mend(info)) return;
    give_back();
    for (int i = 0; i < N_FATAL; i++)
        if (FATAL[i] == number) sigaction(number, &before[i], NULL);
    raise(number);
    errno = saved;
}

// On a stack of its own, so that it also runs when the stack was what overflowed.
static void install(void) {
    static bool is_installed;
    static char stack[STACK_BYTES];
    if (is_installed) return;
    is_installed = true;
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    stack_t old;
    if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE)) sigaltstack(&s, NULL);
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_FATAL; i++) {
        sigaction(FATAL[i], &action, &before[i]);
    }
    atexit(give_back);
}

void restore_arm(const char *bytes, size_t n, const struct termios *t) {
    is_armed = 0;
    n_farewell = n < MAX_BYTES ? n : MAX_BYTES;
    memcpy(farewell, bytes, n_farewell);
    attributes = *t;
    install();
    is_armed = 1;
}

void restore_disarm(void) {
    is_armed = 0;
}
