// DiscordChatExporter CSV: AuthorID,Author,Date,Content,Attachments,Reactions. No types: a system row is told by its
// text.
#include "app/corpus/csv.h"
#include "app/corpus/dce.h"
#include "app/corpus/format.h"
#include "app/corpus/markup.h"

#include <stdlib.h>

typedef struct columns {
    int id, author, date, content;
} columns;

static uint64_t read_id(span s) {
    uint64_t id = 0;
    if (!s.n || s.n > 20) return 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.s[i] < '0' || s.s[i] > '9') return 0;
        id = id * 10 + (uint64_t)(s.s[i] - '0');
    }
    return id;
}

// "2026-11-20T12:06:00.0000000+00:00" or "10/6/2023 12:37 AM".
static when read_date(span s) {
    when w = WHEN_NOTHING;
    s = span_trim(s);
    if (when_iso(s.s, s.n, &w) == s.n && s.n) return w;
    w = WHEN_NOTHING;
    return when_day_and_clock(s.s, s.n, &w) == s.n && s.n ? w : WHEN_NOTHING;
}

static void add_row(gather *g, const csv *c, const columns *at) {
    span author = span_trim(csv_field(c, at->author)), content = csv_field(c, at->content);
    author.n = markup_without_discriminator(author.s, author.n);
    draft d = DRAFT_EMPTY;
    d.time = read_date(csv_field(c, at->date));
    if ((size_t)at->content >= c->n || !author.n) {
        gather_skip(g, 1);
        return;
    }
    char *name = mem_strndup(author.s, author.n);
    gather_name(g, '@', read_id(csv_field(c, at->id)), name);
    free(name);
    gather_date(g, &d.time);
    d.author = author.s;
    d.n_author = author.n;
    d.text = content.s;
    d.n_text = dce_is_system(content) ? 0 : content.n;
    gather_add(g, &d);
}

int dce_csv_read(gather *g, text_in *in, error *err) {
    csv c;
    csv_got got;
    int result = 0;
    csv_start(&c, in);
    csv_row(&c);
    columns at = {csv_find(&c, "AuthorID"), csv_find(&c, "Author"), csv_find(&c, "Date"), csv_find(&c, "Content")};
    if (at.author < 0 || at.content < 0)
        result =
            error_set(err, "a CSV without a column \"%s\"; DiscordChatExporter writes AuthorID,Author,Date,Content",
                      at.author < 0 ? "Author" : "Content");
    while (result == 0 && !g->failed && (got = csv_row(&c)) != CSV_END) {
        if (got == CSV_ROW) add_row(g, &c, &at);
        if (got == CSV_BAD) gather_skip(g, 1);
        if (got == CSV_CUT) gather_cut(g, c.unread);
    }
    csv_end(&c);
    return result;
}
