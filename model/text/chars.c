// A WordLevel model over pieces of one character. The characters seen are marked in a table of all of Unicode.
#include "model/text/chars.h"

#include <stdlib.h>

enum { N_CODE_POINTS = 0x110000, REPLACEMENT = 0xfffd };

int chars_tokenizer_json(const char *text, size_t n, buf *out) {
    unsigned char *seen = mem_calloc(N_CODE_POINTS, 1);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = utf8_decode(text + i, n - i, &c);
        if (len > 0) seen[c] = 1;
        i += len > 0 ? (size_t)len : 1;
    }
    seen[REPLACEMENT] = 0;
    int id = 0;
    buf_puts(out, "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Split\","
                  "\"pattern\":{\"Regex\":\"[\\\\s\\\\S]\"},\"behavior\":\"Isolated\",\"invert\":false},"
                  "\"post_processor\":null,\"decoder\":{\"type\":\"Fuse\"},"
                  "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"" UTF8_REPLACEMENT "\",\"vocab\":{\n");
    for (uint32_t c = 0; c < N_CODE_POINTS; c++) {
        char utf8[4];
        if (!seen[c]) continue;
        buf_json_string(out, utf8, (size_t)utf8_encode(c, utf8));
        buf_printf(out, ":%d,\n", id++);
    }
    buf_printf(out, "\"" UTF8_REPLACEMENT "\":%d}}}\n", id++);
    free(seen);
    return id;
}
