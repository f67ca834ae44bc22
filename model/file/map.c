// Mapping files. Only regular files: a pipe would block, a device has no size.
#include "model/file/map.h"
#include "model/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_kind(const struct stat *st, const char *path, error *err) {
    if (S_ISDIR(st->st_mode)) return error_set(err, "%s: is a directory, a file was expected", path);
    if (!S_ISREG(st->st_mode)) return error_set(err, "%s: is no regular file; give the path of a file on disk", path);
    if (st->st_size == 0) return error_set(err, "%s: the file is empty; fetch it again", path);
    if ((uintmax_t)st->st_size > SIZE_MAX / 2) return error_set(err, "%s: is too large for this machine", path);
    return 0;
}

static struct timespec written(const struct stat *st) {
#ifdef __APPLE__
    return st->st_mtimespec;
#else
    return st->st_mtim;
#endif
}

int file_map_open(file_map *m, const char *path, error *err) {
    *m = (file_map){0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ENOENT) return error_set(err, "%s: there is no such file; check the name", path);
        return error_set(err, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) != 0) {
        error_set(err, "%s: cannot be read: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    if (check_kind(&st, path, err) != 0) {
        close(fd);
        return -1;
    }
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        error_set(err, "%s: cannot be mapped into memory: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    *m = (file_map){.data = data, .size = (size_t)st.st_size, .fd = fd, .written = written(&st)};
    m->watched = fault_watch(data, m->size);
    return 0;
}

void file_map_close(file_map *m) {
    if (m->data) {
        fault_unwatch(m->watched);
        munmap((void *)(uintptr_t)m->data, m->size);
        close(m->fd);
    }
    *m = (file_map){0};
}

bool file_map_is_torn(const file_map *m) {
    return m->data && fault_happened(m->watched);
}

bool file_map_has_changed(const file_map *m) {
    struct stat st;
    if (!m->data) return false;
    if (fault_happened(m->watched) || fstat(m->fd, &st) != 0 || (uintmax_t)st.st_size != m->size) return true;
    struct timespec now = written(&st);
    return now.tv_sec != m->written.tv_sec || now.tv_nsec != m->written.tv_nsec;
}

// Whole pages inside the range only: those at its ends belong to its neighbours as well.
void file_map_drop(const file_map *m, const void *data, size_t size) {
    uintptr_t base = (uintptr_t)m->data, from = (uintptr_t)data;
    if (!m->data || from < base || from - base > m->size || size > m->size - (from - base)) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (from + page - 1) / page * page, last = (from + size) / page * page;
    if (last > first) madvise((void *)first, last - first, MADV_DONTNEED);
}
