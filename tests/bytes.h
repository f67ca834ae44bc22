// A tokenizer that has one token for every byte (ids 0 to 255) and <|endoftext|>, 256: tokens can be read as text.
#ifndef DOPPEL_TEST_BYTES_H
#define DOPPEL_TEST_BYTES_H

#include "model/text/tokenizer.h"
#include "tests/models.h"

enum { BYTES_VOCAB = 257 };

// GPT-2's alphabet: printable bytes stand for themselves, the others for characters from U+0100 on.
static inline tokenizer *bytes_tokenizer(const char *folder) {
    buf json = {0};
    buf_putc(&json, '{');
    for (int b = 0, shifted = 0; b < 256; b++) {
        bool plain = (b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad);
        char out[5] = {0};
        utf8_encode(plain ? (uint32_t)b : 256u + (uint32_t)shifted++, out);
        buf_json_string(&json, out, strlen(out));
        buf_printf(&json, ":%d,", b);
    }
    buf_puts(&json, "\"<|endoftext|>\":256}");
    write_file(folder, "vocab.json", json.data, json.len);
    write_file(folder, "merges.txt", "#version: 0.2\n", 14);
    buf_free(&json);
    error err = {{0}};
    tokenizer *t = tokenizer_open_dir(folder, &err);
    if (!t) {
        printf("%s\n", err.text);
        abort();
    }
    remove_file(folder, "vocab.json");
    remove_file(folder, "merges.txt");
    return t;
}

#endif
