// Dates and times as chat logs write them.
//
// A log that writes 11/12/2026 leaves open which number is the day. Such a date is kept as its three numbers until the
// whole file was seen; the file's date_order then decides for all of its dates alike.
#ifndef DOPPEL_CORPUS_WHEN_H
#define DOPPEL_CORPUS_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum when_kind {
    WHEN_UNKNOWN,  // no day, or none that can be read
    WHEN_CALENDAR, // a, b, c are year, month, day
    WHEN_NUMBERS,  // a, b, c stand as the log wrote them, the last one being the year
} when_kind;

enum { WHEN_NO_OFFSET = INT16_MAX, WHEN_TEXT = 32 };

typedef struct when {
    uint8_t kind;     // when_kind
    bool has_clock;   // hour, minute and second are set
    bool twelve_hour; // the clock had AM or PM
    bool dots;        // the numbers stood between dots
    int16_t a, b, c;
    int8_t hour, minute, second;
    int16_t offset; // minutes east of UTC, or WHEN_NO_OFFSET
    int16_t later;  // days to add
} when;

#define WHEN_NOTHING ((when){.offset = WHEN_NO_OFFSET})

// What the dates of one file say about their order. Zero-initialised, it knows nothing.
typedef struct date_order {
    bool first_is_day, second_is_day; // a first or second number above 12 was seen
    bool twelve_hour, dots;
    bool clock_24;
} date_order;

void date_order_see(date_order *o, const when *w);
bool date_order_day_first(const date_order *o);

// The parsers return the number of bytes read from the beginning of s, 0 when it is not what they look for. They fill
// only the part of *w that they are about.

// 11/20/2026, 20.11.26, 20-11-2026, 2026-11-20: three numbers with the same mark between them.
size_t when_numbers(const char *s, size_t n, when *w);
// "November 20, 2026", "20 November 2026", "Nov 20, 2026".
size_t when_named_day(const char *s, size_t n, when *w);
// Any of these, or "20-Nov-26".
size_t when_day(const char *s, size_t n, when *w);
// A day and a clock with " ", ", " or "," between them.
size_t when_day_and_clock(const char *s, size_t n, when *w);
// 9:06, 21:06:33, 09:06 PM, 9:06:33 p.m.; the space before AM/PM may be U+0020, U+00A0, U+202F or absent.
size_t when_clock(const char *s, size_t n, when *w);
// 2026-11-20T12:06:00.1234567+02:00; 'T' may be a space; fraction and offset may be absent.
size_t when_iso(const char *s, size_t n, when *w);
// Number 1..12 of an English month name (three letters or whole, any case) at the beginning of s, with its length.
int when_month(const char *s, size_t n, size_t *length);
// Seconds since 1970, UTC.
when when_epoch(int64_t seconds);

// Writes "2026-11-20T12:06:00", with "Z" or "+02:00" where there is an offset. False when day or clock time is unknown
// or cannot be; out is "" then.
bool when_text(const when *w, bool day_first, char out[WHEN_TEXT]);

// Seconds on a time line shared by all texts that when_text writes; one without an offset counts as UTC. False for
// anything else.
bool when_seconds(const char *text, int64_t *seconds);

#endif
