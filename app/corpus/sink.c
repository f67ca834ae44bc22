#include "app/corpus/sink.h"
#include "app/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAITING = 1 << 18 };

int sink_open(sink *s, const char *path, error *err) {
    *s = (sink){.fd = STDOUT_FILENO};
    if (!path) return 0;
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return error_set(err, "%s: is no ordinary file; name another after -o", path);
    buf name = {0};
    buf_printf(&name, "%s.XXXXXX", path);
    s->fd = mkstemp(name.data);
    if (s->fd < 0) {
        error_set(err, "%s: cannot be written (%s)", path, strerror(errno));
        buf_free(&name);
        return -1;
    }
    s->path = mem_strdup(path);
    s->temporary = buf_take(&name);
    return 0;
}

buf *sink_line(sink *s) {
    return &s->waiting;
}

static void write_out(sink *s) {
    for (size_t done = 0; done < s->waiting.len && !s->failed;) {
        ssize_t n = write(s->fd, s->waiting.data + done, s->waiting.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            s->failed = true;
            error_set(&s->err, "%s: cannot be written (%s)", s->path ? s->path : "standard output", strerror(errno));
        } else {
            done += (size_t)n;
        }
    }
    buf_clear(&s->waiting);
}

bool sink_flush(sink *s) {
    if (s->waiting.len >= WAITING) write_out(s);
    return !s->failed;
}

int sink_commit(sink *s, error *err) {
    int result = 0;
    write_out(s);
    if (s->failed) {
        *err = s->err;
        result = -1;
    } else if (s->path) {
        result = close(s->fd) != 0 ? error_set(err, "%s: cannot be written (%s)", s->path, strerror(errno))
                                   : tree_commit(s->temporary, s->path, err);
        s->fd = STDOUT_FILENO;
        if (result == 0) {
            free(s->temporary);
            s->temporary = NULL;
        }
    }
    sink_discard(s);
    return result;
}

void sink_discard(sink *s) {
    if (s->path && s->fd > STDERR_FILENO) close(s->fd);
    if (s->temporary) unlink(s->temporary);
    free(s->temporary);
    free(s->path);
    buf_free(&s->waiting);
    *s = (sink){0};
}
