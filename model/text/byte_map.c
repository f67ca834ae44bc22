// The bytes that have no visible character of their own take U+0100 onwards, in order.
#include "model/text/byte_map.h"

enum { N_LOW = 33, DELETE = 127, SOFT_HYPHEN = 173, FIRST_HIGH = 161, SPARE = 256 };

// Order of the spare characters: bytes 0..32, then 127..160, then 173.
uint32_t byte_map_char(unsigned char b) {
    if (b < N_LOW) return SPARE + b;
    if (b >= DELETE && b < FIRST_HIGH) return SPARE + N_LOW + (b - DELETE);
    if (b == SOFT_HYPHEN) return SPARE + N_LOW + (FIRST_HIGH - DELETE);
    return b;
}

int byte_map_byte(uint32_t c) {
    if (c < SPARE) return byte_map_char((unsigned char)c) == c ? (int)c : -1;
    c -= SPARE;
    if (c < N_LOW) return (int)c;
    c -= N_LOW;
    if (c < FIRST_HIGH - DELETE) return (int)c + DELETE;
    return c == FIRST_HIGH - DELETE ? SOFT_HYPHEN : -1;
}

void byte_map_write(buf *out, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char utf8[4];
        buf_append(out, utf8, (size_t)utf8_encode(byte_map_char((unsigned char)bytes[i]), utf8));
    }
}

bool byte_map_read(buf *out, const char *text, size_t n) {
    size_t start = out->len;
    buf_append(out, text, n); // no longer than this
    char *to = out->data + start;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = utf8_decode(text + i, n - i, &c), byte = len > 0 ? byte_map_byte(c) : -1;
        if (byte < 0) {
            buf_remove(out, start, out->len - start);
            return false;
        }
        *to++ = (char)byte;
        i += (size_t)len;
    }
    size_t end = (size_t)(to - out->data);
    buf_remove(out, end, out->len - end);
    return true;
}
