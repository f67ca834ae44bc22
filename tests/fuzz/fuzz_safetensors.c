// libFuzzer target: safetensors files. Whatever the bytes, opening either fails with a message or gives tensors whose
// every byte can be read and whose names can be translated for every family.
//
// The mutator changes the header's text and then sets the length in front of it right, most of the time; without that
// nearly every change would end at the first check.
#include "model/file/hfnames.h"
#include "model/file/safetensors.h"

#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LENGTH_BYTES = 8, MAX_HEADER = 1 << 14 };

// Puts another number in place of one of the header's.
static size_t change_number(uint8_t *text, size_t n, size_t max) {
    static const char *const values[] = {"0",     "1",    "-1",  "4",  "16", "9007199254740993", "18446744073709551615",
                                         "1e300", "null", "0.5", "[]", "{}", "2147483648"};
    size_t at = n ? (size_t)rand() % n : 0, end;
    while (at < n && (text[at] < '0' || text[at] > '9')) at++;
    for (end = at; end < n && text[end] >= '0' && text[end] <= '9';) end++;
    const char *value = values[(size_t)rand() % (sizeof values / sizeof *values)];
    size_t len = strlen(value);
    if (at == n || n - (end - at) + len > max) return n;
    memmove(text + at + len, text + end, n - end);
    memcpy(text + at, value, len);
    return n - (end - at) + len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static uint8_t header[MAX_HEADER];
    uint64_t n = 0;
    srand(seed);
    if (size >= LENGTH_BYTES) memcpy(&n, data, sizeof n);
    if (rand() % 8 == 0 || size < LENGTH_BYTES || n > size - LENGTH_BYTES || n > MAX_HEADER || max_size < MAX_HEADER)
        return LLVMFuzzerMutate(data, size, max_size);
    size_t rest = size - LENGTH_BYTES - (size_t)n, changed;
    memcpy(header, data + LENGTH_BYTES, (size_t)n);
    size_t room = max_size - LENGTH_BYTES - rest;
    if (room > MAX_HEADER) room = MAX_HEADER;
    changed = rand() % 2 ? change_number(header, (size_t)n, room) : LLVMFuzzerMutate(header, (size_t)n, room);
    memmove(data + LENGTH_BYTES + changed, data + LENGTH_BYTES + n, rest);
    memcpy(data + LENGTH_BYTES, header, changed);
    n = changed;
    memcpy(data, &n, sizeof n);
    return LENGTH_BYTES + changed + rest;
}

volatile unsigned fuzz_sink; // keeps the reads from being optimised away

static void translate(const char *name) {
    static const char *const families[] = {"llama",  "gpt2", "gpt_neo", "gptj", "gpt_neox",
                                           "falcon", "mpt",  "phi",     "bert"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        char out[TENSOR_MAX_NAME] = "";
        name_change change;
        if (hfnames_translate(hfnames_of(families[i]), name, out, &change) == 1 && !*out) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    error err = {{0}};
    unsigned char *copy = malloc(size ? size : 1); // no byte longer than the input
    memcpy(copy, data, size);
    safetensors *s = safetensors_open_memory(copy, size, "fuzz", &err);
    if (!s && !*err.text) abort();
    for (size_t i = 0; s && i < safetensors_n(s); i++) {
        const safetensor *t = safetensors_at(s, i);
        if (safetensors_find(s, t->name) != t) abort();
        for (size_t k = 0; k < t->size; k++) fuzz_sink += t->data[k];
        translate(t->name);
    }
    safetensors_close(s);
    free(copy);
    return 0;
}
