// Text copied out of the Discord client. Its headers come in several looks (paste_header.c); everything is held in
// memory, for what people paste is small and a name may be told only by how often it stands before a stamp.
#include "app/corpus/paste_header.h"
#include "app/corpus/text_log.h"

#include <stdlib.h>

typedef struct written { // a message that a preview may repeat
    span author, text;
} written;

typedef struct reading {
    gather *g;
    span *lines;
    size_t n_lines;
    when day; // of the last divider
    bool open;
    paste_header header; // of the current block
    span author;
    when time;
    buf compact; // text of a message in compact mode
    bool in_compact;
    uint64_t reply; // for the next message
    written *written;
    size_t n_written, cap_written;
} reading;

// ---- lines that are no text

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_divider(span line, when *day) {
    *day = WHEN_NOTHING;
    line = span_trim(line);
    return line.n && when_named_day(line.s, line.n, day) == line.n;
}

// "leaf.txt"
static bool is_file_name(span line) {
    line = span_trim(line);
    size_t dot = line.n;
    while (dot && line.s[dot - 1] != '.') dot--;
    size_t extension = line.n - dot;
    if (dot < 2 || extension < 1 || extension > 8) return false;
    for (size_t i = dot; i < line.n; i++)
        if (!is_digit(line.s[i]) && !((line.s[i] | 0x20) >= 'a' && (line.s[i] | 0x20) <= 'z')) return false;
    return true;
}

// "11 KB", "1.5 MB", "312 bytes"
static bool is_file_size(span line) {
    static const char *const units[] = {"bytes", "byte", "B", "KB", "MB", "GB"};
    line = span_trim(line);
    size_t i = 0;
    while (i < line.n && (is_digit(line.s[i]) || (i && (line.s[i] == '.' || line.s[i] == ',')))) i++;
    if (i == 0 || i >= line.n || line.s[i] != ' ') return false;
    span unit = span_from(line, i + 1);
    for (size_t k = 0; k < sizeof units / sizeof *units; k++)
        if (span_is(unit, units[k])) return true;
    return false;
}

static span without_edited(span text) {
    text = span_trim(text);
    if (span_is(text, "(edited)")) text.n = 0;
    if (span_drop_end(&text, " (edited)")) text = span_trim(text);
    return text;
}

// ---- messages

static void add(reading *r, span text) {
    text = without_edited(text);
    if (!text.n) return;
    draft d = DRAFT_EMPTY;
    d.author = r->author.s;
    d.n_author = r->author.n;
    d.text = text.s;
    d.n_text = text.n;
    d.time = r->time;
    d.bot = r->header.bot;
    d.key = gather_key(r->g, r->n_written + 1);
    d.reply = r->reply;
    r->reply = 0;
    gather_add(r->g, &d);
    r->written = mem_reserve(r->written, &r->cap_written, r->n_written + 1, sizeof *r->written);
    r->written[r->n_written++] = (written){r->author, text};
}

static void finish_compact(reading *r) {
    if (r->in_compact && r->compact.len) {
        // The text moves, so it is not remembered for previews, which compact mode does not have.
        size_t n = r->n_written;
        add(r, span_of_buf(&r->compact));
        if (r->n_written > n) r->written[n].text.n = 0;
    }
    buf_clear(&r->compact);
    r->in_compact = false;
}

// The time a header gives: its own date, or the day of the divider above it.
static when time_of(const reading *r, const paste_header *h) {
    when t = h->time;
    if (t.kind == WHEN_UNKNOWN && r->day.kind == WHEN_CALENDAR) {
        t.kind = WHEN_CALENDAR;
        t.a = r->day.a;
        t.b = r->day.b;
        t.c = r->day.c;
    }
    return t;
}

static void begin(reading *r, const paste_header *h) {
    finish_compact(r);
    gather_date(r->g, &h->time);
    r->open = true;
    r->header = *h;
    r->author = h->name;
    r->time = time_of(r, h);
    if (h->look == PASTE_COMPACT) {
        r->in_compact = true;
        buf_append(&r->compact, h->text.s, h->text.n);
    }
}

