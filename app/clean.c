// A state machine over characters (ECMA-48's grammar of control functions).
#include "app/clean.h"

#include <string.h>

enum { ESC = 0x1b, BEL = 0x07, CSI = 0x9b, ST = 0x9c };

static bool begins_string(uint32_t c1) {
    return c1 == 0x90 || c1 == 0x98 || c1 == 0x9d || c1 == 0x9e || c1 == 0x9f; // DCS SOS OSC PM APC
}

static bool is_control(uint32_t cp) {
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

static bool turns_direction(uint32_t cp) {
    return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

// The state after a character that stands outside of sequences, or breaks one off. True when it may be shown.
static bool plain(clean *c, uint32_t cp) {
    c->state = CLEAN_TEXT;
    if (cp == '\n' || cp == '\t') return true;
    if (cp == ESC)
        c->state = CLEAN_ESCAPE;
    else if (cp == CSI)
        c->state = CLEAN_CSI;
    else if (begins_string(cp))
        c->state = CLEAN_STRING;
    return !is_control(cp) && !turns_direction(cp);
}

// True when cp may be shown.
static bool step(clean *c, uint32_t cp) {
    switch (c->state) {
    case CLEAN_TEXT: return plain(c, cp);
    case CLEAN_ESCAPE:
        if (cp >= 0x20 && cp <= 0x2f) return false; // intermediate
        if (cp < 0x30 || cp > 0x7e) return plain(c, cp);
        // ESC and a letter of this column is the 7-bit form of a C1 control.
        c->state = CLEAN_TEXT;
        if (cp >= 0x40 && cp <= 0x5f) plain(c, cp + 0x40);
        return false;
    case CLEAN_CSI:
        if (cp >= 0x20 && cp <= 0x3f) return false; // parameters
        if (cp < 0x40 || cp > 0x7e) return plain(c, cp);
        c->state = CLEAN_TEXT;
        return false;
    case CLEAN_STRING:
        if (cp == '\n') return plain(c, cp);
        if (cp == BEL || cp == ST) c->state = CLEAN_TEXT;
        if (cp == ESC) c->state = CLEAN_STRING_ESCAPE;
        return false;
    case CLEAN_STRING_ESCAPE:
        c->state = CLEAN_TEXT;
        if (cp == '\\') return false;
        c->state = CLEAN_ESCAPE; // the string was broken off by another sequence
        return step(c, cp);
    }
    return false;
}

void clean_feed(clean *c, const char *s, size_t n, buf *out) {
    buf joined = {0};
    if (c->n_pending > 0) {
        buf_append(&joined, c->pending, (size_t)c->n_pending);
        buf_append(&joined, s, n);
        s = joined.data;
        n = joined.len;
        c->n_pending = 0;
    }
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0xfffd;
        int len = utf8_decode(s + i, n - i, &cp);
        if (len == 0) {
            c->n_pending = (int)(n - i);
            memcpy(c->pending, s + i, n - i);
            break;
        }
        if (step(c, len > 0 ? cp : 0xfffd)) {
            if (len > 0)
                buf_append(out, s + i, (size_t)len);
            else
                buf_puts(out, UTF8_REPLACEMENT);
        }
        i += len > 0 ? (size_t)len : 1;
    }
    buf_free(&joined);
}

void clean_end(clean *c, buf *out) {
    if (c->n_pending > 0 && c->state == CLEAN_TEXT) buf_puts(out, UTF8_REPLACEMENT);
    *c = (clean){0};
}

void clean_text(const char *s, size_t n, buf *out) {
    clean c = {0};
    clean_feed(&c, s, n, out);
    clean_end(&c, out);
}
