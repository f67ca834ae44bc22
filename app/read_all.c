#include "app/read_all.h"
#include "model/base/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// Reads and closes fd, but for standard input.
static int read_and_close(int fd, const char *name, buf *out, error *err) {
    char piece[65536];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) buf_append(out, piece, (size_t)n);
        if (out->len > READ_ALL_MOST) break;
    }
    int why = errno;
    if (fd != STDIN_FILENO) close(fd);
    if (n < 0) return error_set(err, "%s: cannot read it: %s", name, strerror(why));
    if (out->len > READ_ALL_MOST)
        return error_set(err, "%s: more than %d MB; cut it into pieces", name, READ_ALL_MOST >> 20);
    return 0;
}

int read_all(const char *path, buf *out, error *err) {
    if (strcmp(path, "-") == 0) return read_and_close(STDIN_FILENO, "standard input", out, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, "%s: cannot be opened: %s; check the path", path, strerror(errno));
    return read_and_close(fd, path, out, err);
}

int read_all_plain(const char *path, buf *out, error *err) {
    int fd = plain_file_open(path, err);
    return fd < 0 ? -1 : read_and_close(fd, path, out, err);
}
