// The spool is walked twice. The first walk selects and numbers: which messages are kept, and the numbers of those that
// others reply to. The second hands over. The first is left out when nothing is selected and nobody replied.
#include "app/corpus/deliver.h"
#include "app/corpus/markup.h"
#include "app/corpus/select.h"

#include <stdlib.h>
#include <string.h>

typedef struct delivery {
    gather *g;
    const corpus_options *o;
    corpus_report *report;
    selection *selection; // NULL: everything is kept
    uint8_t *kept;        // a bit for every draft, in the order of delivery; NULL: all
    int64_t n_kept;
    corpus_message_fn *fn;
    void *arg;
    bool border; // of a draft that was not kept: passes on to the next one that is
    bool cancelled;
    buf text, scrubbed;
} delivery;

// A draft on its way. text is settled, author is the name after aliases.
typedef struct parcel {
    const draft_head *head;
    const gather_file *file;
    int64_t number; // among the drafts, in the order of delivery
    const char *text;
    size_t n_text;
    const char *author;
    char time[WHEN_TEXT];
    bool border;
} parcel;

typedef struct name_scope {
    const gather *g;
    uint64_t names;
} name_scope;

static const char *find_name(const void *arg, char mark, uint64_t id) {
    const name_scope *s = arg;
    return gather_find_name(s->g, s->names, mark, id);
}

// Fills p from the bytes of a record; the text lives in the record or in d->text.
static void open_parcel(delivery *d, parcel *p, draft_head *head, const char *bytes, const gather_file *file) {
    memcpy(head, bytes, sizeof *head);
    p->head = head;
    p->file = file;
    p->text = bytes + sizeof *head;
    p->n_text = head->n_text;
    if (head->flags & DRAFT_MARKUP) {
        name_scope names = {d->g, file->names};
        buf_clear(&d->text);
        markup_resolve(p->text, p->n_text, find_name, &names, &d->text);
        p->text = d->text.data;
        p->n_text = d->text.len;
    }
    p->author = head->author == DRAFT_NOBODY ? NULL : d->g->authors.list[head->author].name;
    when_text(&head->time, date_order_day_first(&file->order), p->time);
}

typedef int visit_fn(delivery *d, parcel *p, error *err); // 0; -1 with a message; 1 to stop

static int visit_file(delivery *d, const gather_file *file, int64_t *number, visit_fn *visit, error *err) {
    int64_t at = file->reversed ? file->end : file->begin;
    bool first = true;
    for (;;) {
        const char *bytes;
        size_t n;
        if (file->reversed ? at <= file->begin : at >= file->end) return 0;
        int got = file->reversed ? spool_back(d->g->spool, &at, &bytes, &n, err)
                                 : spool_next(d->g->spool, &at, &bytes, &n, err);
        if (got <= 0) return got;
        parcel p = {.number = (*number)++};
        draft_head head;
        open_parcel(d, &p, &head, bytes, file);
        // A file written newest first begins where its last draft stands.
        p.border = file->reversed ? first : (head.flags & DRAFT_BORDER) != 0;
        first = false;
        int result = visit(d, &p, err);
        if (result) return result;
    }
}

static int visit_all(delivery *d, visit_fn *visit, error *err) {
    int64_t number = 0;
    int result = 0;
    for (size_t i = 0; i < d->g->n_files && !result; i++) result = visit_file(d, &d->g->files[i], &number, visit, err);
    return result;
}

// ---- first walk

static int choose(delivery *d, parcel *p, error *err) {
    (void)err;
    bool keep = true;
    if (d->selection) {
        const draft_head *h = p->head;
        candidate c = {.author = p->author,
                       .author_place = h->author,
                       .text = p->text,
                       .n_text = p->n_text,
                       .time = p->time,
                       .bot = (h->flags & DRAFT_BOT) != 0,
                       .id = h->flags & DRAFT_STABLE_KEY ? h->key : 0};
        keep = selection_keeps(d->selection, &c);
    }
    if (!keep) {
        d->report->left_out++;
        return 0;
    }
    if (d->kept) d->kept[p->number / 8] |= (uint8_t)(1u << p->number % 8);
    uint32_t *index = p->head->key ? id_map_find(&d->g->replies, p->head->key) : NULL;
    if (index && *index == UINT32_MAX && d->n_kept < UINT32_MAX) *index = (uint32_t)d->n_kept;
    d->n_kept++;
    return 0;
}

// ---- second walk

static void note_times(corpus_report *r, const char *time) {
    if (!*time) return;
    if (!*r->first || people_time_before(time, r->first)) strcpy(r->first, time);
    if (!*r->last || people_time_before(r->last, time)) strcpy(r->last, time);
}

static int hand_over(delivery *d, parcel *p, error *err) {
    (void)err;
    d->border |= p->border;
    if (d->kept && !(d->kept[p->number / 8] >> p->number % 8 & 1)) return 0;
    const corpus_options *o = d->o;
    if (o->scrub || o->scrub_words) {
        buf_clear(&d->scrubbed);
        scrub_text(p->text, p->n_text, o->scrub, o->scrub_words, &d->scrubbed, d->report->scrubbed);
        p->text = buf_str(&d->scrubbed);
        p->n_text = d->scrubbed.len;
    }
    const uint32_t *index = p->head->reply ? id_map_find(&d->g->replies, p->head->reply) : NULL;
    corpus_message m = {.author = d->selection ? selection_author(d->selection, p->author, p->head->author) : p->author,
                        .text = p->text,
                        .n_text = p->n_text,
                        .time = *p->time ? p->time : NULL,
                        .reply_to = index && *index != UINT32_MAX ? (int64_t)*index : -1,
                        .bot = (p->head->flags & DRAFT_BOT) != 0,
                        .border = d->border,
                        .imitated = !d->selection || selection_imitates(d->selection, p->author, p->head->author)};
    d->border = false;
    corpus_report *r = d->report;
    r->messages++;
    note_times(r, p->time);
    if (m.author) {
        size_t place = people_place(&r->people, m.author, strlen(m.author));
        people_count(&r->people.list[place], m.text, m.n_text, m.time, m.bot);
    }
    d->cancelled = d->fn && !d->fn(d->arg, &m);
    return d->cancelled;
}

int deliver(gather *g, const corpus_options *o, corpus_message_fn *fn, void *arg, corpus_report *report, error *err) {
    delivery d = {.g = g, .o = o, .report = report, .fn = fn, .arg = arg};
    int result = selection_open(&d.selection, o, &g->authors, err);
    if (result == 0 && d.selection) d.kept = mem_calloc((size_t)g->drafts / 8 + 1, 1);
    if (result == 0 && (d.selection || g->replies.len)) result = visit_all(&d, choose, err);
    if (result == 0 && d.selection && d.n_kept == 0)
        result = error_set(err, "no message is left: all %lld were left out by the options", (long long)g->drafts);
    if (result == 0) result = visit_all(&d, hand_over, err);
    selection_close(d.selection);
    free(d.kept);
    buf_free(&d.text);
    buf_free(&d.scrubbed);
    if (d.cancelled) return CORPUS_CANCELLED;
    return result == 0 ? CORPUS_DONE : CORPUS_FAILED;
}
