// A test program: static functions that use OK and SKIP, called from main, which returns test_end().
#ifndef DOPPEL_TEST_H
#define DOPPEL_TEST_H

#include <stdarg.h>
#include <stdio.h>

static int test_passed, test_failed, test_skipped;

// One check: a true condition passes; a false one prints file, line and the printf-style explanation.
#define OK(cond, ...) test_check((cond) != 0, __FILE__, __LINE__, __VA_ARGS__)
// Counts one skipped test and says why.
#define SKIP(...) (test_skipped++, printf("skipped: "), printf(__VA_ARGS__), printf("\n"))

__attribute__((format(printf, 4, 5))) static inline int test_check(int ok, const char *file, int line, const char *fmt,
                                                                   ...) {
    if (ok) {
        test_passed++;
        return 1;
    }
    test_failed++;
    printf("FAIL %s:%d: ", file, line);
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    return 0;
}

static inline int test_end(void) {
    printf("%d passed, %d failed", test_passed, test_failed);
    if (test_skipped) printf(", %d skipped", test_skipped);
    printf("\n");
    return test_failed != 0;
}

#endif
