// The parts under the readers: times, names, sessions, the spool. The spool is built here with room for a few bytes
// only, so that every record crosses its buffers.
#define SPOOL_MEMORY 64
#define SPOOL_WINDOW 48
#include "app/corpus/spool.c"

#include "app/corpus/people.h"
#include "app/corpus/session.h"
#include "app/corpus/when.h"
#include "tests/test.h"

#include <stdio.h>

static void day_and_clock(const char *text, bool day_first, const char *want) {
    when w = WHEN_NOTHING;
    char got[WHEN_TEXT];
    size_t used = when_day_and_clock(text, strlen(text), &w);
    when_text(&w, day_first, got);
    OK(strcmp(got, want) == 0 && (used == strlen(text) || !*want), "\"%s\": %s, expected %s", text, got, want);
}

static void test_when(void) {
    day_and_clock("11/12/2026, 9:06 PM", false, "2026-11-12T21:06:00");
    day_and_clock("11/12/2026 21:06", true, "2026-12-11T21:06:00");
    day_and_clock("2026-11-12 21:06:07", true, "2026-11-12T21:06:07");
    day_and_clock("1. 2. 2026 21:06", true, "2026-02-01T21:06:00");
    day_and_clock("29/02/2024 00:00", true, "2024-02-29T00:00:00");
    day_and_clock("20-Nov-26 12:06 AM", true, "2026-11-20T00:06:00");
    day_and_clock("November 20, 2026 1:06 p. m.", true, "2026-11-20T13:06:00");
    static const char *const never[] = {"29/02/2023 00:00", "31/04/2026 00:00",  "11/12/2026 24:00", "11/12/2026 12:60",
                                        "11/12-2026 12:06", "111/12/2026 12:06", "11/12/202 12:06",  "11/12/2026",
                                        "0/12/2026 12:06",  "11/12/2026x12:06"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) day_and_clock(never[i], true, "");
    when w = WHEN_NOTHING;
    char text[WHEN_TEXT];
    OK(when_iso("2026-11-20T12:06:07.1234567-03:30", 33, &w) == 33 && when_text(&w, false, text) &&
           strcmp(text, "2026-11-20T12:06:07-03:30") == 0,
       "%s", text);
    OK(when_iso("2026-11-20 12:06+0200", 21, &w) == 21 && when_text(&w, false, text) &&
           strcmp(text, "2026-11-20T12:06:00+02:00") == 0,
       "%s", text);
    w = when_epoch(1795216800);
    OK(when_text(&w, false, text) && strcmp(text, "2026-11-20T23:20:00Z") == 0, "%s", text);
    w = (when){
        .kind = WHEN_CALENDAR, .has_clock = true, .a = 2026, .b = 12, .c = 31, .offset = WHEN_NO_OFFSET, .later = 1};
    OK(when_text(&w, false, text) && strcmp(text, "2027-01-01T00:00:00") == 0, "the day after: %s", text);
    int64_t a, b;
    OK(when_seconds("2026-11-20T12:06:00+02:00", &a) && when_seconds("2026-11-20T10:06:00Z", &b) && a == b,
       "one moment");
    OK(!when_seconds("2026-11-20", &a) && !when_seconds("", &a) && !when_seconds(NULL, &a), "no moment");
    OK(people_time_before("2026-11-20T12:06:00+02:00", "2026-11-20T11:06:00Z"), "offsets are heeded");
}

static void test_people(void) {
    people p = {0};
    error err;
    size_t place = 9;
    static const char *const names[] = {"Ann", "ann", "J\xC3\xB6rg", "\xEF\xBC\xA2ob", "Ulti / John"};
    for (size_t i = 0; i < 5; i++) OK(people_place(&p, names[i], strlen(names[i])) == i, "%s", names[i]);
    OK(people_place(&p, "Ann", 3) == 0 && p.n == 5, "known people are found");
    OK(people_find(&p, "ann", &place, &err) == 0 && place == 1, "the exact name first");
    OK(people_find(&p, "ANN", &place, &err) == -1 && strstr(err.text, "several"), "%s", err.text);
    OK(people_find(&p, "J\xC3\x96RG", &place, &err) == 0 && place == 2, "any letter case");
    OK(people_find(&p, "bob", &place, &err) == 0 && place == 3, "compatibility forms");
    OK(people_find(&p, "John", &place, &err) == -1 && strstr(err.text, "Ulti / John"), "a near name is told: %s",
       err.text);
    OK(people_find(&p, "Zoe", &place, &err) == -1 && strstr(err.text, "Ann"), "%s", err.text);
    people_count(&p.list[4], "one two  three\n", 15, "2026-11-20T12:06:00", false);
    people_count(&p.list[4], "x", 1, NULL, false);
    people_sort(&p);
    OK(strcmp(p.list[0].name, "Ulti / John") == 0 && p.list[0].messages == 2 && p.list[0].words == 4,
       "most messages first");
    OK(people_place(&p, "ann", 3) == 3 && p.n == 5, "found after sorting");
    people_free(&p);
}

static bool begins(session_splitter *s, const char *time, bool border) {
    corpus_message m = {.text = "x", .n_text = 1, .time = time, .border = border};
    return session_begins(s, &m);
}

static void test_sessions(void) {
    session_splitter s = {.gap_minutes = 30};
    OK(begins(&s, "2026-11-20T12:00:00", false), "the first message");
    OK(!begins(&s, "2026-11-20T12:30:00", false), "30 minutes are not over");
    OK(!begins(&s, NULL, false), "no time, same session");
    OK(begins(&s, "2026-11-20T13:00:01", false), "a second more");
    OK(begins(&s, "2026-11-20T13:00:02", true), "a border");
    OK(begins(&s, "2026-11-20T11:00:00", false), "a long step back");
    OK(begins(&s, NULL, true) && !begins(&s, "2027-01-01T00:00:00", false), "after a border the old time is forgotten");
}

static void test_spool(void) {
    error err;
    for (int records = 0; records < 60; records += 7) {
        spool *s = spool_new();
        int64_t at = 0;
        const char *bytes;
        size_t n;
        int failed = 0;
        for (int i = 0; i < records; i++) {
            char text[128];
            memset(text, 'a' + i % 26, sizeof text);
            failed |= spool_add(s, text, (size_t)(i * 13 % 100), &err) != 0;
        }
        for (int i = 0; i < records; i++) {
            int got = spool_next(s, &at, &bytes, &n, &err);
            failed |= got != 1 || n != (size_t)(i * 13 % 100) || (n && bytes[n - 1] != 'a' + i % 26);
        }
        failed |= spool_next(s, &at, &bytes, &n, &err) != 0 || at != spool_end(s);
        for (int i = records; i-- > 0;) {
            int got = spool_back(s, &at, &bytes, &n, &err);
            failed |= got != 1 || n != (size_t)(i * 13 % 100) || (n && bytes[0] != 'a' + i % 26);
        }
        failed |= spool_back(s, &at, &bytes, &n, &err) != 0 || at != 0;
        OK(!failed, "%d records there and back", records);
        spool_free(s);
    }
    setenv("TMPDIR", "/nowhere/at/all", 1);
    spool *s = spool_new();
    char big[100] = {0};
    OK(spool_add(s, big, sizeof big, &err) == -1 && strstr(err.text, "TMPDIR"), "%s", err.text);
    OK(spool_add(s, big, 1, &err) == -1, "it stays broken");
    spool_free(s);
}

int main(void) {
    test_when();
    test_people();
    test_sessions();
    test_spool();
    return test_end();
}
