// Any bytes as every kind of JSON log.
#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static format_read_fn *const readers[] = {dce_json_read, telegram_read, slack_day_read,  package_json_read,
                                              openai_read,   sharegpt_read, completion_read, canonical_read};
    fuzz_read_one_of(readers, sizeof readers / sizeof *readers, data, n);
    return 0;
}
