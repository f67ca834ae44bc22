// DiscordChatExporter HTML, read by libxml2's push parser: no tree is built, so a page of any size needs little memory.
//
// Every open element stands on a stack with the part it plays; what it contributes to the text is written when it
// opens and when it closes (markdown marks), or rewritten when it closes (quotes, links).
#include "app/corpus/format.h"
#include "app/corpus/span.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <string.h>

typedef enum part {
    PART_NONE,
    PART_CONTAINER, // one message
    PART_AUTHOR,
    PART_BOT_TAG,
    PART_STAMP,
    PART_SHORT_STAMP,
    PART_SYSTEM,  // makes its message a system line
    PART_FOREIGN, // a reply, an embed, forwarded words: not the author's own text
    PART_CONTENT,
    PART_TEXT,  // the markdown directly in the content
    PART_MARKS, // closes with the marks it opened with
    PART_CODE_BLOCK,
    PART_QUOTE,
    PART_LINK,
    PART_HEADING,
    PART_ITEM,
} part;

typedef struct open_element {
    part part;
    const char *marks; // PART_MARKS
    size_t at;         // where its text begins in `text`
    size_t href;       // PART_LINK: where its address begins in `hrefs`
} open_element;

typedef struct reading {
    gather *g;
    open_element *stack;
    size_t n, cap;
    size_t n_foreign; // open foreign elements
    bool in_text;     // inside PART_TEXT
    buf *capture;     // where characters go besides; NULL: nowhere
    buf author, stamp, text, hrefs;
    // The current message.
    bool open, system;
    uint64_t id, reply;
    // The current group: the first message names the author and the day, the others only the time of day.
    bool bot, has_day;
    when day;
    int minutes; // time of day of the message before
    bool ending; // the text is over: what closes now was never closed
} reading;

// ---- attributes

typedef const xmlChar **attributes;

static const char *attribute(attributes a, const char *name) {
    for (; a && *a; a += 2)
        if (strcmp((const char *)a[0], name) == 0) return a[1] ? (const char *)a[1] : "";
    return "";
}

static bool has_class(attributes a, const char *wanted) {
    const char *s = attribute(a, "class");
    size_t n = strlen(wanted);
    while (*s) {
        s += strspn(s, " \t\n");
        size_t length = strcspn(s, " \t\n");
        if (length == n && memcmp(s, wanted, n) == 0) return true;
        s += length;
    }
    return false;
}

// The longest run of digits: "scrollToMessage(event,'1573309686743040011')".
static uint64_t digits_in(const char *s) {
    const char *best = s;
    size_t most = 0;
    while (*s) {
        size_t n = strspn(s, "0123456789");
        if (n > most && n <= 20) {
            most = n;
            best = s;
        }
        s += n ? n : 1;
    }
    return most ? strtoull(best, NULL, 10) : 0;
}

// ---- text back to markdown

static void put_code_start(reading *r, attributes a) {
    static const char prefix[] = "language-", none[] = "nohighlight";
    const char *s = strstr(attribute(a, "class"), prefix);
    span language = {s ? s + sizeof prefix - 1 : "", s ? strcspn(s + sizeof prefix - 1, " \t\n") : 0};
    buf_puts(&r->text, "```");
    if (!span_is(language, none)) buf_append(&r->text, language.s, language.n);
    buf_putc(&r->text, '\n');
}

static void put_image(reading *r, attributes a) {
    const char *alt = attribute(a, "alt"), *title = attribute(a, "title");
    if (!has_class(a, "chatlog__emoji")) return;
    bool custom = strcmp(alt, title) == 0 && *alt;
    buf_printf(&r->text, custom ? ":%s:" : "%s", alt);
}

static bool ends_line(const buf *b) {
    return b->len == 0 || b->data[b->len - 1] == '\n';
}

static const char *marks_of(const char *name, attributes a) {
    if (strcmp(name, "strong") == 0) return "**";
    if (strcmp(name, "em") == 0) return "*";
    if (strcmp(name, "u") == 0) return "__";
    if (strcmp(name, "s") == 0) return "~~";
    if (has_class(a, "chatlog__markdown-spoiler")) return "||";
    if (has_class(a, "chatlog__markdown-pre--inline")) return "`";
    return NULL;
}

