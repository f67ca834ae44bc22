// What doppel says on stderr: one line, "doppel: FILE: what is wrong; what to do". Control characters never pass.
#ifndef DOPPEL_REPORT_H
#define DOPPEL_REPORT_H

#include "model/base/base.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

int report_error(const error *err);                                             // returns EXIT_FAILED
int report_failure(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // the same with a message of its own
int report_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   // returns EXIT_USAGE
void report_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   // something to know; not an error

#endif
