// A line is appended with one write to a file opened for appending, so that two doppels never mix theirs. A file that
// has grown large is cut to the newest lines when it is read.
#define _POSIX_C_SOURCE 200809L
#include "ui/history_file.h"
#include "app/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_TEXT = 64 << 10, LARGEST_FILE = 2 << 20 };

static int file_path(buf *path) {
    buf folder = {0};
    int failed = paths_data(NULL, &folder, NULL) || paths_make_dir(buf_str(&folder), NULL);
    buf_free(&folder);
    return failed ? -1 : paths_data("history", path, NULL);
}

static void shorten(History *h, const char *path) {
    HistEvent event;
    buf temporary = {0};
    buf_printf(&temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary.data);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f && fd >= 0) close(fd);
    bool bad = !f || history(h, &event, H_SAVE_FP, f) < 0 || fflush(f) != 0 || fsync(fd) != 0;
    if (f) bad |= fclose(f) != 0;
    if (bad || rename(temporary.data, path) != 0) unlink(temporary.data);
    buf_free(&temporary);
}

void history_file_load(History *h) {
    HistEvent event;
    struct stat st;
    buf path = {0};
    history(h, &event, H_SETSIZE, HISTORY_LINES);
    history(h, &event, H_SETUNIQUE, 1);
    if (file_path(&path) == 0 && stat(buf_str(&path), &st) == 0 && S_ISREG(st.st_mode)) {
        int n = history(h, &event, H_LOAD, buf_str(&path));
        if (n > 0 && st.st_size > LARGEST_FILE) shorten(h, buf_str(&path));
    }
    buf_free(&path);
}

// libedit reads lines in vis(3)'s encoding, of which octal escapes are enough for everything that is no printable ASCII.
static void encode(const char *text, buf *out) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p > ' ' && *p < 0x7f && *p != '\\')
            buf_putc(out, (char)*p);
        else
            buf_printf(out, "\\%03o", *p);
    }
    buf_putc(out, '\n');
}

static void append(const char *path, const buf *line) {
    static const char first_line[] = "_HiStOrY_V2_\n";
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    struct stat st;
    buf out = {0};
    if (fstat(fd, &st) == 0 && st.st_size == 0) buf_puts(&out, first_line);
    buf_append(&out, line->data, line->len);
    ssize_t n;
    do n = write(fd, out.data, out.len);
    while (n < 0 && errno == EINTR);
    close(fd);
    buf_free(&out);
}

void history_file_add(History *h, const char *text) {
    HistEvent event;
    if (!*text) return;
    history(h, &event, H_ENTER, text);
    if (strlen(text) > LONGEST_TEXT) return;
    buf path = {0}, line = {0};
    encode(text, &line);
    if (line.len && file_path(&path) == 0) append(buf_str(&path), &line);
    buf_free(&path);
    buf_free(&line);
}
