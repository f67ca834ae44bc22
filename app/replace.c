// Temporary file, fsync, rename, fsync of the folder.
#define _XOPEN_SOURCE 700
#include "app/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return -1;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

// The folder's entry must be on the disk too; a system that cannot sync a folder has done what it can.
static void sync_folder(const char *path) {
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

int replace_file(const char *path, const void *bytes, size_t n, error *err) {
    char *target = realpath(path, NULL);
    if (!target) target = mem_strdup(path);
    struct stat old;
    mode_t mode = 0600;
    if (stat(target, &old) == 0) {
        if (!S_ISREG(old.st_mode)) {
            free(target);
            return error_set(err, "%s: is no ordinary file; name another", path);
        }
        mode = old.st_mode & 0777;
    }
    buf temporary = {0};
    buf_printf(&temporary, "%s.XXXXXX", target);
    int failed = 0, fd = mkstemp(temporary.data);
    if (fd < 0) {
        failed = error_set(err, "%s: cannot be written: %s", path, strerror(errno));
    } else {
        int bad = write_all(fd, bytes, n) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0;
        int why = errno;
        if (close(fd) != 0 && !bad) bad = 1, why = errno;
        if (!bad && rename(temporary.data, target) != 0) bad = 1, why = errno;
        if (bad) {
            unlink(temporary.data);
            failed = error_set(err, "%s: cannot be written: %s", path, strerror(why));
        } else {
            sync_folder(target);
        }
    }
    buf_free(&temporary);
    free(target);
    return failed;
}
