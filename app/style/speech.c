#include "app/style/speech.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// White space in front of a message is no part of it.
static void put(speech *p, char c, buf *out) {
    p->begun = p->begun || !is_blank(c);
    if (p->begun) buf_putc(out, c);
}

static void feed_line(speech *p, char c, buf *out) {
    enum { BREAK = 3 }; // "\n" and two spaces
    if (p->held == BREAK) {
        p->held = 0;
        put(p, '\n', out);
    }
    if (p->held > 0 && c != ' ')
        p->ended = true;
    else if (p->held > 0 || c == '\n')
        p->held++;
    else
        put(p, c, out);
}

bool speech_feed(speech *p, const char *s, size_t n, buf *out) {
    for (size_t i = 0; i < n && !p->ended; i++) {
        if (p->kind == LAYOUT_LINES)
            feed_line(p, s[i], out);
        else
            put(p, s[i], out);
    }
    return p->ended;
}
