// Any bytes, told by their content and read as what they look like.
#include "app/corpus/detect.h"
#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    text_in *in = text_in_open(byte_source_memory((const char *)data, n));
    text_in_signature(in);
    const corpus_format *f = detect(in, NULL);
    text_in_close(in);
    if (f) fuzz_read(f->read, data, n);
    return 0;
}
