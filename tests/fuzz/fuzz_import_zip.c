// Any bytes as a zip archive of logs, a Slack export or a data package.
#include "tests/fuzz/fuzz_import.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const uint8_t begin[] = {'P', 'K', 3, 4};
    char path[64];
    const char *paths[] = {path};
    int fd = memfd_create("fuzz", 0);
    // What does not begin like an archive is another target's business.
    if (fd < 0 || write(fd, begin, 4) != 4) abort();
    if (n > 4 && write(fd, data + 4, n - 4) != (ssize_t)(n - 4)) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fuzz_seen seen = {.largest_reply = -1};
    error err;
    corpus_read(paths, 1, NULL, fuzz_message, &seen, NULL, &err);
    if (seen.largest_reply >= seen.messages) abort();
    buf_free(&seen.line);
    close(fd);
    return 0;
}
