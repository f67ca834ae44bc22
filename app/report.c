// Lines for stderr. error_set does the filtering, since every message goes through it.
#include "app/report.h"

#include <stdarg.h>
#include <stdio.h>

static void print(const char *fmt, va_list ap) {
    char text[sizeof(error)];
    vsnprintf(text, sizeof text, fmt, ap);
    error line;
    error_set(&line, "%s", text);
    fflush(stdout);
    fprintf(stderr, "doppel: %s\n", line.text);
}

int report_failure(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    print(fmt, ap);
    va_end(ap);
    return EXIT_FAILED;
}

int report_error(const error *err) {
    return report_failure("%s", err->text);
}

int report_usage(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    print(fmt, ap);
    va_end(ap);
    return EXIT_USAGE;
}

void report_note(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    print(fmt, ap);
    va_end(ap);
}
