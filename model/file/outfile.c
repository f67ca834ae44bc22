// Temporary file, fsync, rename, fsync of the folder.
#include "model/file/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 18 };

struct outfile {
    char *path, *temporary;
    int fd;
    int why; // errno of the first failed write; 0: none
    uint64_t size;
    buf waiting;
};

outfile *outfile_open(const char *path, error *err) {
    struct stat old;
    mode_t mode = 0600;
    if (stat(path, &old) == 0) {
        if (!S_ISREG(old.st_mode)) {
            error_set(err, "%s: is no ordinary file; name another", path);
            return NULL;
        }
        mode = old.st_mode & 0777;
    }
    char *target = realpath(path, NULL);
    if (!target) target = mem_strdup(path);
    buf temporary = {0};
    buf_printf(&temporary, "%s.XXXXXX", target);
    int fd = mkstemp(temporary.data);
    if (fd < 0 || fchmod(fd, mode) != 0) {
        error_set(err, "%s: cannot be written: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
            unlink(temporary.data);
        }
        free(target);
        buf_free(&temporary);
        return NULL;
    }
    outfile *o = mem_calloc(1, sizeof *o);
    o->path = target;
    o->temporary = buf_take(&temporary);
    o->fd = fd;
    return o;
}

static void write_out(outfile *o, const char *bytes, size_t n) {
    while (n > 0 && o->why == 0) {
        ssize_t done = write(o->fd, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) {
            o->why = done < 0 ? errno : EIO;
            return;
        }
        bytes += done;
        n -= (size_t)done;
    }
}

static void flush(outfile *o) {
    if (o->waiting.len) write_out(o, o->waiting.data, o->waiting.len);
    buf_clear(&o->waiting);
}

void outfile_write(outfile *o, const void *bytes, size_t n) {
    o->size += n;
    if (o->waiting.len + n > BUFFER_BYTES) flush(o);
    if (n > BUFFER_BYTES)
        write_out(o, bytes, n);
    else
        buf_append(&o->waiting, bytes, n);
}

bool outfile_ok(const outfile *o) {
    return o->why == 0;
}

uint64_t outfile_size(const outfile *o) {
    return o->size;
}

// The folder's entry must be on the disk too; a system that cannot sync a folder has done what it can.
static void sync_folder(const char *path) {
    char *folder = mem_strdup(path), *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

static void free_all(outfile *o) {
    buf_free(&o->waiting);
    free(o->path);
    free(o->temporary);
    free(o);
}

int outfile_commit(outfile *o, error *err) {
    flush(o);
    if (o->why == 0 && fsync(o->fd) != 0) o->why = errno;
    if (close(o->fd) != 0 && o->why == 0) o->why = errno;
    if (o->why == 0 && rename(o->temporary, o->path) != 0) o->why = errno;
    int why = o->why;
    if (why == 0) {
        sync_folder(o->path);
    } else {
        unlink(o->temporary);
        error_set(err, "%s: cannot be written: %s", o->path, strerror(why));
    }
    free_all(o);
    return why == 0 ? 0 : -1;
}

void outfile_discard(outfile *o) {
    if (!o) return;
    close(o->fd);
    unlink(o->temporary);
    free_all(o);
}

int outfile_replace(const char *path, const void *bytes, size_t n, error *err) {
    outfile *o = outfile_open(path, err);
    if (!o) return -1;
    outfile_write(o, bytes, n);
    return outfile_commit(o, err);
}
