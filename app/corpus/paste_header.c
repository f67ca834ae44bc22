// A stamp is "Today at", "Yesterday at" or a date, and a clock time ("Today at least" is text). In flat text the name
// before a stamp is the string, beginning at a word, that stands before the most stamps; counted by hashing every
// such string before every stamp.
#include "app/corpus/paste_header.h"
#include "app/corpus/id_map.h"

#include <stdlib.h>

#define DASH_FIRST "\xE2\x80\x94 " // U+2014
#define DASH       " " DASH_FIRST

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

// "Today at 12:06 PM": its length. Discord writes AM and PM in capitals; other letters are the next word.
static size_t read_day_word(span s, when *time) {
    span rest = s;
    *time = WHEN_NOTHING;
    if (!span_take(&rest, "Today at ") && !span_take(&rest, "Yesterday at ")) return 0;
    size_t used = when_clock(rest.s, rest.n, time);
    if (!used) return 0;
    if (time->twelve_hour && rest.s[used - 1] != 'M') {
        used = 0;
        while (used < rest.n && (rest.s[used] == ':' || (rest.s[used] >= '0' && rest.s[used] <= '9'))) used++;
        if (when_clock(rest.s, used, time) != used) return 0;
    }
    return s.n - rest.n + used;
}

// The whole of s is a stamp.
static bool is_stamp(span s, when *time) {
    s = span_trim(s);
    if (!s.n) return false;
    if (read_day_word(s, time) == s.n) return true;
    *time = WHEN_NOTHING;
    return when_day_and_clock(s.s, s.n, time) == s.n;
}

static span without_role_icon(span name) {
    ptrdiff_t at = span_find(name, " Role icon, ");
    if (at > 0) name.n = (size_t)at;
    return span_trim(name);
}

static bool read_compact(span line, paste_header *h) {
    span rest = line;
    if (!span_take(&rest, "[")) return false;
    size_t used = when_clock(rest.s, rest.n, &h->time);
    rest = span_from(rest, used);
    if (!used || !span_take(&rest, "]")) return false;
    span_take(&rest, " ");
    const char *colon = memchr(rest.s, ':', rest.n);
    if (!colon || !rest.n || strchr("<*-", *rest.s)) return false; // those are IRC's
    h->look = PASTE_COMPACT;
    h->name = without_role_icon((span){rest.s, (size_t)(colon - rest.s)});
    h->text = span_trim(span_from(rest, (size_t)(colon - rest.s) + 1));
    return h->name.n > 0;
}

// The last dash of the line has a stamp behind it.
static bool read_dashed(span line, paste_header *h) {
    enum { DASH_BYTES = sizeof DASH - 1 };
    for (size_t at = line.n; at-- > 0;) {
        if (!span_starts(span_from(line, at), DASH)) continue;
        if (!is_stamp(span_from(line, at + DASH_BYTES), &h->time)) return false;
        h->name = without_role_icon((span){line.s, at});
        h->look = h->name.n ? PASTE_DASHED : PASTE_TALL;
        return true;
    }
    return false;
}

static bool read_joined(span line, paste_header *h) {
    static const char *const words[] = {"Today at ", "Yesterday at "};
    for (int k = 0; k < 2; k++)
        for (size_t at = 1; at < line.n; at++) {
            if (line.s[at] != words[k][0] || is_blank(line.s[at - 1])) continue;
            if (read_day_word(span_from(line, at), &h->time) != line.n - at) continue;
            h->look = PASTE_JOINED;
            h->name = without_role_icon((span){line.s, at});
            return true;
        }
    return false;
}

bool paste_header_read(span line, paste_header *h) {
    *h = (paste_header){.time = WHEN_NOTHING};
    while (line.n && is_blank(line.s[line.n - 1])) line.n--;
    if (!line.n) return false;
    if (span_starts(line, DASH_FIRST) && is_stamp(span_from(line, sizeof DASH_FIRST - 1), &h->time)) {
        h->look = PASTE_TALL;
        return true;
    }
    return read_compact(line, h) || read_dashed(line, h) || read_joined(line, h);
}

static bool is_bot_badge(span line) {
    line = span_trim(line);
    return span_is(line, "APP") || span_is(line, "BOT");
}

static bool is_badge(span line) {
    return is_bot_badge(line) || span_is(span_trim(line), "OP");
}

static bool is_tall_stamp(const span *lines, size_t n, size_t i, paste_header *h) {
    return i < n && paste_header_read(lines[i], h) && h->look == PASTE_TALL;
}