static void add_line(reading *r, span line) {
    if (!r->in_compact) {
        add(r, line);
        return;
    }
    line = without_edited(line);
    if (!line.n) return;
    buf_putc(&r->compact, '\n');
    buf_append(&r->compact, line.s, line.n);
}

// "@NAME text" above a header: the latest message of NAME that begins with the text; false when there is none.
static bool read_preview(reading *r, span line) {
    line = without_edited(line);
    if (!span_take(&line, "@")) return false;
    for (size_t i = r->n_written; i-- > 0;) {
        const written *w = &r->written[i];
        if (line.n <= w->author.n + 1 || memcmp(line.s, w->author.s, w->author.n) != 0 || line.s[w->author.n] != ' ')
            continue;
        span shown = span_trim(span_from(line, w->author.n + 1));
        if (span_drop_end(&shown, "\xE2\x80\xA6") || span_drop_end(&shown, "...")) shown = span_trim(shown);
        if (shown.n == 0 || shown.n > w->text.n || memcmp(shown.s, w->text.s, shown.n) != 0) continue;
        r->reply = gather_key(r->g, i + 1);
        return true;
    }
    return false;
}

static bool is_dropped(reading *r, size_t at) {
    span line = span_trim(r->lines[at]);
    when day;
    if (line.n == 0 || span_is(line, "NEW") || span_is(line, "Image")) return true;
    if (is_divider(line, &day)) {
        finish_compact(r);
        r->day = day;
        return true;
    }
    if (at && is_file_size(line) && is_file_name(r->lines[at - 1])) return true;
    return at + 1 < r->n_lines && is_file_name(line) && is_file_size(r->lines[at + 1]);
}

static void read_lines(reading *r) {
    for (size_t i = 0; i < r->n_lines && !r->g->failed;) {
        paste_header h;
        size_t used = paste_header_at(r->lines, r->n_lines, i, &h);
        if (used) {
            begin(r, &h);
            i += used;
            continue;
        }
        bool above_header = i + 1 < r->n_lines && paste_header_at(r->lines, r->n_lines, i + 1, &h);
        if (!is_dropped(r, i) && r->open && !(above_header && h.look != PASTE_COMPACT && read_preview(r, r->lines[i])))
            add_line(r, r->lines[i]);
        i++;
    }
    finish_compact(r);
}

// ---- line breaks lost on the way

static void read_flat(reading *r, span text) {
    paste_stamps stamps = {0};
    paste_stamps_find(&stamps, text);
    for (size_t i = 0; i < stamps.n && !r->g->failed; i++) {
        const paste_stamp *s = &stamps.list[i];
        size_t end = i + 1 < stamps.n ? stamps.list[i + 1].name : text.n;
        paste_header h = {.look = PASTE_JOINED, .time = s->time, .name = {text.s + s->name, s->at - s->name}};
        begin(r, &h);
        add(r, (span){text.s + s->end, end - s->end});
    }
    paste_stamps_free(&stamps);
}

int paste_read(gather *g, text_in *in, error *err) {
    reading r = {.g = g, .day = WHEN_NOTHING};
    size_t n = 0, cap = 0, before;
    span text;
    do { // all of it, in memory that does not move any more
        before = n;
        text.s = text_in_peek(in, before + (1 << 20), &n);
    } while (n > before && n >= before + (1 << 20));
    text.n = n;
    for (span rest = text; rest.n;) {
        const char *lf = memchr(rest.s, '\n', rest.n);
        size_t length = lf ? (size_t)(lf - rest.s) : rest.n;
        r.lines = mem_reserve(r.lines, &cap, r.n_lines + 1, sizeof *r.lines);
        r.lines[r.n_lines++] = (span){rest.s, length};
        rest = span_from(rest, length + (lf != NULL));
    }
    if (paste_is_flat(r.lines, r.n_lines))
        read_flat(&r, text);
    else
        read_lines(&r);
    text_in_skip(in, n);
    free(r.lines);
    free(r.written);
    buf_free(&r.compact);
    (void)err;
    return 0;
}
