#include "app/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int wake_open(wake *w, error *err) {
    int ends[2];
    if (pipe(ends) != 0) return error_set(err, "cannot make a pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    w->read_end = ends[0];
    w->write_end = ends[1];
    atomic_init(&w->is_pending, false);
    return 0;
}

void wake_close(wake *w) {
    close(w->read_end);
    close(w->write_end);
}

int wake_fd(const wake *w) {
    return w->read_end;
}

void wake_up(wake *w) {
    int before = errno;
    ssize_t n;
    if (atomic_exchange(&w->is_pending, true)) return;
    do n = write(w->write_end, "", 1);
    while (n < 0 && errno == EINTR);
    errno = before;
}

// The flag falls last: fallen first, a byte written in between would be taken out with the flag left up, and nobody would
// be woken again. News that comes before it falls is found by the look that follows.
void wake_clear(wake *w) {
    char byte;
    ssize_t n;
    do n = read(w->read_end, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
    atomic_store(&w->is_pending, false);
}
