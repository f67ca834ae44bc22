// imessage-exporter's text: blocks of a stamp line, a name line and the text, with a blank line between them.
//
// A text may itself have blank lines, so a block goes on until the next stamp line behind a blank one. Replies stand
// twice: indented inside the block they answer, where they only tell the parent, and in their own place.
#include "app/corpus/text_log.h"

#define INDENT "    "

// "Nov 20, 2026  9:06:02 AM", then nothing, " (Read by ...)", or the text of an announcement. 0 if there is no stamp.
static size_t read_stamp(span line, when *time) {
    *time = WHEN_NOTHING;
    size_t used = when_named_day(line.s, line.n, time);
    if (!used || line.n < used + 2 || line.s[used] != ' ' || line.s[0] < 'A') return 0;
    used += 1 + (line.s[used + 1] == ' ');
    size_t clock = when_clock(line.s + used, line.n - used, time);
    return clock && time->twelve_hour ? used + clock : 0;
}

// A line that is nothing but a stamp and, perhaps, when it was read.
static bool is_stamp_line(span line, when *time) {
    size_t used = read_stamp(line, time);
    span rest = span_trim(span_from(line, used));
    return used && (rest.n == 0 || (rest.s[0] == '(' && rest.s[rest.n - 1] == ')'));
}

bool imessage_matches(span line) {
    when time;
    return read_stamp(line, &time) > 0;
}

enum { BLOCK_NONE, BLOCK_NAME, BLOCK_TEXT, BLOCK_ANNOUNCEMENT };

typedef struct reading {
    gather *g;
    int state; // BLOCK_
    when time;
    buf name, text;
    bool in_copy;      // inside an indented copy of a reply
    bool name_is_next; // of that copy
    when copy_time;
    bool in_reactions; // until the next blank line
    bool is_reply;     // the block says that it answers an earlier message
    uint64_t number;   // of this block, from 1
    id_map parents;    // (time, name) of a copy -> number of the block it stands in
} reading;

static uint64_t copy_key(const when *time, span name) {
    char text[WHEN_TEXT];
    when_text(time, false, text);
    return id_map_hash(id_map_hash(1, text, strlen(text)), name.s, name.n);
}

static bool is_dropped_line(span line) {
    return span_starts(line, "attachments/") || span_find(line, "/Library/Messages/") >= 0 ||
           span_starts(line, "Sent with ");
}

// "STAMP old text", then "Edited 12 seconds later: new text": the last edit is the text.
static span last_edit(span text) {
    when time;
    if (!read_stamp(text, &time)) return text;
    span best = text;
    for (span rest = text; rest.n;) {
        const char *lf = memchr(rest.s, '\n', rest.n);
        if (!lf) break;
        rest = span_from(rest, (size_t)(lf - rest.s) + 1);
        ptrdiff_t later = span_starts(rest, "Edited ") ? span_find(rest, " later: ") : -1;
        const char *end = memchr(rest.s, '\n', rest.n);
        if (later > 0 && (!end || rest.s + later < end)) best = span_from(rest, (size_t)later + 8);
    }
    return best.s == text.s ? text : best;
}

static void finish(reading *r) {
    if (r->state == BLOCK_ANNOUNCEMENT) gather_drop(r->g);
    if (r->state == BLOCK_NAME) gather_skip(r->g, 1);
    if (r->state != BLOCK_TEXT) return;
    span text = last_edit(span_trim(span_of_buf(&r->text)));
    draft d = DRAFT_EMPTY;
    d.author = buf_str(&r->name);
    d.n_author = r->name.len;
    d.text = text.s;
    d.n_text = text.n;
    d.time = r->time;
    d.key = gather_key(r->g, r->number);
    const uint32_t *parent = id_map_find(&r->parents, copy_key(&r->time, span_of_buf(&r->name)));
    if (parent && r->is_reply) d.reply = gather_key(r->g, *parent);
    gather_add(r->g, &d);
}

static void begin(reading *r, bool announcement, const when *time) {
    finish(r);
    r->state = announcement ? BLOCK_ANNOUNCEMENT : BLOCK_NAME;
    r->time = *time;
    r->in_copy = r->in_reactions = r->name_is_next = r->is_reply = false;
    r->number++;
    buf_clear(&r->name);
    buf_clear(&r->text);
}

// A line of an indented copy: its stamp and its name are all that counts.
static void read_copy_line(reading *r, span line) {
    when time;
    span inner = span_trim(line);
    if (is_stamp_line(inner, &time)) {
        r->copy_time = time;
        r->name_is_next = true;
    } else if (r->name_is_next) {
        id_map_add(&r->parents, copy_key(&r->copy_time, inner), (uint32_t)r->number, NULL);
        r->name_is_next = false;
    }
}

static void read_line(reading *r, span line, bool after_blank) {
    when time;
    size_t stamp = after_blank ? read_stamp(line, &time) : 0;
    if (stamp) {
        begin(r, !is_stamp_line(line, &time), &time);
    } else if (r->state == BLOCK_NAME) {
        span name = span_trim(line);
        buf_append(&r->name, name.s, name.n);
        r->state = BLOCK_TEXT;
    } else if (r->state == BLOCK_TEXT) {
        span inner = line;
        bool indented = span_take(&inner, INDENT);
        if (span_is_blank(line)) r->in_reactions = false;
        if (indented && (r->in_copy || is_stamp_line(span_trim(inner), &time))) {
            r->in_copy = true;
            read_copy_line(r, inner);
            return;
        }
        if (!span_is_blank(line)) r->in_copy = false;
        if (span_is(line, "Reactions:") || span_is(line, "Tapbacks:")) r->in_reactions = true;
        bool tells_reply = span_is(line, "This message responded to an earlier message.");
        r->is_reply |= tells_reply;
        if (tells_reply || r->in_reactions || r->in_copy || is_dropped_line(line)) return;
        buf_append(&r->text, line.s, line.n);
        buf_putc(&r->text, '\n');
    } else if (r->state == BLOCK_NONE && !span_is_blank(line)) {
        gather_skip(r->g, 1);
    }
}

int imessage_read(gather *g, text_in *in, error *err) {
    (void)err;
    reading r = {.g = g};
    span line;
    bool after_blank = true;
    while (!g->failed && text_in_line(in, &line.s, &line.n)) {
        read_line(&r, line, after_blank);
        after_blank = span_is_blank(line);
    }
    finish(&r);
    buf_free(&r.name);
    buf_free(&r.text);
    id_map_free(&r.parents);
    return 0;
}
