#include "app/chat_copies.h"
#include "app/chat_style.h"

#include <stdlib.h>
#include <string.h>

// ---- whose text

static void collect_files(const voice *v, const char ***files, size_t *n, size_t *cap) {
    for (size_t i = 0; i < v->n_files; i++) {
        bool known = false;
        for (size_t k = 0; k < *n; k++) known = known || strcmp((*files)[k], v->files[i]) == 0;
        if (known) continue;
        *files = mem_reserve(*files, cap, *n + 1, sizeof **files);
        (*files)[(*n)++] = v->files[i];
    }
}

void chat_copies_follow(chat *c) {
    chat_style *s = c->style;
    const char **files = NULL;
    size_t n = 0, cap = 0;
    voice voices[WORKER_MAX_ADAPTERS];
    error err;
    for (size_t i = 0; i < c->n_adapters; i++) voice_read(&voices[i], c->adapters[i].path);
    for (size_t i = 0; i < c->n_adapters; i++) collect_files(&voices[i], &files, &n, &cap);
    collect_files(&s->model, &files, &n, &cap);
    if (!s->sources || !sources_are(s->sources, files, n)) {
        sources_close(s->sources);
        s->sources = n > 0 ? sources_open(files, n, &err) : NULL;
        s->index_number++;
        if (n > 0 && !s->sources) chat_note(c, true, "%s", err.text);
    }
    for (size_t i = 0; i < c->n_adapters; i++) voice_free(&voices[i]);
    free(files);
}

int chat_copies_fd(const chat *c) {
    return c->style->sources ? sources_fd(c->style->sources) : -1;
}

bool chat_copies_reading(const chat *c) {
    return c->style->sources && !sources_is_ready(c->style->sources);
}

// ---- marks

static void mark_turn(chat_turn *t, const copies *index, unsigned number) {
    if (t->copied_by != number) t->copied_whole = false;
    if (t->copied_by != number || (!t->running && !t->copied_whole)) copy_scan_free(&t->copied);
    t->copied_by = number;
    if (!index || t->copied_whole) return;
    copy_scan_feed(&t->copied, index, buf_str(&t->text), t->text.len, !t->running);
    t->copied_whole = !t->running;
}

void chat_copies_mark(chat *c) {
    const copies *index = c->style->sources ? sources_index(c->style->sources) : NULL;
    for (size_t i = 0; i < c->n_turns; i++)
        if (c->turns[i].kind == TURN_MODEL) mark_turn(&c->turns[i], index, c->style->index_number);
    for (int i = 0; i < COMPARE_SIDES && index; i++) {
        compare_side *s = &c->style->compare.sides[i];
        if (!s->failed) copy_scan_feed(&s->copied, index, buf_str(&s->text), s->text.len, !s->request);
    }
}

static const chat_turn *last_answer(const chat *c) {
    for (size_t i = c->n_turns; i > 0; i--)
        if (c->turns[i - 1].kind == TURN_MODEL) return &c->turns[i - 1];
    return NULL;
}

size_t chat_copies_count(const chat *c) {
    const chat_turn *t = last_answer(c);
    return t ? t->copied.n : 0;
}

static void put_quoted(buf *out, const char *s, size_t n) {
    buf_puts(out, "\"");
    for (size_t i = 0; i < n; i++) buf_putc(out, s[i] == '\n' ? ' ' : s[i]);
    buf_puts(out, "\"");
}

void chat_copies_tell(const chat_turn *t, buf *out) {
    const copy_scan *s = &t->copied;
    if (s->n == 0) return;
    buf_printf(out,
               s->n == 1 ? "%zu span of %d words or more is copied: " : "%zu spans of %d words or more are copied: ",
               s->n, COPIES_RUN);
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0) buf_puts(out, ", ");
        put_quoted(out, t->text.data + s->spans[i].start, s->spans[i].end - s->spans[i].start);
    }
}

// ---- where from

static unsigned tell_sources(chat *c) {
    size_t n;
    const source_hit *hits = sources_found(c->style->sources, &n);
    buf out = {0};
    for (size_t i = 0; i < n; i++) {
        const source_hit *h = &hits[i];
        if (i > 0) buf_puts(&out, "\n");
        put_quoted(&out, h->span, strlen(h->span));
        if (!h->text) {
            buf_puts(&out, "\n  is not to be found any more: the training text is gone, or has changed");
            continue;
        }
        buf_puts(&out, "\n  ");
        if (h->author) buf_printf(&out, "%s", h->author);
        if (h->time) buf_printf(&out, "%s%.10s %.5s", h->author ? ", " : "", h->time, h->time + 11);
        buf_printf(&out, "%s%s:\n  ", h->author || h->time ? ", in " : "in ", h->file);
        for (const char *s = h->text; *s; s++) buf_puts(&out, *s == '\n' ? "\n  " : (char[]){*s, '\0'});
    }
    if (n > 0) chat_note(c, false, "%s", buf_str(&out));
    buf_free(&out);
    return CHAT_TURNS;
}

unsigned chat_copies_run(chat *c, const char *args) {
    enum { MOST = SOURCES_SPANS };
    const chat_turn *t = last_answer(c);
    sources *s = c->style->sources;
    char *spans[MOST];
    size_t n = 0;
    (void)args;
    if (!s) return chat_note(c, true, "no training text is known: nothing in use was trained here");
    if (!sources_is_ready(s)) return chat_note(c, true, "the training text is still being read");
    if (!sources_index(s)) return chat_note(c, true, "the training text cannot be read any more");
    if (!t || t->copied.n == 0)
        return chat_note(c, false,
                         "Nothing in the last answer is copied: no %d words in a row stand in the training text.",
                         COPIES_RUN);
    for (; n < t->copied.n && n < MOST; n++) {
        const copy_span *span = &t->copied.spans[n];
        spans[n] = mem_strndup(t->text.data + span->start, span->end - span->start);
    }
    bool begun = sources_find(s, (const char *const *)spans, n);
    for (size_t i = 0; i < n; i++) free(spans[i]);
    if (!begun) return chat_note(c, false, "The last ones are still being looked up.");
    c->looking_up = true;
    return CHAT_STATUS;
}

unsigned chat_copies_pump(chat *c) {
    sources *s = c->style->sources;
    unsigned news = s ? sources_pump(s) : 0, flags = 0;
    if (news & SOURCES_READY) {
        const char *problem = sources_problem(s);
        if (*problem)
            chat_note(c, false, "Copied text is not marked everywhere: %.*s", (int)strcspn(problem, "\n"), problem);
        flags |= CHAT_TURNS | CHAT_STATUS;
    }
    if (news & SOURCES_FOUND) flags |= tell_sources(c) | CHAT_STATUS;
    if (news & SOURCES_FOUND) c->looking_up = false;
    chat_copies_mark(c);
    return flags;
}
