#include "ui/underline.h"

#include "app/clean.h"

// Where byte `at` of the text stands in what is shown of it.
static size_t shown_at(const buf *text, const buf *shown, size_t at) {
    if (shown->len == text->len) return at; // nothing was filtered out
    buf before = {0};
    clean filter = {0};
    clean_feed(&filter, buf_str(text), at, &before);
    at = before.len;
    buf_free(&before);
    return at < shown->len ? at : shown->len;
}

copy_span *underline_spans(const copy_scan *s, const buf *text, const buf *shown) {
    copy_span *out = mem_calloc(s->n, sizeof *out);
    for (size_t i = 0; i < s->n; i++)
        out[i] = (copy_span){.start = shown_at(text, shown, s->spans[i].start),
                             .end = shown_at(text, shown, s->spans[i].end)};
    return out;
}

void underline_row(canvas *c, int row, int col, int cols, const buf *shown, wrap_row r, const copy_span *spans,
                   size_t n) {
    const char *text = buf_str(shown) + r.start;
    for (size_t i = 0; i < n; i++) {
        size_t from = spans[i].start, to = spans[i].end;
        if (to <= r.start || from >= r.end) continue;
        from = from > r.start ? from - r.start : 0;
        to = (to < r.end ? to : r.end) - r.start;
        int first = cells_width(text, from), width = cells_width(text, to) - first;
        if (first + width > cols) width = cols - first;
        canvas_style(c, (rect){row, col + first, 1, width}, STYLE_COPIED);
    }
}
