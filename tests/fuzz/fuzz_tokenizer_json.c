// libFuzzer target: tokenizer.json. Whatever the file, it is refused with a sentence or gives a tokenizer that encodes
// any text within its vocabulary, and decodes what it gave.
#include "model/text/tokenizer_open.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const tokenizer *t, const char *text, size_t n) {
    id_list ids = {0};
    buf out = {0};
    error err = {{0}};
    if (tokenizer_encode(t, text, n, TOKENIZER_SPECIAL | TOKENIZER_BOS, &ids, &err) != 0 && !*err.text) abort();
    text_stream s = text_stream_start(t);
    for (size_t i = 0; i < ids.len; i++) {
        if (ids.data[i] < 0 || ids.data[i] >= tokenizer_n_vocab(t)) abort();
        text_stream_push(&s, ids.data[i], &out);
    }
    text_stream_end(&s, &out);
    if (!utf8_valid(buf_str(&out), out.len)) abort();
    tokenizer_decode(t, ids.data, ids.len, true, &out);
    buf_free(&out);
    id_list_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] =
        "Hello, w\xC3\xB6rld! it's 123  \xE2\x96\x81<s> [MASK]\n\xE4\xBD\xA0\xE5\xA5\xBD \xFF\xC3 a\0b e\xCC\x81";
    error err = {{0}};
    tokenizer *t = tokenizer_json_open((const char *)data, size, &err);
    if (!t && !*err.text) abort();
    if (!t) return 0;
    use(t, text, sizeof text - 1);
    use(t, (const char *)data, size < 200 ? size : 200);
    tokenizer_free(t);
    return 0;
}
