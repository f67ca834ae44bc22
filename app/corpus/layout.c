// The markers of a chat format are found by rendering a turn with words in it that no template has.
#include "app/corpus/layout.h"
#include "app/corpus/span.h"

#include <stdlib.h>

static const char name_mark[] = "@@DOPPEL-NAME@@", text_mark[] = "@@DOPPEL-TEXT@@";

int layout_kind_parse(const char *name, layout_kind *kind, error *err) {
    *kind = strcmp(name, "turns") == 0 ? LAYOUT_TURNS : LAYOUT_LINES;
    if (*kind == LAYOUT_TURNS || strcmp(name, "lines") == 0) return 0;
    return error_set(err, "--layout is \"%s\"; it takes lines or turns", name);
}

// Splits a rendered turn at its two marks. The end-of-turn marker goes up to the last byte that is no line break.
static bool take_markers(layout *l, span turn) {
    ptrdiff_t name = span_find(turn, name_mark), text = span_find(turn, text_mark);
    if (name < 0 || text < name) return false;
    size_t behind_name = (size_t)name + sizeof name_mark - 1, behind_text = (size_t)text + sizeof text_mark - 1;
    span close = span_from(turn, behind_text);
    size_t end = close.n;
    while (end && close.s[end - 1] == '\n') end--;
    l->open = mem_strndup(turn.s, (size_t)name);
    l->middle = mem_strndup(turn.s + behind_name, (size_t)text - behind_name);
    l->end = mem_strndup(close.s, end);
    l->tail = mem_strndup(close.s + end, close.n - end);
    return true;
}

static int find_markers(layout *l, const chat_format *format, error *err) {
    // A system message in front keeps templates from putting in one of their own.
    const chat_message messages[] = {{"system", "S"}, {name_mark, text_mark}, {name_mark, text_mark}};
    buf one = {0}, two = {0};
    bool found = format->has_template && chat_render(format, messages, 2, false, &one, NULL) == 0 &&
                 chat_render(format, messages, 3, false, &two, NULL) == 0 && two.len > one.len &&
                 take_markers(l, (span){two.data + one.len, two.len - one.len});
    buf_free(&one);
    buf_free(&two);
    if (found && *l->end) return 0;
    layout_free(l);
    return error_set(err, "the model's chat format (%s) has no place for the names of people; use --layout lines",
                     chat_family_name(format->family));
}

int layout_open(layout *l, layout_kind kind, bool times, const chat_format *format, error *err) {
    *l = (layout){.kind = kind, .times = times};
    return kind == LAYOUT_TURNS ? find_markers(l, format, err) : 0;
}

void layout_free(layout *l) {
    free(l->open);
    free(l->middle);
    free(l->end);
    free(l->tail);
    l->open = l->middle = l->end = l->tail = NULL;
}

static void put_name(const layout *l, const char *author, buf *out) {
    for (const char *s = author; *s; s++) {
        buf_putc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
        // "<|im_end|>" in a name would end the turn.
        if (l->kind == LAYOUT_TURNS && *s == '<' && s[1] == '|') buf_putc(out, ' ');
    }
}

// "[2026-11-20 12:06]"
static void put_time(const char *time, buf *out) {
    buf_printf(out, "[%.10s %.5s]", time, time + 11);
}

void layout_header(const layout *l, const char *author, const char *time, buf *out) {
    bool timed = l->times && time && strlen(time) >= 16;
    if (l->kind == LAYOUT_LINES) {
        if (timed) put_time(time, out);
        if (timed) buf_putc(out, ' ');
        put_name(l, author, out);
        buf_putc(out, ':');
        return;
    }
    buf_puts(out, l->open);
    put_name(l, author, out);
    if (timed) buf_putc(out, ' ');
    if (timed) put_time(time, out);
    buf_puts(out, l->middle);
}

void layout_body(const layout *l, const char *author, const char *text, size_t n, buf *out) {
    if (!author || l->kind == LAYOUT_TURNS) {
        buf_append(out, text, n);
        return;
    }
    buf_putc(out, ' ');
    for (size_t i = 0; i < n; i++) {
        buf_putc(out, text[i]);
        if (text[i] == '\n') buf_puts(out, "  ");
    }
}

const char *layout_end(const layout *l, const char *author) {
    if (!author) return "\n\n";
    return l->kind == LAYOUT_TURNS ? l->end : "\n";
}

const char *layout_tail(const layout *l) {
    return l->kind == LAYOUT_TURNS ? l->tail : "";
}

void layout_unwrap(const layout *l, const char *body, size_t n, buf *out) {
    span s = span_trim((span){body, n});
    for (size_t i = 0; i < s.n; i++) {
        buf_putc(out, s.s[i]);
        if (l->kind == LAYOUT_LINES && s.s[i] == '\n' && i + 2 < s.n && s.s[i + 1] == ' ' && s.s[i + 2] == ' ') i += 2;
    }
}
