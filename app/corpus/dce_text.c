// DiscordChatExporter text.
//
//   62 times '=', Guild:, Channel: ..., 62 times '='
//
//   [11/20/2026 12:06 PM] username#1234 (pinned)
//   text, any number of lines
//
//   {Attachments}           a line that is exactly one of these ends the text
//
//   62 times '=', "Exported N message(s)", 62 times '='
#include "app/corpus/dce.h"
#include "app/corpus/markup.h"
#include "app/corpus/text_log.h"

static bool is_minutes_call(span text) {
    if (!span_take(&text, "Started a call that lasted ")) return false;
    return span_drop_end(&text, " minutes.") || span_drop_end(&text, " minute.");
}

static bool is_membership(span text) {
    span added = text, removed = text;
    return (span_take(&added, "Added ") && span_drop_end(&added, " to the group.")) ||
           (span_take(&removed, "Removed ") && span_drop_end(&removed, " from the group."));
}

bool dce_is_system(span text) {
    static const char *const known[] = {"Joined the server.",        "Pinned a message.",        "Started a thread.",
                                        "Left the group.",           "Added a recipient.",       "Removed a recipient.",
                                        "Changed the channel name.", "Changed the channel icon."};
    text = span_trim(text);
    if (memchr(text.s, '\n', text.n)) return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_is(text, known[i])) return true;
    return is_minutes_call(text) || is_membership(text) || span_starts(text, "Changed the channel name: ");
}

static bool is_rule(span line) {
    if (line.n != 62) return false;
    for (size_t i = 0; i < line.n; i++)
        if (line.s[i] != '=') return false;
    return true;
}

static bool is_marker(span line) {
    static const char *const markers[] = {"{Attachments}", "{Embed}", "{Stickers}", "{Reactions}",
                                          "{Forwarded Message}"};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (span_is(line, markers[i])) return true;
    return false;
}

static bool is_exported_line(span line) {
    return span_take(&line, "Exported ") && span_ends(line, "message(s)");
}

typedef enum place { IN_FRONT, IN_PREAMBLE, IN_MESSAGES, BEHIND } place;

typedef struct reading {
    gather *g;
    place place;
    bool open, ended; // a message is being read; its text is over
    bool rule;        // the line before this one was a rule inside a message
    when time;
    buf name, text;
} reading;

// "[11/20/2026 12:06 PM] username#1234 (pinned)"
static bool read_header(span line, when *time, span *name) {
    if (!span_take(&line, "[")) return false;
    size_t used = when_day_and_clock(line.s, line.n, time);
    line = span_from(line, used);
    if (!used || !span_take(&line, "] ")) return false;
    span_drop_end(&line, " (pinned)");
    line = span_trim(line);
    line.n = markup_without_discriminator(line.s, line.n);
    *name = line;
    return line.n > 0;
}

static void finish(reading *r) {
    if (!r->open) return;
    r->open = false;
    span text = span_trim(span_of_buf(&r->text));
    draft d = DRAFT_EMPTY;
    d.author = buf_str(&r->name);
    d.n_author = r->name.len;
    d.text = text.s;
    d.n_text = dce_is_system(text) ? 0 : text.n;
    d.time = r->time;
    gather_add(r->g, &d);
}

static void begin(reading *r, const when *time, span name) {
    finish(r);
    gather_date(r->g, time);
    r->open = true;
    r->ended = false;
    r->time = *time;
    buf_clear(&r->name);
    buf_clear(&r->text);
    buf_append(&r->name, name.s, name.n);
}

static void add_line(reading *r, span line) {
    if (is_marker(line)) r->ended = true;
    if (!r->open || r->ended) return;
    buf_append(&r->text, line.s, line.n);
    buf_putc(&r->text, '\n');
}

static void read_message_line(reading *r, span line, bool after_blank) {
    static const char rule[] = "==============================================================";
    when time;
    span name;
    if (r->rule && is_exported_line(line)) {
        finish(r);
        r->place = BEHIND;
    } else if (after_blank && read_header(line, &time, &name)) {
        begin(r, &time, name);
    } else {
        if (r->rule) add_line(r, (span){rule, sizeof rule - 1});
        if (!is_rule(line)) add_line(r, line);
    }
    r->rule = is_rule(line) && r->place == IN_MESSAGES;
}

static void read_line(reading *r, span line, bool after_blank) {
    switch (r->place) {
    case IN_FRONT:
        if (is_rule(line)) r->place = IN_PREAMBLE;
        break;
    case IN_PREAMBLE:
        if (is_rule(line)) r->place = IN_MESSAGES;
        break;
    case IN_MESSAGES: read_message_line(r, line, after_blank); break;
    case BEHIND: // the rule that closes the postamble
        if (is_rule(line)) r->place = IN_FRONT;
        break;
    }
}

// The text ended without the closing lines. The last message is whole only if a blank line stands behind it.
static void finish_cut(reading *r, bool after_blank, bool before_last, size_t n_last) {
    if (r->place != IN_MESSAGES) return;
    span text = span_of_buf(&r->text);
    if (!after_blank && before_last && n_last && text.n > n_last && text.s[text.n - n_last - 1] == '[') {
        r->text.len -= n_last + 1; // a header that was cut; what stands above it is whole
        finish(r);
        gather_cut(r->g, (int64_t)n_last);
    } else if (after_blank) {
        finish(r);
    } else if (r->open) {
        gather_cut(r->g, (int64_t)text.n);
    }
}

int dce_text_read(gather *g, text_in *in, error *err) {
    (void)err;
    reading r = {.g = g};
    span line;
    bool after_blank = true, before_last = true;
    size_t n_last = 0;
    while (!g->failed && text_in_line(in, &line.s, &line.n)) {
        bool preamble = r.place != IN_MESSAGES;
        n_last = line.n;
        before_last = after_blank;
        read_line(&r, line, after_blank);
        after_blank = preamble || span_is_blank(line);
    }
    finish_cut(&r, after_blank, before_last, n_last);
    buf_free(&r.name);
    buf_free(&r.text);
    return 0;
}
