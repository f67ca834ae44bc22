#include "app/corpus/scrub.h"
void scrub_text(const char *s, size_t n, unsigned flags, const scrub_words *words, buf *out, int64_t *counts) {
    (void)flags;
    (void)words;
    (void)counts;
    buf_append(out, s, n);
}
