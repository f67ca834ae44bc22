// Opened without blocking and checked before reading, so that a pipe or device under a file's name cannot stall us.
#include "model/text/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 512 << 20 };

static int read_all(int fd, const char *path, buf *out, error *err) {
    struct stat st;
    if (fstat(fd, &st) != 0) return error_set(err, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return error_set(err, "%s: is no regular file", path);
    if (st.st_size > MAX_FILE)
        return error_set(err, "%s: %lld bytes is too large for such a file", path, (long long)st.st_size);
    out->data = mem_reserve(out->data, &out->cap, (size_t)st.st_size + 1, 1);
    while (out->len < (size_t)st.st_size) {
        ssize_t n = read(fd, out->data + out->len, (size_t)st.st_size - out->len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error_set(err, "%s: cannot be read: %s", path, strerror(errno));
        if (n == 0) break; // it has become shorter
        out->len += (size_t)n;
    }
    out->data[out->len] = '\0';
    return 1;
}

int text_file_read(const char *dir, const char *name, buf *out, error *err) {
    buf path = {0};
    buf_printf(&path, "%s/%s", dir, name);
    buf_clear(out);
    int rc, fd = open(path.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        rc = read_all(fd, path.data, out, err);
        close(fd);
    } else {
        rc = errno == ENOENT || errno == ENOTDIR
                 ? 0
                 : error_set(err, "%s: cannot be opened: %s", path.data, strerror(errno));
    }
    buf_free(&path);
    return rc;
}
