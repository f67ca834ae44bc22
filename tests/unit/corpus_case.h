// For the tests of app/corpus: an input as bytes, the messages it should give as short lines.
//
//   time|author|text|reply_to          then "|bot" for bots; "-" stands for null
#ifndef DOPPEL_CORPUS_CASE_H
#define DOPPEL_CORPUS_CASE_H

#include "app/corpus/corpus.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool case_put(void *arg, const corpus_message *m) {
    buf *out = arg;
    buf_printf(out, "%s|%s|%s|", m->time ? m->time : "-", m->author ? m->author : "-", m->text);
    if (m->reply_to < 0)
        buf_putc(out, '-');
    else
        buf_printf(out, "%lld", (long long)m->reply_to);
    buf_puts(out, m->bot ? "|bot\n" : "\n");
    return true;
}

// Writes bytes to a temporary file; path has room for 64 bytes.
static void case_write(char *path, const char *bytes, size_t n) {
    strcpy(path, "/tmp/doppel-corpus-XXXXXX");
    int fd = mkstemp(path);
    OK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n, "%s cannot be written", path);
    close(fd);
}

// Reads bytes as a file with the given options; what comes out is compared with want. Returns the report (to be freed).
static corpus_report case_options(const char *what, const char *bytes, size_t n, const corpus_options *o,
                                  const char *want) {
    char path[64];
    const char *paths[] = {path};
    buf got = {0};
    corpus_report report = {0};
    error err = {{0}};
    case_write(path, bytes, n);
    int result = corpus_read(paths, 1, o, case_put, &got, &report, &err);
    unlink(path);
    OK(result == CORPUS_DONE, "%s: %s", what, err.text);
    OK(strcmp(buf_str(&got), want) == 0, "%s: expected\n%sgot\n%s", what, want, buf_str(&got));
    buf_free(&got);
    return report;
}

// The format's name (NULL: any), and how many messages are skipped as broken.
__attribute__((unused)) static void case_text(const char *what, const char *format, const char *text, const char *want,
                                              int skipped) {
    corpus_report r = case_options(what, text, strlen(text), NULL, want);
    OK(!format || strcmp(buf_str(&r.format), format) == 0, "%s: read as %s, not %s", what, buf_str(&r.format), format);
    OK(r.skipped == skipped, "%s: %lld skipped, expected %d", what, (long long)r.skipped, skipped);
    corpus_report_free(&r);
}

// Reading fails with a message that names the file and has `says` in it, and hands nothing over.
__attribute__((unused)) static void case_fails(const char *what, const char *bytes, size_t n, const char *says) {
    char path[64];
    const char *paths[] = {path};
    buf got = {0};
    error err = {{0}};
    case_write(path, bytes, n);
    int result = corpus_read(paths, 1, NULL, case_put, &got, NULL, &err);
    unlink(path);
    OK(result == CORPUS_FAILED && got.len == 0, "%s: gave\n%s", what, buf_str(&got));
    OK(result != CORPUS_FAILED || (strstr(err.text, path) && strstr(err.text, says)), "%s: says \"%s\", not \"%s\"",
       what, err.text, says);
    buf_free(&got);
}

#endif
