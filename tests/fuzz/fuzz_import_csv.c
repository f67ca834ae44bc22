// Any bytes as a CSV of DiscordChatExporter or of a Discord data package.
#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static format_read_fn *const readers[] = {dce_csv_read, package_csv_read};
    fuzz_read_one_of(readers, sizeof readers / sizeof *readers, data, n);
    return 0;
}
