// IRC logs as irssi, mIRC-like clients and weechat write them.
//
//   23:41 <@nick> text     23:48  * nick waves     23:41 -!- nick has joined #c     --- Day changed Sat Nov 21 2026
//   [12:06] <nick> text    [12:06:33] * nick waves [12:06] *** Joins: nick
//   2026-11-20 12:06:00<TAB>nick<TAB>text          "-->", "<--", "--" and " *" stand in the place of a nick
#include "app/corpus/text_log.h"

typedef enum line_kind {
    LINE_OTHER, // nothing that IRC clients write
    LINE_MESSAGE,
    LINE_ACTION, // "* nick waves"
    LINE_SYSTEM,
    LINE_DAY, // tells the day of the lines below
} line_kind;

typedef struct irc_line {
    line_kind kind;
    when time;
    span nick, text;
} irc_line;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool has_codes(span line) {
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.s[i] < 0x20 && line.s[i] != '\t') return true;
    return false;
}

// mIRC's bold, colour, underline ... : U+0003 takes a colour "4" or "04,12" with it.
static void strip_codes(span line, buf *out) {
    buf_clear(out);
    for (size_t i = 0; i < line.n; i++) {
        char c = line.s[i];
        if (c && strchr("\x02\x0f\x11\x16\x1d\x1e\x1f", c)) continue;
        if (c != '\x03') {
            buf_putc(out, c);
            continue;
        }
        for (int k = 0; k < 2 && i + 1 < line.n && is_digit(line.s[i + 1]); k++) i++;
        if (is_digit(line.s[i]) && i + 2 < line.n && line.s[i + 1] == ',' && is_digit(line.s[i + 2])) {
            i += 2;
            if (i + 1 < line.n && is_digit(line.s[i + 1])) i++;
        }
    }
}

static span without_mode(span nick) {
    if (nick.n && strchr("@+%&~ ", *nick.s)) nick = span_from(nick, 1);
    return nick;
}

static bool is_nick(span nick) {
    return nick.n && !memchr(nick.s, ' ', nick.n) && !memchr(nick.s, '\t', nick.n);
}

// "Fri Nov 20 23:40:00 2026" or "Sat Nov 21 2026".
static bool read_day(span s, when *day) {
    size_t length;
    if (s.n < 4 || s.s[3] != ' ') return false;
    s = span_from(s, 4);
    int month = when_month(s.s, s.n, &length);
    if (!month || s.n < length + 3 || s.s[length] != ' ') return false;
    s = span_from(s, length + 1);
    if (*s.s == ' ') s = span_from(s, 1);
    int number = 0, year = 0;
    while (s.n && is_digit(*s.s) && number < 100) {
        number = number * 10 + (*s.s - '0');
        s = span_from(s, 1);
    }
    s = span_trim(s);
    if (s.n < 4) return false;
    span last = {s.s + s.n - 4, 4};
    for (size_t i = 0; i < 4; i++) {
        if (!is_digit(last.s[i])) return false;
        year = year * 10 + (last.s[i] - '0');
    }
    *day = WHEN_NOTHING;
    day->kind = WHEN_CALENDAR;
    day->a = (int16_t)year;
    day->b = (int16_t)month;
    day->c = (int16_t)number;
    return true;
}

static void read_dashes(span line, irc_line *out) {
    out->kind = LINE_SYSTEM;
    span rest = line;
    if ((span_take(&rest, "--- Log opened ") || span_take(&rest, "--- Day changed ")) && read_day(rest, &out->time))
        out->kind = LINE_DAY;
}

// "[12:06:33]", "12:06", "2026-11-20 12:06:33", "[2026-11-20T12:06:33]"; the length of the stamp, 0 if there is none.
static size_t read_stamp(span line, when *time) {
    *time = WHEN_NOTHING;
    bool bracket = line.n && *line.s == '[';
    span s = span_from(line, bracket);
    size_t used = when_iso(s.s, s.n, time);
    if (!used) used = when_day_and_clock(s.s, s.n, time);
    if (!used) {
        *time = WHEN_NOTHING;
        used = when_clock(s.s, s.n, time);
        if (used && time->twelve_hour && !bracket) return 0;
    }
    if (!used) return 0;
    s = span_from(s, used);
    if (bracket && !span_take(&s, "]")) return 0;
    return line.n - s.n;
}

