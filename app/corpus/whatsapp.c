// WhatsApp's "export chat": a stamp and a name in front of every message, in the locale of the phone.
//
//   [20/11/2026, 12:06:33] Name: text        iOS
//   11/20/26, 12:06 PM - Name: text          Android
//
// Lines without a stamp continue the message above. What WhatsApp itself writes into a chat is marked by U+200E, by
// the lack of a name (Android), or by angle brackets.
#include "app/corpus/text_log.h"

typedef struct stamp {
    when time;
    bool ios;
    span rest; // what follows the stamp
} stamp;

static bool read_stamp(span line, stamp *out) {
    while (span_take(&line, LEFT_TO_RIGHT_MARK)) {
    }
    *out = (stamp){.time = WHEN_NOTHING, .ios = span_take(&line, "[")};
    size_t used = when_day_and_clock(line.s, line.n, &out->time);
    if (!used) return false;
    line = span_from(line, used);
    if (out->ios ? !span_take(&line, "]") : !span_take(&line, " - ") && !span_take(&line, " \xE2\x80\x93 "))
        return false;
    if (out->ios) span_take(&line, " ");
    out->rest = line;
    return true;
}

bool whatsapp_matches(span line) {
    stamp s;
    return line.n && read_stamp(line, &s);
}

// "Name: text" -> both; false for a line of WhatsApp's own.
static bool split_name(span rest, span *name, span *text) {
    ptrdiff_t colon = span_find(rest, ": ");
    if (colon < 0 && !span_ends(rest, ":")) return false;
    *name = (span){rest.s, colon < 0 ? rest.n - 1 : (size_t)colon};
    *text = span_from(rest, colon < 0 ? rest.n : (size_t)colon + 2);
    span own = *name;
    if (span_take(&own, "~ ") || span_take(&own, "~\xE2\x80\xAF") || span_take(&own, "~\xC2\xA0")) *name = own;
    return span_trim(*name).n > 0;
}

static span first_line(span text) {
    const char *lf = memchr(text.s, '\n', text.n);
    return (span){text.s, lf ? (size_t)(lf - text.s) : text.n};
}

static span without_first_line(span text) {
    size_t n = first_line(text).n;
    return span_from(text, n < text.n ? n + 1 : n);
}

// "IMG-20261120-WA0003.jpg (file attached)": a file name, and words in parentheses in any language.
static bool is_attachment_line(span line) {
    if (!span_ends(line, ")")) return false;
    ptrdiff_t open = span_find(line, " (");
    if (open <= 0) return false;
    span file = {line.s, (size_t)open};
    size_t dot = file.n;
    while (dot && file.s[dot - 1] != '.') dot--;
    size_t extension = file.n - dot;
    if (!dot || extension < 2 || extension > 5) return false;
    bool whatsapps_own = span_find(file, "-WA") > 0 && memchr(file.s, ' ', file.n) == NULL;
    return whatsapps_own || span_ends(line, " (file attached)");
}

static bool is_deleted(span text) {
    static const char *const known[] = {"This message was deleted", "You deleted this message",
                                        "Diese Nachricht wurde gel\xC3\xB6scht",
                                        "Du hast diese Nachricht gel\xC3\xB6scht"};
    span_drop_end(&text, ".");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_is(text, known[i])) return true;
    return false;
}

// "<Media omitted>" in any language.
static bool is_in_brackets(span text) {
    return text.n > 2 && text.s[0] == '<' && text.s[text.n - 1] == '>' && !memchr(text.s + 1, '<', text.n - 2) &&
           !memchr(text.s, '>', text.n - 1) && !memchr(text.s, '\n', text.n);
}

// "<This message was edited>" at the end; with U+200E in front also in other languages, and "<attached: ...>".
static span without_end_marks(span text) {
    for (;;) {
        text = span_trim(text);
        if (span_drop_end(&text, "<This message was edited>")) {
            span_drop_end(&text, LEFT_TO_RIGHT_MARK);
            continue;
        }
        if (!span_ends(text, ">")) return text;
        size_t open = text.n;
        while (open && text.s[open - 1] != '<' && text.s[open - 1] != '\n') open--;
        span front = {text.s, open ? open - 1 : 0};
        if (!open || text.s[open - 1] != '<' || !span_drop_end(&front, LEFT_TO_RIGHT_MARK)) return text;
        text = front;
    }
}

// Copies text without the isolates that WhatsApp lays around a mention: @U+2068 name U+2069.
static void copy_mentions(span text, buf *out) {
    while (text.n) {
        ptrdiff_t at = span_find(text, "@\xE2\x81\xA8");
        ptrdiff_t end = at < 0 ? -1 : span_find(span_from(text, (size_t)at), "\xE2\x81\xA9");
        if (end < 0) break;
        buf_append(out, text.s, (size_t)at + 1);
        buf_append(out, text.s + at + 4, (size_t)end - 4);
        text = span_from(text, (size_t)(at + end) + 3);
    }
    buf_append(out, text.s, text.n);
}

typedef struct reading {
    gather *g;
    bool open;   // a message is being read
    bool silent; // it has no author: its lines are dropped
    bool ios;
    when time;
    buf name, text, clean;
} reading;

static void finish(reading *r) {
    if (!r->open) return;
    r->open = false;
    span text = span_of_buf(&r->text);
    bool marked = span_starts(text, LEFT_TO_RIGHT_MARK);
    if (r->silent || (marked && r->ios)) {
        gather_drop(r->g);
        return;
    }
    if (marked || is_attachment_line(first_line(text))) text = without_first_line(text);
    text = without_end_marks(text);
    if (is_in_brackets(text) || is_deleted(text)) text.n = 0;
    buf_clear(&r->clean);
    copy_mentions(text, &r->clean);
    draft d = DRAFT_EMPTY;
    d.author = r->name.data;
    d.n_author = r->name.len;
    d.text = buf_str(&r->clean);
    d.n_text = r->clean.len;
    d.time = r->time;
    gather_add(r->g, &d);
}

static void begin(reading *r, const stamp *s) {
    span name = {"", 0}, text = {"", 0};
    finish(r);
    gather_date(r->g, &s->time);
    r->open = true;
    r->silent = !split_name(s->rest, &name, &text);
    r->ios = s->ios;
    r->time = s->time;
    buf_clear(&r->name);
    buf_clear(&r->text);
    if (!r->silent) buf_append(&r->name, name.s, name.n);
    buf_append(&r->text, text.s, text.n);
}

int whatsapp_read(gather *g, text_in *in, error *err) {
    (void)err;
    reading r = {.g = g};
    span line;
    stamp s;
    while (!g->failed && text_in_line(in, &line.s, &line.n)) {
        if (read_stamp(line, &s)) {
            begin(&r, &s);
        } else if (r.open) {
            buf_putc(&r.text, '\n');
            buf_append(&r.text, line.s, line.n);
        } else if (!span_is_blank(line)) {
            gather_skip(g, 1);
        }
    }
    finish(&r);
    buf_free(&r.name);
    buf_free(&r.text);
    buf_free(&r.clean);
    return 0;
}
