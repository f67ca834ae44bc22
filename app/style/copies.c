// Words lie in chunks, so that growing never copies them and never needs room twice. The table is made at the end, when
// the number of runs is known: open addressing, each slot the place of a run's first word, plus one. A run that stands
// in the text several times is entered once, so that a text of one word said a million times costs no more than another.
#include "app/style/copies.h"
#include "app/style/words.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BITS = 18, CHUNK = 1 << CHUNK_BITS, N_CHUNKS = COPIES_MOST / CHUNK };

struct copies {
    uint32_t *chunks[N_CHUNKS]; // hashes of words; 0: a border between messages
    size_t n;                   // words and borders
    size_t in_row;              // words since the last border
    size_t n_runs;              // with those that stand there more than once
    bool full;
    uint32_t *slots;
    size_t n_slots;
};

copies *copies_new(void) {
    return mem_calloc(1, sizeof(copies));
}

void copies_free(copies *c) {
    if (!c) return;
    for (size_t i = 0; i < N_CHUNKS; i++) mem_free_big(c->chunks[i], CHUNK * sizeof(uint32_t));
    mem_free_big(c->slots, c->n_slots * sizeof *c->slots);
    free(c);
}

static uint32_t word_at(const copies *c, size_t i) {
    return c->chunks[i >> CHUNK_BITS][i & (CHUNK - 1)];
}

// ---- filling

static bool put(copies *c, uint32_t hash) {
    uint32_t **chunk = c->n < COPIES_MOST ? &c->chunks[c->n >> CHUNK_BITS] : NULL;
    if (chunk && !*chunk) *chunk = mem_alloc_big(CHUNK * sizeof **chunk);
    c->full = !chunk || !*chunk;
    if (c->full) return false;
    (*chunk)[c->n++ & (CHUNK - 1)] = hash;
    c->in_row = hash ? c->in_row + 1 : 0;
    c->n_runs += c->in_row >= COPIES_RUN;
    return true;
}

bool copies_add(copies *c, const char *text, size_t n, bool goes_on) {
    size_t at = 0;
    word w;
    if (c->full || (!goes_on && c->in_row > 0 && !put(c, 0))) return false;
    while (word_next(text, n, &at, &w))
        if (!put(c, w.hash)) return false;
    return true;
}

static uint64_t hash_run(const uint32_t run[COPIES_RUN]) {
    uint64_t h = 0;
    for (int i = 0; i < COPIES_RUN; i++) {
        h = (h ^ run[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

static bool stands_at(const copies *c, size_t place, const uint32_t run[COPIES_RUN]) {
    for (size_t i = 0; i < COPIES_RUN; i++)
        if (word_at(c, place + i) != run[i]) return false;
    return true;
}

// The slot that holds the run, or the empty one where it belongs.
static size_t find_slot(const copies *c, const uint32_t run[COPIES_RUN]) {
    size_t slot = (size_t)((hash_run(run) >> 32) * c->n_slots >> 32);
    while (c->slots[slot] && !stands_at(c, c->slots[slot] - 1, run)) slot = slot + 1 < c->n_slots ? slot + 1 : 0;
    return slot;
}

int copies_finish(copies *c, error *err) {
    uint32_t run[COPIES_RUN];
    size_t in_row = 0;
    c->n_slots = c->n_runs + c->n_runs / 3 + 1;
    c->slots = mem_alloc_big(c->n_slots * sizeof *c->slots);
    if (!c->slots) return error_set(err, "there is no memory to look for copied text");
    for (size_t i = 0; i < c->n; i++) {
        uint32_t hash = word_at(c, i);
        memmove(run, run + 1, sizeof run - sizeof *run);
        run[COPIES_RUN - 1] = hash;
        in_row = hash ? in_row + 1 : 0;
        if (in_row < COPIES_RUN) continue;
        size_t slot = find_slot(c, run);
        if (!c->slots[slot]) c->slots[slot] = (uint32_t)(i - COPIES_RUN + 2);
    }
    return 0;
}

bool copies_is_full(const copies *c) {
    return c->full;
}

size_t copies_n_words(const copies *c) {
    return c->n;
}

bool copies_has(const copies *c, const uint32_t run[COPIES_RUN]) {
    return c->slots && c->slots[find_slot(c, run)];
}

// ---- marking

void copy_scan_free(copy_scan *s) {
    free(s->spans);
    *s = (copy_scan){0};
}

// The last six words are copied: a span, or more of the one that reaches into them.
static void mark(copy_scan *s, size_t end) {
    int64_t first = s->n_words - COPIES_RUN;
    if (s->n == 0 || first >= s->covered) {
        s->spans = mem_reserve(s->spans, &s->cap, s->n + 1, sizeof *s->spans);
        s->spans[s->n++] = (copy_span){.start = s->starts[first % COPIES_RUN]};
        s->covered = first;
    }
    copy_span *last = &s->spans[s->n - 1];
    last->words += (int)(s->n_words - s->covered);
    last->end = end;
    s->covered = s->n_words;
}

void copy_scan_feed(copy_scan *s, const copies *c, const char *text, size_t n, bool ended) {
    word w;
    for (size_t at = s->at; word_next(text, n, &at, &w) && (w.complete || ended);) {
        s->hashes[s->n_words % COPIES_RUN] = w.hash;
        s->starts[s->n_words++ % COPIES_RUN] = w.start;
        s->at = w.end;
        if (s->n_words < COPIES_RUN) continue;
        uint32_t run[COPIES_RUN];
        for (int i = 0; i < COPIES_RUN; i++) run[i] = s->hashes[(s->n_words + i) % COPIES_RUN];
        if (copies_has(c, run)) mark(s, w.end);
    }
}
