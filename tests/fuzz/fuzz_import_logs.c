// Any bytes as every kind of log that is told by the look of its lines.
#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static format_read_fn *const readers[] = {whatsapp_read, irc_read,      imessage_read,
                                              paste_read,    dce_text_read, prose_read};
    fuzz_read_one_of(readers, sizeof readers / sizeof *readers, data, n);
    return 0;
}
