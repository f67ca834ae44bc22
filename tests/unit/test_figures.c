// Numbers for people.
#include "tests/test.h"
#include "ui/figures.h"

#include <math.h>
#include <string.h>

static char text[FIGURES_BYTES];

static void expect(const char *expected) {
    OK(strcmp(text, expected) == 0, "\"%s\", expected \"%s\"", text, expected);
}

static void test_bytes(void) {
    static const struct {
        double bytes;
        const char *text;
    } CASES[] = {{0, "0 B"},       {999, "999 B"},     {1000, "1.0 kB"},  {9940, "9.9 kB"},
                 {12345, "12 kB"}, {999999, "1.0 MB"}, {1.5e9, "1.5 GB"}, {4e15, "4000 TB"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        figures_bytes(text, CASES[i].bytes);
        expect(CASES[i].text);
    }
}

static void test_time(void) {
    static const struct {
        double seconds;
        const char *text;
    } CASES[] = {{0, "0 s"},           {59.6, "60 s"},       {99, "99 s"}, {100, "2 min"}, {5880, "98 min"},
                 {6000, "1 h 40 min"}, {7500, "2 h 05 min"}, {-1, ""},     {NAN, ""},      {1e300, ""}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        figures_time(text, CASES[i].seconds);
        expect(CASES[i].text);
    }
}

static void test_count(void) {
    static const struct {
        int64_t n;
        const char *text;
    } CASES[] = {{-5, "0"}, {7, "7"}, {999, "999"}, {1000, "1,000"}, {INT64_MAX, "9,223,372,036,854,775,807"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        figures_count(text, CASES[i].n);
        expect(CASES[i].text);
    }
}

int main(void) {
    test_bytes();
    test_time();
    test_count();
    return test_end();
}
