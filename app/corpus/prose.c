// Prose and lyrics: paragraphs with blank lines between them are the messages; nobody is their author.
#include "app/corpus/text_log.h"

static void finish(gather *g, buf *paragraph) {
    if (!paragraph->len) return;
    draft d = DRAFT_EMPTY;
    d.text = paragraph->data;
    d.n_text = paragraph->len;
    gather_add(g, &d);
    buf_clear(paragraph);
}

int prose_read(gather *g, text_in *in, error *err) {
    (void)err;
    buf paragraph = {0};
    span line;
    while (!g->failed && text_in_line(in, &line.s, &line.n)) {
        if (span_is_blank(line)) {
            finish(g, &paragraph);
            continue;
        }
        buf_append(&paragraph, line.s, line.n);
        buf_putc(&paragraph, '\n');
    }
    finish(g, &paragraph);
    buf_free(&paragraph);
    return 0;
}