// An element inside the text opens.
static void open_markup(reading *r, open_element *e, const char *name, attributes a) {
    e->at = r->text.len;
    if ((e->marks = marks_of(name, a)) != NULL) {
        e->part = PART_MARKS;
        buf_puts(&r->text, e->marks);
    } else if (has_class(a, "chatlog__markdown-pre--multiline")) {
        e->part = PART_CODE_BLOCK;
        put_code_start(r, a);
    } else if (has_class(a, "chatlog__markdown-quote")) {
        e->part = PART_QUOTE;
    } else if (strcmp(name, "a") == 0) {
        e->part = PART_LINK;
        e->href = r->hrefs.len;
        buf_puts(&r->hrefs, attribute(a, "href"));
    } else if (name[0] == 'h' && name[1] >= '1' && name[1] <= '3' && !name[2]) {
        e->part = PART_HEADING;
        buf_append(&r->text, "###", (size_t)(name[1] - '0'));
        buf_putc(&r->text, ' ');
    } else if (strcmp(name, "li") == 0) {
        e->part = PART_ITEM;
        if (!ends_line(&r->text)) buf_putc(&r->text, '\n');
        buf_puts(&r->text, "- ");
    } else if (strcmp(name, "img") == 0) {
        put_image(r, a);
    } else if (strcmp(name, "br") == 0) {
        buf_putc(&r->text, '\n');
    }
}

// "> " before each line of text[at..].
static void close_quote(reading *r, size_t at) {
    if (at >= r->text.len) return;
    char *inside = mem_strndup(r->text.data + at, r->text.len - at);
    size_t n = r->text.len - at;
    r->text.len = at;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || inside[i - 1] == '\n') buf_puts(&r->text, "> ");
        buf_putc(&r->text, inside[i]);
    }
    if (!ends_line(&r->text)) buf_putc(&r->text, '\n');
    free(inside);
}

// "[text](href)" when the two differ.
static void close_link(reading *r, const open_element *e) {
    span href = {buf_str(&r->hrefs) + e->href, r->hrefs.len - e->href};
    span shown = {buf_str(&r->text) + e->at, r->text.len - e->at};
    if (href.n && (href.n != shown.n || memcmp(href.s, shown.s, href.n) != 0)) {
        char *copy = mem_strndup(shown.s, shown.n);
        r->text.len = e->at;
        buf_printf(&r->text, "[%s](%.*s)", copy, (int)href.n, href.s);
        free(copy);
    }
    r->hrefs.len = e->href;
}

static void close_markup(reading *r, const open_element *e) {
    switch (e->part) {
    case PART_MARKS: buf_puts(&r->text, e->marks); break;
    case PART_CODE_BLOCK: buf_puts(&r->text, "\n```"); break;
    case PART_QUOTE: close_quote(r, e->at); break;
    case PART_LINK: close_link(r, e); break;
    case PART_HEADING: buf_putc(&r->text, '\n'); break;
    case PART_ITEM:
        if (!ends_line(&r->text)) buf_putc(&r->text, '\n');
        break;
    default: break;
    }
}

// ---- messages

static void begin_message(reading *r, attributes a) {
    if (r->open) gather_skip(r->g, 1); // the one before was never closed
    r->open = true;
    r->system = false;
    r->id = digits_in(attribute(a, "data-message-id"));
    r->reply = 0;
    buf_clear(&r->text);
    buf_clear(&r->hrefs);
    r->text.len = 0;
}

static void finish_message(reading *r) {
    if (!r->open) return;
    r->open = false;
    span author = span_trim(span_of_buf(&r->author));
    if (r->system) {
        gather_drop(r->g);
        return;
    }
    if (r->ending || !author.n) {
        gather_skip(r->g, 1);
        return;
    }
    draft d = DRAFT_EMPTY;
    d.author = author.s;
    d.n_author = author.n;
    d.text = buf_str(&r->text);
    d.n_text = r->text.len;
    d.time = r->day;
    d.key = gather_key_everywhere(r->id);
    d.stable_key = d.key != 0;
    d.reply = gather_key_everywhere(r->reply);
    d.bot = r->bot;
    gather_add(r->g, &d);
}

static void read_stamp(reading *r) {
    span s = span_trim(span_of_buf(&r->stamp));
    r->day = WHEN_NOTHING;
    if (when_day_and_clock(s.s, s.n, &r->day) != s.n) r->day = WHEN_NOTHING;
    gather_date(r->g, &r->day);
    r->has_day = r->day.kind != WHEN_UNKNOWN;
    r->minutes = r->day.hour * 60 + r->day.minute;
}

// A time of day earlier than the one before it is the next day's.
static void read_short_stamp(reading *r) {
    span s = span_trim(span_of_buf(&r->stamp));
    when clock = WHEN_NOTHING;
    if (when_clock(s.s, s.n, &clock) != s.n || !s.n) {
        r->day.has_clock = false;
        return;
    }
    int minutes = clock.hour * 60 + clock.minute;
    if (minutes < r->minutes) r->day.later++;
    r->minutes = minutes;
    r->day.has_clock = true;
    r->day.hour = clock.hour;
    r->day.minute = clock.minute;
    r->day.second = clock.second;
}

// ---- elements

