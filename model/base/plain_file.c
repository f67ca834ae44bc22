#include "model/base/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int plain_file_open(const char *path, error *err) {
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return fd;
    int why = fd >= 0 && S_ISDIR(st.st_mode) ? EISDIR : fd >= 0 ? EINVAL : errno;
    if (fd >= 0) close(fd);
    error_set(err, "%s: cannot be read: %s", path, why == EINVAL ? "is no regular file" : strerror(why));
    errno = why;
    return -1;
}