static void read_tabs(span rest, irc_line *out) {
    const char *tab = memchr(rest.s, '\t', rest.n);
    if (!tab) return;
    span prefix = span_trim((span){rest.s, (size_t)(tab - rest.s)});
    out->text = span_from(rest, (size_t)(tab - rest.s) + 1);
    if (span_is(prefix, "*")) {
        out->kind = LINE_ACTION;
    } else if (span_is(prefix, "-->") || span_is(prefix, "<--") || span_is(prefix, "--") || span_is(prefix, "=!=") ||
               prefix.n == 0) {
        out->kind = LINE_SYSTEM;
    } else {
        out->nick = without_mode(prefix);
        out->kind = is_nick(out->nick) ? LINE_MESSAGE : LINE_OTHER;
    }
}

// What stands behind a stamp and a space.
static void read_rest(span rest, irc_line *out) {
    if (span_take(&rest, "<")) {
        const char *close = memchr(rest.s, '>', rest.n);
        if (!close) return;
        out->nick = without_mode((span){rest.s, (size_t)(close - rest.s)});
        out->text = span_from(rest, (size_t)(close - rest.s) + 1);
        if (is_nick(out->nick)) out->kind = LINE_MESSAGE;
        return;
    }
    span_take(&rest, " ");
    if (span_starts(rest, "***") || span_starts(rest, "-!-") || span_starts(rest, "---") || span_starts(rest, "-->") ||
        span_starts(rest, "<--")) {
        out->kind = LINE_SYSTEM;
    } else if (span_take(&rest, "* ")) {
        out->kind = LINE_ACTION;
        out->text = rest;
    } else if (span_starts(rest, "-") && span_find(span_from(rest, 1), "- ") > 0) {
        out->kind = LINE_SYSTEM; // "-nick:#chan- a notice"
    }
}

static irc_line read_line(span line) {
    irc_line out = {.time = WHEN_NOTHING};
    if (span_starts(line, "--- ")) {
        read_dashes(line, &out);
        return out;
    }
    size_t used = read_stamp(line, &out.time);
    if (!used || used == line.n) return out;
    span rest = span_from(line, used);
    if (span_take(&rest, "\t"))
        read_tabs(rest, &out);
    else if (span_take(&rest, " "))
        read_rest(rest, &out);
    if (out.kind == LINE_ACTION) {
        const char *blank = memchr(out.text.s, ' ', out.text.n);
        out.nick = without_mode((span){out.text.s, blank ? (size_t)(blank - out.text.s) : out.text.n});
        out.text = span_trim(span_from(out.text, blank ? (size_t)(blank - out.text.s) : out.text.n));
        if (!is_nick(out.nick)) out.kind = LINE_OTHER;
    }
    return out;
}

bool irc_matches(span line) {
    if (!line.n || !(is_digit(*line.s) || *line.s == '[' || *line.s == '-')) return false;
    irc_line l = read_line(line);
    return l.kind != LINE_OTHER && !(l.kind == LINE_SYSTEM && *line.s == '-');
}

static void add_message(gather *g, const irc_line *l, const when *day, buf *text) {
    draft d = DRAFT_EMPTY;
    d.author = l->nick.s;
    d.n_author = l->nick.n;
    d.time = l->time;
    if (d.time.kind == WHEN_UNKNOWN && day->kind == WHEN_CALENDAR) {
        d.time.kind = WHEN_CALENDAR;
        d.time.a = day->a;
        d.time.b = day->b;
        d.time.c = day->c;
    }
    buf_clear(text);
    if (l->kind == LINE_ACTION) buf_puts(text, "/me ");
    buf_append(text, l->text.s, l->text.n);
    d.text = buf_str(text);
    d.n_text = text->len;
    gather_add(g, &d);
}

int irc_read(gather *g, text_in *in, error *err) {
    (void)err;
    buf clean = {0}, text = {0};
    when day = WHEN_NOTHING;
    span line;
    while (!g->failed && text_in_line(in, &line.s, &line.n)) {
        if (span_is_blank(line)) continue;
        if (has_codes(line)) {
            strip_codes(line, &clean);
            line = span_of_buf(&clean);
        }
        irc_line l = read_line(line);
        switch (l.kind) {
        case LINE_MESSAGE:
        case LINE_ACTION: add_message(g, &l, &day, &text); break;
        case LINE_SYSTEM: gather_drop(g); break;
        case LINE_DAY: day = l.time; break;
        case LINE_OTHER: gather_skip(g, 1); break;
        }
    }
    buf_free(&clean);
    buf_free(&text);
    return 0;
}
