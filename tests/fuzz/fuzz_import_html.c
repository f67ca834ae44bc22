// Any bytes as a page of DiscordChatExporter.
#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    fuzz_read(dce_html_read, data, n);
    return 0;
}
