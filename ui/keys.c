// What terminals send: ESC [ params final (CSI), ESC O letter (SS3), ESC [ [ letter (the Linux console), ESC character
// (Alt). Modifiers are a parameter: 1 + (1 Shift, 2 Alt, 4 Ctrl).
#include "ui/keys.h"

#include "model/base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char PASTE_END[] = "\x1b[201~";
enum { N_PASTE_END = sizeof PASTE_END - 1, MAX_PARAMS = 4, MAX_CSI = 64 };

// So much text, with so many lines, that nobody types it while the program looks away; and no keys that send sequences.
static bool is_burst(const char *s, size_t n) {
    enum { LEAST_BYTES = 200, LEAST_LINES = 3 };
    size_t lines = 0, ends = 0;
    if (n < LEAST_BYTES || memchr(s, 0x1b, n)) return false;
    for (size_t i = 0; i < n; i++) {
        bool is_end = s[i] == '\r' || s[i] == '\n';
        ends += is_end;
        lines += is_end && i > 0 && s[i - 1] != '\r' && s[i - 1] != '\n';
    }
    return lines >= LEAST_LINES && ends < n / 2;
}

void keys_feed(keys *k, const void *bytes, size_t n) {
    if (k->at == k->in.len) {
        buf_clear(&k->in);
        k->at = 0;
    }
    if (!k->pasting && k->at == k->in.len && is_burst(bytes, n)) {
        k->pasting = k->bursting = true;
        buf_clear(&k->paste);
    }
    buf_append(&k->in, bytes, n);
}

void keys_free(keys *k) {
    buf_free(&k->in);
    buf_free(&k->paste);
    *k = (keys){0};
}

bool keys_waiting(const keys *k) {
    return k->pasting || k->at < k->in.len;
}

static key_code numbered(int n) {
    static const key_code EDITING[] = {KEYS_UNKNOWN, KEYS_HOME,      KEYS_INSERT, KEYS_DELETE, KEYS_END,
                                       KEYS_PAGE_UP, KEYS_PAGE_DOWN, KEYS_HOME,   KEYS_END};
    if (n >= 0 && n <= 8) return EDITING[n];
    if (n >= 11 && n <= 15) return KEYS_F1 + n - 11;
    if (n >= 17 && n <= 21) return KEYS_F1 + n - 12;
    if (n == 23 || n == 24) return KEYS_F1 + n - 13;
    return KEYS_UNKNOWN;
}

static key_code lettered(char c) {
    switch (c) {
    case 'A': return KEYS_UP;
    case 'B': return KEYS_DOWN;
    case 'C': return KEYS_RIGHT;
    case 'D': return KEYS_LEFT;
    case 'H': return KEYS_HOME;
    case 'F': return KEYS_END;
    case 'P':
    case 'Q':
    case 'R':
    case 'S': return KEYS_F1 + (c - 'P');
    case 'Z': return KEYS_BACK_TAB;
    default: return KEYS_UNKNOWN;
    }
}

static void decode_mouse(key *out, const int *p, char final) {
    int button = p[0] & 3;
    out->code = KEYS_MOUSE;
    out->col = p[1] - 1;
    out->row = p[2] - 1;
    if (p[0] & 64) {
        if (button > 1 || final == 'm') out->code = KEYS_UNKNOWN; // sideways
        out->action = button == 0 ? MOUSE_WHEEL_UP : MOUSE_WHEEL_DOWN;
    } else if (button != 0) {
        out->code = KEYS_UNKNOWN;
    } else {
        out->action = final == 'm' ? MOUSE_RELEASE : p[0] & 32 ? MOUSE_DRAG : MOUSE_PRESS;
    }
}

static void decode_csi(key *out, const char *s, size_t n) {
    int params[MAX_PARAMS] = {0}, i = 0;
    char final = s[n - 1];
    bool is_sgr = n > 3 && s[2] == '<';
    for (size_t at = is_sgr ? 3 : 2; at + 1 < n; at++) {
        if (s[at] == ';' && i + 1 < MAX_PARAMS)
            i++;
        else if (s[at] >= '0' && s[at] <= '9' && params[i] < 100000)
            params[i] = params[i] * 10 + (s[at] - '0');
        else if (s[at] < '0' || s[at] > '9')
            return;
    }
    if (is_sgr) {
        if (final == 'M' || final == 'm') decode_mouse(out, params, final);
        return;
    }
    if (params[1] > 1) out->modifiers = (unsigned)(params[1] - 1) & (KEYS_SHIFT | KEYS_ALT | KEYS_CTRL);
    if (final == '~' && params[0] == 27 && params[2] == 13) // xterm's modifyOtherKeys
        out->code = KEYS_NEW_LINE;
    else if (final == '~')
        out->code = numbered(params[0]);
    else if (final == 'u' && params[0] == 13)
        out->code = KEYS_NEW_LINE;
    else
        out->code = lettered(final);
}

// Length of the sequence at s (which begins with ESC), 0 when it is cut off, -1 when it is none.
static int sequence_length(const char *s, size_t n) {
    if (n < 2) return 0;
    if (s[1] == 'O') return n < 3 ? 0 : 3;
    if (s[1] != '[') return -1;
    if (n > 2 && s[2] == '[') return n < 4 ? 0 : 4;
    for (size_t i = 2; i < n && i < MAX_CSI; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x40 && c <= 0x7e) return (int)i + 1;
        if (c < 0x20 || c > 0x3f) return -1;
    }
    return n < MAX_CSI ? 0 : -1;
}

