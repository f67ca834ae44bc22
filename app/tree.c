// Folders on disk, walked with descriptors relative to their parent (openat), so that a folder swapped for a link while
// it is walked leads nowhere else.
#define _XOPEN_SOURCE 700
#include "app/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_dots(const char *name) {
    return !strcmp(name, ".") || !strcmp(name, "..");
}

// Opens a folder entry for reading its names; NULL for anything else, links included.
static DIR *open_folder(int at, const char *name) {
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return NULL;
    DIR *d = fdopendir(fd);
    if (!d) close(fd);
    return d;
}

static void measure(int at, const char *name, int64_t *sum, int64_t *largest) {
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISREG(st.st_mode)) {
        *sum += st.st_size;
        if (st.st_size > *largest) *largest = st.st_size;
    }
    if (!S_ISDIR(st.st_mode)) return;
    DIR *d = open_folder(at, name);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));)
        if (!is_dots(e->d_name)) measure(dirfd(d), e->d_name, sum, largest);
    closedir(d);
}

int64_t tree_size(const char *path, int64_t *largest) {
    int64_t sum = 0, most = 0;
    char *real = realpath(path, NULL);
    if (real) measure(AT_FDCWD, real, &sum, &most);
    free(real);
    if (largest) *largest = most;
    return sum;
}

// Returns 0, or -1 with errno set.
static int remove_at(int at, const char *name) {
    DIR *d = open_folder(at, name);
    if (!d) return unlinkat(at, name, 0) == 0 || errno == ENOENT ? 0 : -1;
    for (struct dirent *e; (e = readdir(d));)
        if (!is_dots(e->d_name)) remove_at(dirfd(d), e->d_name);
    closedir(d);
    return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int tree_remove(const char *path, error *err) {
    if (remove_at(AT_FDCWD, path) == 0) return 0;
    return error_set(err, "%s: cannot be removed: %s", path, strerror(errno));
}

int64_t tree_free_space(const char *path) {
    struct statvfs v;
    if (statvfs(path, &v) != 0) return -1;
    return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

static int sync_path(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = fsync(fd);
    int kept = errno;
    close(fd);
    errno = kept;
    return result;
}

// Syncs every file of a folder (one level: models have no deeper ones), then the folder itself.
static int sync_folder(const char *path) {
    DIR *d = open_folder(AT_FDCWD, path);
    if (!d) return -1;
    int result = 0;
    for (struct dirent *e; result == 0 && (e = readdir(d));) {
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) continue;
        result = fsync(fd);
        close(fd);
    }
    closedir(d);
    return result;
}

int tree_commit(const char *from, const char *to, error *err) {
    struct stat st;
    bool folder = stat(from, &st) == 0 && S_ISDIR(st.st_mode);
    if ((folder ? sync_folder(from) : sync_path(from, O_RDONLY)) != 0)
        return error_set(err, "%s: cannot be written: %s", from, strerror(errno));
    if (rename(from, to) != 0) return error_set(err, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
    char *parent = mem_strdup(to), *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent ? 1 : 0] = '\0';
    // A folder that cannot be synced (some file systems refuse) has still got its new name.
    sync_path(slash ? parent : ".", O_RDONLY | O_DIRECTORY);
    free(parent);
    return 0;
}
