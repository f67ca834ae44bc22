// What the fuzz targets of the importers share: one reader on one input, and what must hold of everything it gives.
#ifndef DOPPEL_FUZZ_IMPORT_H
#define DOPPEL_FUZZ_IMPORT_H

#include "app/corpus/deliver.h"
#include "app/corpus/format.h"

#include <stdlib.h>
#include <string.h>

typedef struct fuzz_seen {
    int64_t messages, largest_reply;
    buf line;
} fuzz_seen;

static bool fuzz_message(void *arg, const corpus_message *m) {
    fuzz_seen *seen = arg;
    if (!m->n_text || strlen(m->text) != m->n_text || !utf8_valid(m->text, m->n_text)) abort();
    if (m->author && !utf8_valid(m->author, strlen(m->author))) abort();
    int64_t seconds;
    if (m->time && !when_seconds(m->time, &seconds)) abort();
    if (m->reply_to > seen->largest_reply) seen->largest_reply = m->reply_to;
    seen->messages++;
    buf_clear(&seen->line);
    corpus_write_message(&seen->line, m);
    if (memchr(seen->line.data, '\n', seen->line.len) != seen->line.data + seen->line.len - 1) abort();
    return true;
}

static void fuzz_deliver(gather *g) {
    static const corpus_options o = {.dedupe = true, .scrub = SCRUB_ALL, .after = "2000-01-01"};
    static const corpus_options plain;
    for (int pass = 0; pass < 2; pass++) {
        corpus_report report = {0};
        fuzz_seen seen = {.largest_reply = -1};
        error err;
        deliver(g, pass ? &o : &plain, fuzz_message, &seen, &report, &err);
        if (seen.largest_reply >= seen.messages) abort();
        buf_free(&seen.line);
        corpus_report_free(&report);
        // Replies were numbered by the first delivery.
        for (size_t i = 0; i < g->replies.cap; i++) g->replies.values[i] = UINT32_MAX;
    }
}

static inline void fuzz_read(format_read_fn *read, const uint8_t *data, size_t n) {
    gather g;
    error err;
    gather_start(&g);
    gather_begin_file(&g);
    text_in *in = text_in_open(byte_source_memory((const char *)data, n));
    if (read(&g, in, &err) == 0) fuzz_deliver(&g);
    text_in_close(in);
    gather_end(&g);
}

// The first byte picks one of the readers.
static inline void fuzz_read_one_of(format_read_fn *const *readers, size_t n_readers, const uint8_t *data, size_t n) {
    if (n) fuzz_read(readers[data[0] % n_readers], data + 1, n - 1);
}

#endif
