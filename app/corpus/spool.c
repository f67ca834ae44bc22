// Record: length (32 bits), bytes, length again, so that records can be walked from either end. Writing fills `tail`,
// which goes to the file when it is full; reading moves a window over the file. Short spools never touch a disk.
#include "app/corpus/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SPOOL_MEMORY
#define SPOOL_MEMORY (4 << 20) // bytes held before the file is used
#endif
#ifndef SPOOL_WINDOW
#define SPOOL_WINDOW (1 << 20) // bytes read at a time
#endif

enum { MARK = sizeof(uint32_t) };

struct spool {
    buf tail;        // the newest bytes
    int64_t on_disk; // bytes before them
    int fd;          // -1: none yet
    buf window;      // a copy of window_at.. of the file
    int64_t window_at;
    bool broken;
};

spool *spool_new(void) {
    spool *s = mem_calloc(1, sizeof *s);
    s->fd = -1;
    return s;
}

void spool_free(spool *s) {
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    buf_free(&s->tail);
    buf_free(&s->window);
    free(s);
}

int64_t spool_end(const spool *s) {
    return s->on_disk + (int64_t)s->tail.len;
}

static int open_file(spool *s, error *err) {
    const char *dir = getenv("TMPDIR");
    buf path = {0};
    buf_printf(&path, "%s/doppel-XXXXXX", dir && *dir ? dir : "/tmp");
    s->fd = mkstemp(path.data);
    if (s->fd < 0)
        error_set(err, "%s: no temporary file could be made (%s); set TMPDIR to a folder with room", path.data,
                  strerror(errno));
    else
        unlink(path.data);
    buf_free(&path);
    return s->fd < 0 ? -1 : 0;
}

static int flush(spool *s, error *err) {
    if (s->fd < 0 && open_file(s, err) != 0) return -1;
    for (size_t done = 0; done < s->tail.len;) {
        ssize_t n = pwrite(s->fd, s->tail.data + done, s->tail.len - done, s->on_disk + (int64_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return error_set(err, "the temporary file could not be written (%s); set TMPDIR to a folder with room",
                             strerror(errno));
        done += (size_t)n;
    }
    s->on_disk += (int64_t)s->tail.len;
    buf_clear(&s->tail);
    return 0;
}

int spool_add(spool *s, const void *bytes, size_t n, error *err) {
    if (s->broken) return error_set(err, "the temporary file could not be written");
    if (n > INT32_MAX) return error_set(err, "a message of more than 2 GB cannot be kept");
    uint32_t length = (uint32_t)n;
    buf_append(&s->tail, &length, MARK);
    buf_append(&s->tail, bytes, n);
    buf_append(&s->tail, &length, MARK);
    if (s->tail.len < SPOOL_MEMORY) return 0;
    s->broken = flush(s, err) != 0;
    return s->broken ? -1 : 0;
}

// Shows n bytes from place `at` on; the window is laid so that a walk in either direction finds its neighbours there.
static const char *look(spool *s, int64_t at, size_t n, bool back, error *err) {
    if (at >= s->on_disk) return s->tail.data + (at - s->on_disk);
    int64_t end = at + (int64_t)n;
    if (end > s->on_disk) {
        error_set(err, "the temporary file is damaged");
        return NULL;
    }
    if (at >= s->window_at && end <= s->window_at + (int64_t)s->window.len) return s->window.data + (at - s->window_at);
    size_t size = n > SPOOL_WINDOW ? n : SPOOL_WINDOW;
    int64_t from = back ? end - (int64_t)size : at;
    if (from < 0) from = 0;
    if (from + (int64_t)size > s->on_disk) size = (size_t)(s->on_disk - from);
    buf_clear(&s->window);
    s->window.data = mem_reserve(s->window.data, &s->window.cap, size + 1, 1);
    s->window_at = from;
    while (s->window.len < size) {
        ssize_t got = pread(s->fd, s->window.data + s->window.len, size - s->window.len, from + (int64_t)s->window.len);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            error_set(err, "the temporary file could not be read (%s)", strerror(errno));
            return NULL;
        }
        s->window.len += (size_t)got;
    }
    return s->window.data + (at - from);
}

static bool read_length(spool *s, int64_t at, bool back, uint32_t *length, error *err) {
    const char *p = look(s, at, MARK, back, err);
    if (p) memcpy(length, p, MARK);
    return p != NULL;
}

int spool_next(spool *s, int64_t *at, const char **bytes, size_t *n, error *err) {
    uint32_t length;
    if (*at >= spool_end(s)) return 0;
    if (!read_length(s, *at, false, &length, err)) return -1;
    *bytes = look(s, *at + MARK, length, false, err);
    if (!*bytes) return -1;
    *n = length;
    *at += 2 * MARK + (int64_t)length;
    return 1;
}

int spool_back(spool *s, int64_t *at, const char **bytes, size_t *n, error *err) {
    uint32_t length;
    if (*at <= 0) return 0;
    if (!read_length(s, *at - MARK, true, &length, err)) return -1;
    *bytes = look(s, *at - MARK - (int64_t)length, length, true, err);
    if (!*bytes) return -1;
    *n = length;
    *at -= 2 * MARK + (int64_t)length;
    return 1;
}