static part part_of(const reading *r, attributes a) {
    static const struct {
        const char *class;
        part part;
    } classes[] = {{"chatlog__message-container", PART_CONTAINER},
                   {"chatlog__author", PART_AUTHOR},
                   {"chatlog__author-tag", PART_BOT_TAG},
                   {"chatlog__timestamp", PART_STAMP},
                   {"chatlog__short-timestamp", PART_SHORT_STAMP},
                   {"chatlog__system-notification-author", PART_SYSTEM},
                   {"chatlog__reply", PART_FOREIGN},
                   {"chatlog__embed", PART_FOREIGN},
                   {"chatlog__forwarded", PART_FOREIGN},
                   {"chatlog__content", PART_CONTENT}};
    if (has_class(a, "chatlog__markdown-preserve") && r->n && r->stack[r->n - 1].part == PART_CONTENT) return PART_TEXT;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (has_class(a, classes[i].class)) return classes[i].part;
    return PART_NONE;
}

static void open_part(reading *r, open_element *e, attributes a) {
    part p = part_of(r, a);
    if (r->n_foreign && p != PART_CONTAINER && p != PART_FOREIGN) return;
    e->part = p;
    switch (p) {
    case PART_CONTAINER: begin_message(r, a); break;
    case PART_SYSTEM: r->system = true; break;
    case PART_BOT_TAG: r->bot = true; break;
    case PART_FOREIGN: r->n_foreign++; break;
    case PART_TEXT: r->in_text = true; break;
    case PART_AUTHOR:
        buf_clear(&r->author);
        r->capture = &r->author;
        r->bot = false;
        break;
    case PART_STAMP:
    case PART_SHORT_STAMP:
        buf_clear(&r->stamp);
        r->capture = &r->stamp;
        break;
    default: break;
    }
}

static void on_start(void *arg, const xmlChar *name, attributes a) {
    reading *r = arg;
    open_element e = {.part = PART_NONE};
    if (r->in_text)
        open_markup(r, &e, (const char *)name, a);
    else
        open_part(r, &e, a);
    if (has_class(a, "chatlog__reply-link")) r->reply = digits_in(attribute(a, "onclick"));
    r->stack = mem_reserve(r->stack, &r->cap, r->n + 1, sizeof *r->stack);
    r->stack[r->n++] = e;
}

static void on_end(void *arg, const xmlChar *name) {
    reading *r = arg;
    (void)name;
    if (!r->n) return;
    open_element e = r->stack[--r->n];
    switch (e.part) {
    case PART_CONTAINER: finish_message(r); break;
    case PART_FOREIGN: r->n_foreign--; break;
    case PART_TEXT: r->in_text = false; break;
    case PART_AUTHOR: r->capture = NULL; break;
    case PART_STAMP:
        r->capture = NULL;
        read_stamp(r);
        break;
    case PART_SHORT_STAMP:
        r->capture = NULL;
        read_short_stamp(r);
        break;
    default:
        if (r->in_text) close_markup(r, &e);
    }
}

static void on_characters(void *arg, const xmlChar *s, int n) {
    reading *r = arg;
    buf *to = r->in_text ? &r->text : r->capture;
    if (to && n > 0) buf_append(to, s, (size_t)n);
}

// How much of the waiting text is given to the parser at once: up to the end of a tag. libxml2 (2.9.14) loses its place
// when a chunk ends inside of text and then waits for the end of the document.
static size_t next_chunk(text_in *in, const char **s) {
    enum { CHUNK = 1 << 16 };
    for (size_t want = CHUNK, n;; want *= 2) {
        *s = text_in_peek(in, want, &n);
        size_t end = n < want ? n : want;
        while (end && (*s)[end - 1] != '>') end--;
        if (end) return end;
        if (n < want) return n;
    }
}

static void feed(reading *r, htmlParserCtxtPtr parser, text_in *in) {
    // What the parser holds back until it sees more; elements of its own keep that out of the last message.
    static const char flush[] = "\n<hr>\n<hr>\n";
    const char *s;
    int64_t whole = 0;
    for (size_t n; !r->g->failed && (n = next_chunk(in, &s)) > 0;) {
        htmlParseChunk(parser, s, (int)n, 0);
        text_in_skip(in, n);
        if (!r->open) whole = text_in_place(in);
    }
    htmlParseChunk(parser, flush, sizeof flush - 1, 0);
    bool cut = r->open && !r->system;
    r->ending = true;
    htmlParseChunk(parser, NULL, 0, 1);
    finish_message(r);
    if (cut) r->g->unread += text_in_place(in) - whole;
}

int dce_html_read(gather *g, text_in *in, error *err) {
    reading r = {.g = g, .day = WHEN_NOTHING};
    htmlSAXHandler sax = {.startElement = on_start,
                          .endElement = on_end,
                          .characters = on_characters,
                          .ignorableWhitespace = on_characters};
    htmlParserCtxtPtr parser = htmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!parser) return error_set(err, "no memory for the HTML parser");
    htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                   HTML_PARSE_IGNORE_ENC);
    feed(&r, parser, in);
    htmlFreeParserCtxt(parser);
    free(r.stack);
    buf_free(&r.author);
    buf_free(&r.stamp);
    buf_free(&r.text);
    buf_free(&r.hrefs);
    return 0;
}
