// libFuzzer target: SentencePiece's tokenizer.model. Whatever the bytes, they are refused with a sentence or give a
// tokenizer that encodes any text within its vocabulary.
#include "model/text/tokenizer_open.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] = "Hello, w\xC3\xB6rld! it's  123 \xE2\x96\x81<s></s>\n\xEF\xBC\xA1\xEF\xAC\x81 \xFF a\0b";
    error err = {{0}};
    id_list ids = {0};
    buf out = {0};
    tokenizer *t = sentencepiece_open((const char *)data, size, &err);
    if (!t && !*err.text) abort();
    if (!t) return 0;
    if (tokenizer_encode(t, text, sizeof text - 1, TOKENIZER_SPECIAL, &ids, &err) != 0 && !*err.text) abort();
    for (size_t i = 0; i < ids.len; i++)
        if (ids.data[i] < 0 || ids.data[i] >= tokenizer_n_vocab(t)) abort();
    tokenizer_decode(t, ids.data, ids.len, false, &out);
    buf_free(&out);
    id_list_free(&ids);
    tokenizer_free(t);
    return 0;
}
