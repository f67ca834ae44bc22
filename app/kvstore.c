// The time of a file's last use is its modification time: recalling a state sets it anew.
#include "app/kvstore.h"
#include "app/paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ending[] = ".kv";

bool kvstore_is_name(const char *name) {
    size_t n = strlen(name);
    return n > 0 && n <= KVSTORE_MOST_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

static int path_of(const kvstore *k, const char *name, buf *path, error *err) {
    if (!k->dir || k->cap <= 0) return error_set(err, "states of conversations are not kept (kv-store in config.json)");
    if (!kvstore_is_name(name)) return error_set(err, "\"%s\" is no name for a conversation's state", name);
    buf_printf(path, "%s/%s%s", k->dir, name, ending);
    return 0;
}

// ---- the cap

typedef struct kept {
    char *path;
    int64_t size;
    struct timespec used;
} kept;

typedef struct kept_list {
    kept *items;
    size_t n, cap;
    int64_t size;
} kept_list;

// States alone: whatever else lies in the folder is somebody else's.
static void list_states(const char *dir, kept_list *l) {
    DIR *d = opendir(dir);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name), end = strlen(ending);
        struct stat st;
        if (n <= end || strcmp(e->d_name + n - end, ending) != 0) continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) continue;
        buf path = {0};
        buf_printf(&path, "%s/%s", dir, e->d_name);
        l->items = mem_reserve(l->items, &l->cap, l->n + 1, sizeof *l->items);
        l->items[l->n++] = (kept){buf_take(&path), st.st_size, st.st_mtim};
        l->size += st.st_size;
    }
    closedir(d);
}

static int by_use(const void *a, const void *b) {
    const struct timespec *x = &((const kept *)a)->used, *y = &((const kept *)b)->used;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

// Removes states, those first that were not used for longest, until the rest takes at most `most` bytes. The one at
// `replaced` stays and does not count.
static void make_room(const kvstore *k, int64_t most, const char *replaced) {
    kept_list l = {0};
    list_states(k->dir, &l);
    if (l.n > 0) qsort(l.items, l.n, sizeof *l.items, by_use);
    for (size_t i = 0; i < l.n; i++)
        if (strcmp(l.items[i].path, replaced) == 0) l.size -= l.items[i].size;
    for (size_t i = 0; i < l.n; i++) {
        if (l.size > most && strcmp(l.items[i].path, replaced) != 0 && unlink(l.items[i].path) == 0)
            l.size -= l.items[i].size;
        free(l.items[i].path);
    }
    free(l.items);
}

// ---- states

static int keep_at(const kvstore *k, const char *path, const net_state *s, const snapshot_extra *extra, error *err) {
    int64_t size = (int64_t)snapshot_size(s);
    if (size > k->cap) {
        unlink(path);
        return error_set(err, "%s: would take %lld MB, more than the %lld MB of kv-store", path, (long long)size >> 20,
                         (long long)k->cap >> 20);
    }
    if (paths_make_dir(k->dir, err) != 0) return -1;
    make_room(k, k->cap - size, path);
    return snapshot_save(s, extra, path, err);
}

int kvstore_keep(const kvstore *k, const char *name, const net_state *s, const snapshot_extra *extra, error *err) {
    buf path = {0};
    int failed = path_of(k, name, &path, err);
    if (!failed) failed = keep_at(k, path.data, s, extra, err);
    buf_free(&path);
    return failed;
}

int kvstore_recall(const kvstore *k, const char *name, net_state *s, snapshot_extra *extra, error *err) {
    buf path = {0};
    net_truncate(s, 0);
    int failed = path_of(k, name, &path, err);
    if (!failed) {
        failed = snapshot_restore(s, extra, path.data, err);
        if (failed)
            unlink(path.data);
        else
            utimensat(AT_FDCWD, path.data, NULL, 0);
    }
    buf_free(&path);
    return failed;
}

void kvstore_forget(const kvstore *k, const char *name) {
    buf path = {0};
    if (!k->dir) return;
    if (!name)
        make_room(k, -1, "");
    else if (path_of(k, name, &path, NULL) == 0)
        unlink(path.data);
    buf_free(&path);
}