// Name, one badge line (two when the first is one that Discord itself gives), stamp.
static size_t read_tall(const span *lines, size_t n, size_t i, paste_header *h) {
    paste_header other;
    size_t stamp = 0;
    if (span_is_blank(lines[i]) || paste_header_read(lines[i], &other)) return 0;
    for (size_t k = 1; k <= 3 && i + k < n && !stamp; k++) {
        if (is_tall_stamp(lines, n, i + k, h))
            stamp = k;
        else if (span_is_blank(lines[i + k]) || paste_header_read(lines[i + k], &other))
            return 0;
    }
    if (!stamp || (stamp == 3 && !is_badge(lines[i + 1]))) return 0;
    h->name = without_role_icon(lines[i]);
    for (size_t k = 1; k < stamp; k++) h->bot |= is_bot_badge(lines[i + k]);
    return stamp + 1;
}

size_t paste_header_at(const span *lines, size_t n, size_t i, paste_header *h) {
    size_t used = read_tall(lines, n, i, h);
    if (used) return used;
    return paste_header_read(lines[i], h) && h->look != PASTE_TALL;
}

// ---- flat text

// The next joined stamp in s at or behind *at, which moves to its beginning; its length, 0 when there is none.
static size_t next_stamp(span s, size_t *at, when *time) {
    for (size_t i = *at ? *at : 1; i < s.n; i++) {
        if ((s.s[i] != 'T' && s.s[i] != 'Y') || is_blank(s.s[i - 1])) continue;
        size_t used = read_day_word(span_from(s, i), time);
        if (!used) continue;
        *at = i;
        return used;
    }
    return 0;
}

size_t paste_count(span line) {
    paste_header h;
    size_t count = 0, used;
    for (size_t at = 0; (used = next_stamp(line, &at, &h.time)) > 0; at += used) count++;
    return count ? count : paste_header_read(line, &h);
}

// Joined stamps that do not end their line outnumber the headers that do.
bool paste_is_flat(const span *lines, size_t n) {
    size_t inside = 0, headers = 0, used;
    for (size_t i = 0; i < n; i++) {
        paste_header h;
        if (paste_header_read(lines[i], &h) && h.look != PASTE_JOINED) headers++;
        for (size_t at = 0; (used = next_stamp(lines[i], &at, &h.time)) > 0; at += used) {
            bool ends_line = span_is_blank(span_from(lines[i], at + used));
            inside += !ends_line;
            headers += ends_line;
        }
    }
    return inside > headers;
}

static void find_stamps(paste_stamps *p, span text) {
    paste_stamp s = {0};
    size_t used;
    while ((used = next_stamp(text, &s.at, &s.time)) > 0) {
        s.end = s.at + used;
        p->list = mem_reserve(p->list, &p->cap, p->n + 1, sizeof *p->list);
        p->list[p->n++] = s;
        s.at = s.end;
    }
}

enum { NAME_MAX_BYTES = 160, NAME_WORDS = 16 };

// The beginnings of words before stamp i, nearest first, as far back as a name may reach.
static size_t word_starts(const paste_stamps *p, span text, size_t i, size_t *starts) {
    size_t from = i ? p->list[i - 1].end : 0, at = p->list[i].at, n = 0;
    size_t least = at - from > NAME_MAX_BYTES ? at - NAME_MAX_BYTES : from;
    for (size_t k = at; k-- > least && n < NAME_WORDS && text.s[k] != '\n';)
        if (!is_blank(text.s[k]) && (k == from || is_blank(text.s[k - 1]))) starts[n++] = k;
    return n;
}

void paste_stamps_find(paste_stamps *p, span text) {
    id_map counts = {0};
    size_t starts[NAME_WORDS];
    find_stamps(p, text);
    for (size_t i = 0; i < p->n; i++) {
        size_t n = word_starts(p, text, i, starts), at = p->list[i].at;
        for (size_t k = 0; k < n; k++)
            ++*id_map_add(&counts, id_map_hash(0, text.s + starts[k], at - starts[k]), 0, NULL);
    }
    for (size_t i = 0; i < p->n; i++) {
        size_t n = word_starts(p, text, i, starts), at = p->list[i].at;
        uint32_t most = 1;
        p->list[i].name = n ? starts[0] : at;
        for (size_t k = 0; k < n; k++) {
            uint32_t count = *id_map_find(&counts, id_map_hash(0, text.s + starts[k], at - starts[k]));
            if (count < most || count == 1) continue;
            most = count;
            p->list[i].name = starts[k]; // nearest first: a longer one of equal count wins
        }
    }
    id_map_free(&counts);
}

void paste_stamps_free(paste_stamps *p) {
    free(p->list);
    *p = (paste_stamps){0};
}