static void take_bytes(keys *k, key *out, size_t n) {
    out->n_bytes = n < KEYS_SEQUENCE ? (int)n : KEYS_SEQUENCE;
    memcpy(out->bytes, k->in.data + k->at, (size_t)out->n_bytes);
    k->at += n;
}

static void take_char(keys *k, key *out, uint32_t ch, size_t n) {
    out->code = KEYS_CHAR;
    out->ch = ch;
    take_bytes(k, out, n);
}

// A key that begins with ESC.
static bool next_escape(keys *k, bool timed_out, key *out) {
    const char *s = k->in.data + k->at;
    size_t n = k->in.len - k->at;
    int len = sequence_length(s, n);
    if (len == 0 && !timed_out) return false;
    if (len > 0) {
        out->code = KEYS_UNKNOWN;
        if (s[1] == 'O')
            out->code = lettered(s[2]);
        else if (s[2] == '[')
            out->code = s[3] >= 'A' && s[3] <= 'E' ? (key_code)(KEYS_F1 + (s[3] - 'A')) : KEYS_UNKNOWN;
        else
            decode_csi(out, s, (size_t)len);
        if (len == 6 && memcmp(s, "\x1b[200~", 6) == 0) {
            k->pasting = true;
            buf_clear(&k->paste);
        }
        take_bytes(k, out, (size_t)len);
        return true;
    }
    if (n >= 2 && (s[1] == '\r' || s[1] == '\n')) {
        out->code = KEYS_NEW_LINE;
        out->modifiers = KEYS_ALT;
        take_bytes(k, out, 2);
        return true;
    }
    // A second ESC is the key struck again or held down, or begins another key. Some terminals send Alt and an arrow so:
    // that cannot be told from Escape and an arrow in one go, but from Escape and any longer sequence.
    bool begins = n >= 3 && (s[2] == '[' || s[2] == 'O');
    bool again = n >= 2 && s[1] == 0x1b && !(begins && n > 3 && s[3] >= 'A' && s[3] <= 'D');
    if (again && !timed_out && (n == 2 || (begins && n == 3))) return false;
    out->is_alone = n == 1 || again;
    take_char(k, out, 0x1b, 1);
    return true;
}

// Inside a paste: moves what is surely text to k->paste. True when its end has come.
static bool next_paste(keys *k, bool timed_out, key *out) {
    const char *s = k->in.data + k->at;
    size_t n = k->in.len - k->at, text = 0;
    const char *esc = NULL;
    bool ended = false;
    while (!ended && !k->bursting && (esc = memchr(s + text, 0x1b, n - text))) {
        size_t left = n - (size_t)(esc - s), same = left < N_PASTE_END ? left : N_PASTE_END;
        text = (size_t)(esc - s);
        if (memcmp(esc, PASTE_END, same) != 0) {
            text++;
            continue;
        }
        ended = same == N_PASTE_END;
        if (!ended) break; // perhaps the beginning of the end
    }
    if (!esc) text = n;
    buf_append(&k->paste, s, text);
    k->at += text + (ended ? N_PASTE_END : 0);
    if (!ended && !timed_out) return false;
    k->pasting = k->bursting = false;
    out->code = KEYS_PASTE;
    out->paste = buf_str(&k->paste);
    out->n_paste = k->paste.len;
    return true;
}

bool keys_next(keys *k, bool timed_out, key *out) {
    for (;;) {
        *out = (key){0};
        size_t n = k->in.len - k->at;
        if (k->pasting) {
            if (n == 0 && !timed_out) return false;
            return next_paste(k, timed_out, out);
        }
        if (n == 0) return false;
        const char *s = k->in.data + k->at;
        if (s[0] == 0x1b) {
            if (!next_escape(k, timed_out, out)) return false;
            if (k->pasting) continue;
            return true;
        }
        uint32_t ch = (unsigned char)s[0];
        int len = k->latin1 ? 1 : utf8_decode(s, n, &ch);
        if (len == 0 && !timed_out) return false;
        if (len <= 0) {
            len = 1;
            ch = 0xfffd;
        }
        take_char(k, out, ch, (size_t)len);
        return true;
    }
}

bool keys_named(const char *name, key *out) {
    static const struct {
        const char *name;
        uint32_t ch;
    } CHARS[] = {{"Esc", 0x1b}, {"Enter", '\r'}, {"Tab", '\t'}, {"Space", ' '}};
    *out = (key){.code = KEYS_CHAR};
    if (name[0] == 'F' && name[1] >= '1' && name[1] <= '9' && !name[2]) {
        out->code = (key_code)(KEYS_F1 + name[1] - '1');
    } else if (name[0] == '^' && name[1] >= '@' && name[1] <= '_' && !name[2]) {
        out->ch = (uint32_t)(name[1] - '@');
    } else if (name[0] && !name[1]) {
        out->ch = (unsigned char)name[0];
    } else {
        out->code = KEYS_NONE;
        for (size_t i = 0; i < sizeof CHARS / sizeof *CHARS; i++)
            if (strcmp(CHARS[i].name, name) == 0) *out = (key){.code = KEYS_CHAR, .ch = CHARS[i].ch};
    }
    return out->code != KEYS_NONE;
}
