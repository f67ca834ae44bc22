#include "model/base/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 1024 };

// One mapping. Taken by whoever sets `taken`; the handler looks at those whose `to` is not 0.
typedef struct watch {
    atomic_bool taken, happened;
    _Atomic uintptr_t from, to;
} watch;

static watch watches[MOST];
static _Atomic uintptr_t page_size;

int fault_watch(const void *data, size_t size) {
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < MOST; i++) {
        watch *w = &watches[i];
        if (atomic_exchange(&w->taken, true)) continue;
        w->happened = false;
        w->from = (uintptr_t)data;
        w->to = (uintptr_t)data + size;
        return i;
    }
    return -1;
}

void fault_unwatch(int watched) {
    if (watched < 0) return;
    watches[watched].to = 0;
    watches[watched].taken = false;
}

bool fault_happened(int watched) {
    return watched >= 0 && watches[watched].happened;
}

bool fault_mend(const siginfo_t *info) {
    uintptr_t at = (uintptr_t)info->si_addr;
    if (info->si_code <= 0) return false; // sent by somebody
    for (int i = 0; i < MOST; i++) {
        watch *w = &watches[i];
        if (at < w->from || at >= w->to) continue;
        int saved = errno;
        void *page = (void *)(at & ~(page_size - 1));
        void *zeros = mmap(page, page_size, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        errno = saved;
        if (zeros != page) return false;
        w->happened = true;
        return true;
    }
    return false;
}

// The instruction is tried again; with the default action it ends the program.
static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    if (fault_mend(info)) return;
    signal(number, SIG_DFL);
    if (info->si_code <= 0) raise(number);
}

void fault_install(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void fault_block_others(sigset_t *before) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t others;
    sigfillset(&others);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_SETMASK, &others, before);
}
