#include "app/corpus/markup.h"

#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_word(char c) {
    return is_digit(c) || c == '_' || c == '~' || c == '-' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_whole_word(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!is_word(s[i])) return false;
    return n > 0;
}

// All n bytes are digits.
static bool read_id(const char *s, size_t n, uint64_t *id) {
    *id = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s[i])) return false;
        *id = *id * 10 + (uint64_t)(s[i] - '0');
    }
    return n > 0 && n <= 20;
}

// s..n is what stands between '<' and '>'. Appends what it becomes; false when it is no markup.
static bool resolve_tag(const char *s, size_t n, markup_name_fn *name, const void *arg, buf *out) {
    uint64_t id;
    if (n && (*s == '@' || *s == '#')) {
        size_t skip = 1 + (n > 1 && *s == '@' && (s[1] == '!' || s[1] == '&'));
        if (!read_id(s + skip, n - skip, &id)) return false;
        const char *known = name ? name(arg, *s, id) : NULL;
        buf_putc(out, *s);
        buf_puts(out, known ? known : "unknown");
        return true;
    }
    if (n && *s == 'a') {
        s++;
        n--;
    }
    if (!n || *s != ':') return false;
    const char *second = memchr(s + 1, ':', n - 1);
    if (!second || !read_id(second + 1, n - (size_t)(second + 1 - s), &id)) return false;
    if (!is_whole_word(s + 1, (size_t)(second - s - 1))) return false;
    buf_append(out, s, (size_t)(second + 1 - s));
    return true;
}

void markup_resolve(const char *s, size_t n, markup_name_fn *name, const void *arg, buf *out) {
    enum { TAG_MAX = 128 };
    while (n) {
        const char *open = memchr(s, '<', n);
        size_t before = open ? (size_t)(open - s) : n;
        buf_append(out, s, before);
        s += before;
        n -= before;
        if (!n) break;
        const char *close = memchr(s, '>', n < TAG_MAX ? n : TAG_MAX);
        if (close && resolve_tag(s + 1, (size_t)(close - s - 1), name, arg, out)) {
            n -= (size_t)(close + 1 - s);
            s = close + 1;
        } else {
            buf_putc(out, *s++);
            n--;
        }
    }
}

size_t markup_without_discriminator(const char *s, size_t n) {
    if (n < 6 || s[n - 5] != '#') return n;
    for (size_t i = n - 4; i < n; i++)
        if (!is_digit(s[i])) return n;
    return n - 5;
}
