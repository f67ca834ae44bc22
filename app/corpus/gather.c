// Drafts go to the spool as a head and the text; authors are interned, since few people write many messages.
#include "app/corpus/gather.h"

#include <stdlib.h>
#include <string.h>

void gather_start(gather *g) {
    *g = (gather){.spool = spool_new(), .border = true};
}

void gather_end(gather *g) {
    spool_free(g->spool);
    free(g->files);
    people_free(&g->authors);
    id_map_free(&g->replies);
    id_map_free(&g->names);
    buf_free(&g->name_text);
    buf_free(&g->record);
    *g = (gather){0};
}

void gather_begin_file(gather *g) {
    g->files = mem_reserve(g->files, &g->cap_files, g->n_files + 1, sizeof *g->files);
    int64_t at = spool_end(g->spool);
    g->files[g->n_files++] = (gather_file){.begin = at, .end = at, .names = g->names_scope};
}

static gather_file *current_file(gather *g) {
    if (!g->n_files) gather_begin_file(g);
    return &g->files[g->n_files - 1];
}

void gather_new_names(gather *g) {
    g->names_scope = ++g->n_scopes;
}

void gather_new_scope(gather *g) {
    g->scope = ++g->n_scopes;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void gather_trim(const char **s, size_t *n) {
    while (*n && is_blank(**s)) {
        ++*s;
        --*n;
    }
    while (*n && is_blank((*s)[*n - 1])) --*n;
}

// Text from inside a JSON string may still hold what never stays: NUL and CR.
static void append_text(buf *out, const char *s, size_t n) {
    if (!memchr(s, '\r', n) && !memchr(s, '\0', n)) {
        buf_append(out, s, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\0' || (s[i] == '\n' && i && s[i - 1] == '\r')) continue;
        buf_putc(out, s[i] == '\r' ? '\n' : s[i]);
    }
}

void gather_add(gather *g, const draft *d) {
    gather_file *file = current_file(g);
    const char *text = d->text ? d->text : "", *author = d->author;
    size_t n_text = d->text ? d->n_text : 0, n_author = d->n_author;
    date_order_see(&file->order, &d->time);
    gather_trim(&text, &n_text);
    if (!n_text) {
        g->dropped++;
        return;
    }
    draft_head head = {.key = d->key, .reply = d->reply, .author = DRAFT_NOBODY};
    head.time = d->time;
    if (author) {
        gather_trim(&author, &n_author);
        head.author = (uint32_t)people_place(&g->authors, author, n_author);
    }
    if (d->bot) head.flags |= DRAFT_BOT;
    if (d->literal) head.flags |= DRAFT_LITERAL;
    if (d->stable_key) head.flags |= DRAFT_STABLE_KEY;
    if (g->border) head.flags |= DRAFT_BORDER;
    if (!d->literal && memchr(text, '<', n_text)) head.flags |= DRAFT_MARKUP;
    buf_clear(&g->record);
    buf_append(&g->record, &head, sizeof head);
    append_text(&g->record, text, n_text);
    buf_putc(&g->record, '\0');
    head.n_text = (uint32_t)(g->record.len - sizeof head - 1);
    memcpy(g->record.data, &head, sizeof head);
    if (g->failed) return;
    if (spool_add(g->spool, g->record.data, g->record.len, &g->err) != 0) {
        g->failed = true;
        return;
    }
    file->end = spool_end(g->spool);
    g->border = false;
    g->drafts++;
    if (head.reply) id_map_add(&g->replies, head.reply, UINT32_MAX, NULL);
}

void gather_drop(gather *g) {
    g->dropped++;
}

void gather_skip(gather *g, int64_t messages) {
    g->skipped += messages;
}

void gather_cut(gather *g, int64_t unread) {
    g->skipped++;
    g->unread += unread;
}

void gather_border(gather *g) {
    g->border = true;
}

void gather_date(gather *g, const when *w) {
    date_order_see(&current_file(g)->order, w);
}

void gather_reversed(gather *g) {
    current_file(g)->reversed = true;
}

static uint64_t name_key(uint64_t names, char mark, uint64_t id) {
    return id_map_mix(names * 256 + (unsigned char)mark, id);
}

void gather_name(gather *g, char mark, uint64_t id, const char *name) {
    if (!id || !name) return;
    size_t n = strlen(name);
    gather_trim(&name, &n);
    if (!n || g->name_text.len + n >= UINT32_MAX) return;
    bool added;
    id_map_add(&g->names, name_key(g->names_scope, mark, id), (uint32_t)g->name_text.len, &added);
    if (!added) return;
    buf_append(&g->name_text, name, n);
    buf_putc(&g->name_text, '\0');
}

const char *gather_find_name(const gather *g, uint64_t names, char mark, uint64_t id) {
    const uint32_t *at = id_map_find(&g->names, name_key(names, mark, id));
    return at ? g->name_text.data + *at : NULL;
}

uint64_t gather_key(const gather *g, uint64_t id) {
    return id ? id_map_mix(g->scope, id) : 0;
}

uint64_t gather_key_text(const gather *g, const char *id) {
    return id && *id ? id_map_hash(g->scope, id, strlen(id)) : 0;
}

uint64_t gather_key_everywhere(uint64_t id) {
    return id ? id_map_mix(UINT64_MAX, id) : 0;
}
