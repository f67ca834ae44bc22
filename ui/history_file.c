// libedit's format: a first line that names it, then every entry in vis(3)'s encoding on a line of its own. Appending
// is one write to a file opened for appending, so that two doppels never mix their lines.
#include "ui/history_file.h"
#include "model/base/plain_file.h"
#include "model/file/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char first_line[] = "_HiStOrY_V2_\n";

// Octal escapes for everything that is no printable ASCII are enough.
static void encode(const char *line, buf *out) {
    for (const unsigned char *p = (const unsigned char *)line; *p; p++) {
        if (*p > ' ' && *p < 0x7f && *p != '\\')
            buf_putc(out, (char)*p);
        else
            buf_printf(out, "\\%03o", *p);
    }
    buf_putc(out, '\n');
}

bool history_file_is_there(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int history_file_append(const char *path, const char *line, error *err) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0) return error_set(err, "%s: the history cannot be kept: %s", path, strerror(errno));
    struct stat st;
    buf out = {0};
    if (fstat(fd, &st) == 0 && st.st_size == 0) buf_puts(&out, first_line);
    encode(line, &out);
    ssize_t n;
    do n = write(fd, out.data, out.len);
    while (n < 0 && errno == EINTR);
    int why = n < 0 ? errno : ENOSPC;
    bool whole = n == (ssize_t)out.len;
    buf_free(&out);
    close(fd);
    return whole ? 0 : error_set(err, "%s: the history cannot be kept: %s", path, strerror(why));
}

void history_file_shorten(const char *path, int keep) {
    int fd = plain_file_open(path, NULL);
    if (fd < 0) return;
    buf all = {0};
    char piece[65536];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) buf_append(&all, piece, (size_t)n);
    bool whole = n == 0;
    close(fd);
    size_t at = all.len;
    for (int lines = 0; at > 0; at--)
        if (all.data[at - 1] == '\n' && lines++ == keep) break;
    if (whole && at > 0) {
        buf kept = {0};
        buf_puts(&kept, first_line);
        buf_append(&kept, all.data + at, all.len - at);
        outfile_replace(path, kept.data, kept.len, NULL);
        buf_free(&kept);
    }
    buf_free(&all);
}
