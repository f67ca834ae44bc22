// Each parser walks a cursor over the text and gives up at the first byte that does not fit; nothing allocates.
#include "app/corpus/when.h"

#include <string.h>

typedef struct cursor {
    const char *s, *end;
} cursor;

static bool take_char(cursor *c, char wanted) {
    if (c->s == c->end || *c->s != wanted) return false;
    c->s++;
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A number of min to max digits that no further digit follows.
static bool take_number(cursor *c, int min, int max, int *value) {
    int n = 0, v = 0;
    for (; c->s < c->end && is_digit(*c->s) && n < max; n++) v = v * 10 + (*c->s++ - '0');
    if (n < min || (c->s < c->end && is_digit(*c->s))) return false;
    *value = v;
    return true;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

void date_order_see(date_order *o, const when *w) {
    if (w->kind != WHEN_NUMBERS) return;
    if (w->a > 12) o->first_is_day = true;
    if (w->b > 12) o->second_is_day = true;
    if (w->dots) o->dots = true;
    if (w->has_clock && w->twelve_hour) o->twelve_hour = true;
    if (w->has_clock && !w->twelve_hour) o->clock_24 = true;
}

bool date_order_day_first(const date_order *o) {
    if (o->first_is_day) return true;
    if (o->second_is_day) return false;
    if (o->twelve_hour) return false;
    return o->dots || o->clock_24;
}

size_t when_numbers(const char *s, size_t n, when *w) {
    cursor c = {s, s + n};
    int a, b, year;
    if (!take_number(&c, 1, 4, &a) || c.s == c.end) return 0;
    bool year_first = c.s - s == 4;
    if (c.s - s == 3) return 0;
    char mark = *c.s;
    if ((mark != '/' && mark != '.' && mark != '-') || !take_char(&c, mark)) return 0;
    if (mark == '.') take_char(&c, ' ');
    if (!take_number(&c, 1, 2, &b) || !take_char(&c, mark)) return 0;
    if (mark == '.') take_char(&c, ' ');
    const char *last = c.s;
    if (!take_number(&c, year_first ? 1 : 2, year_first ? 2 : 4, &year) || (!year_first && c.s - last == 3)) return 0;
    if (!year_first && c.s - last == 2) year += 2000;
    w->kind = year_first ? WHEN_CALENDAR : WHEN_NUMBERS;
    w->dots = mark == '.';
    w->a = (int16_t)a;
    w->b = (int16_t)b;
    w->c = (int16_t)year;
    return (size_t)(c.s - s);
}

int when_month(const char *s, size_t n, size_t *length) {
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    size_t letters = 0;
    while (letters < n && lower(s[letters]) >= 'a' && lower(s[letters]) <= 'z') letters++;
    for (int m = 0; m < 12; m++) {
        size_t whole = strlen(names[m]), same = 0;
        while (same < letters && same < whole && lower(s[same]) == names[m][same]) same++;
        if (same == letters && (letters == 3 || letters == whole)) {
            *length = letters;
            return m + 1;
        }
    }
    return 0;
}

size_t when_named_day(const char *s, size_t n, when *w) {
    cursor c = {s, s + n};
    int day, year;
    size_t length;
    bool day_first = n && is_digit(*s);
    if (day_first && (!take_number(&c, 1, 2, &day) || !take_char(&c, ' '))) return 0;
    int month = when_month(c.s, (size_t)(c.end - c.s), &length);
    if (!month) return 0;
    c.s += length;
    if (!day_first && (!take_char(&c, ' ') || !take_number(&c, 1, 2, &day) || !take_char(&c, ','))) return 0;
    if (!take_char(&c, ' ') || !take_number(&c, 4, 4, &year)) return 0;
    w->kind = WHEN_CALENDAR;
    w->a = (int16_t)year;
    w->b = (int16_t)month;
    w->c = (int16_t)day;
    return (size_t)(c.s - s);
}

// "20-Nov-26", as old versions of DiscordChatExporter write it.
static size_t dashed_day(const char *s, size_t n, when *w) {
    cursor c = {s, s + n};
    int day, year;
    size_t length;
    if (!take_number(&c, 1, 2, &day) || !take_char(&c, '-')) return 0;
    int month = when_month(c.s, (size_t)(c.end - c.s), &length);
    if (!month) return 0;
    c.s += length;
    if (!take_char(&c, '-') ||
        (c.end - c.s > 2 && is_digit(c.s[2]) ? !take_number(&c, 4, 4, &year) : !take_number(&c, 2, 2, &year)))
        return 0;
    w->kind = WHEN_CALENDAR;
    w->a = (int16_t)(year < 100 ? year + 2000 : year);
    w->b = (int16_t)month;
    w->c = (int16_t)day;
    return (size_t)(c.s - s);
}

size_t when_day(const char *s, size_t n, when *w) {
    size_t used = when_numbers(s, n, w);
    if (!used) used = when_named_day(s, n, w);
    return used ? used : dashed_day(s, n, w);
}

// A space of any of the kinds that stand before AM and PM, if there is one.
static void take_space(cursor *c) {
    static const char *const spaces[] = {" ", "\xC2\xA0", "\xE2\x80\xAF"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        size_t n = strlen(spaces[i]);
        if ((size_t)(c->end - c->s) >= n && memcmp(c->s, spaces[i], n) == 0) {
            c->s += n;
            return;
        }
    }
}

static bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

// "AM", "pm", "a.m.", "p. m."; 'a', 'p' or 0.
static char take_half(cursor *c) {
    cursor t = *c;
    take_space(&t);
    if (t.end - t.s < 2) return 0;
    char half = lower(*t.s++);
    if (half != 'a' && half != 'p') return 0;
    bool dotted = take_char(&t, '.');
    if (dotted) take_space(&t);
    if (!take_char(&t, 'M') && !take_char(&t, 'm')) return 0;
    if (dotted)
        take_char(&t, '.');
    else if (t.s < t.end && is_letter(*t.s))
        return 0;
    *c = t;
    return half;
}

size_t when_clock(const char *s, size_t n, when *w) {
    cursor c = {s, s + n};
    int hour, minute, second = 0;
    if (!take_number(&c, 1, 2, &hour) || c.s == c.end) return 0;
    char mark = *c.s;
    if ((mark != ':' && mark != '.') || !take_char(&c, mark)) return 0;
    if (!take_number(&c, 2, 2, &minute)) return 0;
    cursor before = c;
    if (!take_char(&c, mark) || !take_number(&c, 2, 2, &second)) {
        c = before;
        second = 0;
    }
    char half = take_half(&c);
    if (hour > 23 || minute > 59 || second > 60) return 0;
    if (half && hour == 12) hour = 0;
    if (half == 'p' && hour < 12) hour += 12;
    w->has_clock = true;
    w->twelve_hour = half != 0;
    w->hour = (int8_t)hour;
    w->minute = (int8_t)minute;
    w->second = (int8_t)second;
    return (size_t)(c.s - s);
}

size_t when_day_and_clock(const char *s, size_t n, when *w) {
    when t = WHEN_NOTHING;
    size_t used = when_day(s, n, &t);
    if (!used) return 0;
    cursor c = {s + used, s + n};
    const char *behind_day = c.s;
    take_char(&c, ',');
    take_space(&c);
    size_t clock = c.s > behind_day ? when_clock(c.s, (size_t)(c.end - c.s), &t) : 0;
    if (!clock) return 0;
    *w = t;
    return (size_t)(c.s - s) + clock;
}

static bool take_offset(cursor *c, int16_t *offset) {
    int hours, minutes = 0;
    if (take_char(c, 'Z') || take_char(c, 'z')) {
        *offset = 0;
        return true;
    }
    cursor t = *c;
    bool west = take_char(&t, '-');
    if (!west && !take_char(&t, '+')) return false;
    if (t.end - t.s >= 4 && is_digit(t.s[2])) {
        cursor two = {t.s, t.s + 2};
        if (!take_number(&two, 2, 2, &hours)) return false;
        t.s += 2;
    } else {
        if (!take_number(&t, 2, 2, &hours)) return false;
        take_char(&t, ':');
    }
    if (!take_number(&t, 2, 2, &minutes) || hours > 23 || minutes > 59) return false;
    *offset = (int16_t)((west ? -1 : 1) * (hours * 60 + minutes));
    *c = t;
    return true;
}

size_t when_iso(const char *s, size_t n, when *w) {
    cursor c = {s, s + n};
    int year, month, day, hour, minute, second = 0;
    if (!take_number(&c, 4, 4, &year) || !take_char(&c, '-') || !take_number(&c, 2, 2, &month) || !take_char(&c, '-') ||
        !take_number(&c, 2, 2, &day))
        return 0;
    if (!take_char(&c, 'T') && !take_char(&c, ' ')) return 0;
    if (!take_number(&c, 2, 2, &hour) || !take_char(&c, ':') || !take_number(&c, 2, 2, &minute)) return 0;
    if (take_char(&c, ':') && !take_number(&c, 2, 2, &second)) return 0;
    if (hour > 23 || minute > 59 || second > 60) return 0;
    cursor fraction = c;
    if (take_char(&c, '.') && c.s < c.end && is_digit(*c.s))
        while (c.s < c.end && is_digit(*c.s)) c.s++;
    else
        c = fraction;
    *w = (when){.kind = WHEN_CALENDAR,
                .has_clock = true,
                .a = (int16_t)year,
                .b = (int16_t)month,
                .c = (int16_t)day,
                .hour = (int8_t)hour,
                .minute = (int8_t)minute,
                .second = (int8_t)second,
                .offset = WHEN_NO_OFFSET};
    take_offset(&c, &w->offset);
    return (size_t)(c.s - s);
}

// ---- the calendar: days since 1970 and back (proleptic Gregorian; the year is taken to begin in March)

static int64_t days_of(int year, int month, int day) {
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m + (m < 10 ? 3 : -9));
    *year = (int)(y + era * 400 + (*month <= 2));
}

static bool is_date(int year, int month, int day) {
    static const int8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= length[month - 1] + (month == 2 && leap);
}

when when_epoch(int64_t seconds) {
    enum { DAY = 86400 };
    const int64_t limit = (int64_t)253402300800; // the year 10000
    if (seconds < 0 || seconds >= limit) return WHEN_NOTHING;
    int year, month, day, rest = (int)(seconds % DAY);
    date_of(seconds / DAY, &year, &month, &day);
    return (when){.kind = WHEN_CALENDAR,
                  .has_clock = true,
                  .a = (int16_t)year,
                  .b = (int16_t)month,
                  .c = (int16_t)day,
                  .hour = (int8_t)(rest / 3600),
                  .minute = (int8_t)(rest / 60 % 60),
                  .second = (int8_t)(rest % 60)};
}

// Writes the last digits of a number and a mark behind them (printf would be a tenth of an import's time); returns the place behind the mark.
static char *put_number(char *out, int number, int digits, char mark) {
    for (int i = digits; i-- > 0; number /= 10) out[i] = (char)('0' + number % 10);
    out[digits] = mark;
    return out + digits + 1;
}

bool when_text(const when *w, bool day_first, char out[WHEN_TEXT]) {
    out[0] = '\0';
    if (w->kind == WHEN_UNKNOWN || !w->has_clock) return false;
    int year = w->a, month = w->b, day = w->c;
    if (w->kind == WHEN_NUMBERS) {
        year = w->c;
        month = day_first ? w->b : w->a;
        day = day_first ? w->a : w->b;
    }
    if (!is_date(year, month, day)) return false;
    if (w->later) date_of(days_of(year, month, day) + w->later, &year, &month, &day);
    char *at = put_number(out, year, 4, '-');
    at = put_number(put_number(at, month, 2, '-'), day, 2, 'T');
    at = put_number(put_number(at, w->hour, 2, ':'), w->minute, 2, ':');
    at = put_number(at, w->second, 2, '\0') - 1;
    if (w->offset == WHEN_NO_OFFSET) return true;
    int minutes = w->offset < 0 ? -w->offset : w->offset;
    *at++ = minutes == 0 ? 'Z' : w->offset < 0 ? '-' : '+';
    if (minutes) at = put_number(put_number(at, minutes / 60, 2, ':'), minutes % 60, 2, '\0');
    *at = '\0';
    return true;
}

bool when_seconds(const char *text, int64_t *seconds) {
    when w = WHEN_NOTHING;
    size_t n = text ? strlen(text) : 0;
    if (!n || when_iso(text, n, &w) != n || !is_date(w.a, w.b, w.c)) return false;
    *seconds = days_of(w.a, w.b, w.c) * 86400 + w.hour * 3600 + w.minute * 60 + w.second;
    if (w.offset != WHEN_NO_OFFSET) *seconds -= w.offset * 60;
    return true;
}
