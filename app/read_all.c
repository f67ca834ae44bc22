#include "app/read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int read_all(const char *path, buf *out, error *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, "%s: cannot be opened: %s; check the path", name, strerror(errno));
    char piece[65536];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) buf_append(out, piece, (size_t)n);
        if (out->len > READ_ALL_MOST) break;
    }
    int why = errno;
    if (!is_stdin) close(fd);
    if (n < 0) return error_set(err, "%s: cannot read it: %s", name, strerror(why));
    if (out->len > READ_ALL_MOST)
        return error_set(err, "%s: more than %d MB; cut it into pieces", name, READ_ALL_MOST >> 20);
    return 0;
}
