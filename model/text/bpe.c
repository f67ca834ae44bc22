// The merge loop keeps the symbols in a doubly linked list over an array and the mergeable neighbours in a binary heap
// ordered by rank, then position: the pair learned first merges first, leftmost first. An entry whose symbols have
// changed since it was queued is recognised by its ids and dropped.
#include "model/text/bpe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void bpe_init(bpe *b, size_t expected) {
    *b = (bpe){.n_slots = 64};
    if (expected > 4 * (size_t)VOCAB_MAX_TOKENS) expected = 4 * (size_t)VOCAB_MAX_TOKENS;
    while (b->n_slots < expected * 2) b->n_slots *= 2;
    b->slots = mem_calloc(b->n_slots, sizeof *b->slots);
    b->seed = (uint64_t)(uintptr_t)b ^ (uint64_t)time(NULL) << 20 ^ (uint64_t)clock();
}

void bpe_free(bpe *b) {
    free(b->slots);
    *b = (bpe){0};
}

static size_t find_slot(const bpe *b, uint64_t pair) {
    uint64_t h = (pair ^ b->seed) * 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    size_t mask = b->n_slots - 1, i = (size_t)(h * 0xc4ceb9fe1a85ec53u >> 24) & mask;
    while (b->slots[i].rank && b->slots[i].pair != pair) i = (i + 1) & mask;
    return i;
}

static uint64_t pair_of(int32_t left, int32_t right) {
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

const bpe_merge *bpe_find(const bpe *b, int32_t left, int32_t right) {
    const bpe_merge *m = &b->slots[find_slot(b, pair_of(left, right))];
    return m->rank ? m : NULL;
}

static void grow(bpe *b) {
    bpe_merge *old = b->slots;
    size_t n_old = b->n_slots;
    b->n_slots *= 2;
    b->slots = mem_calloc(b->n_slots, sizeof *b->slots);
    for (size_t i = 0; i < n_old; i++)
        if (old[i].rank) b->slots[find_slot(b, old[i].pair)] = old[i];
    free(old);
}

int bpe_add(bpe *b, const vocab *v, uint32_t rank, const char *left, size_t n_left, const char *right, size_t n_right,
            error *err) {
    char small[256], *whole = small;
    if (n_left + n_right > v->longest) return error_set(err, "merge %u gives a text that is no token", (unsigned)rank);
    if (n_left + n_right > sizeof small) whole = mem_realloc(NULL, n_left + n_right, 1);
    memcpy(whole, left, n_left);
    memcpy(whole + n_left, right, n_right);
    int32_t l = vocab_find(v, left, n_left), r = vocab_find(v, right, n_right),
            id = vocab_find(v, whole, n_left + n_right);
    if (whole != small) free(whole);
    if (l < 0 || r < 0 || id < 0)
        return error_set(err, "merge %u names the token \"%.*s\", which is not in the vocabulary", (unsigned)rank,
                         (int)(l < 0 ? n_left : n_right), l < 0 ? left : right);
    if (b->n_used * 2 >= b->n_slots) grow(b);
    bpe_merge *m = &b->slots[find_slot(b, pair_of(l, r))];
    if (!m->rank) b->n_used++;
    *m = (bpe_merge){.pair = pair_of(l, r), .rank = rank + 1, .id = id};
    return 0;
}

typedef struct symbol {
    int32_t id; // -1: merged into its left neighbour
    int32_t prev, next;
} symbol;

typedef struct candidate {
    uint32_t rank;
    int32_t at; // index of the left symbol
    int32_t left, right, id;
} candidate;

typedef struct queue {
    candidate *heap;
    size_t n;
} queue;

static bool before(const candidate *a, const candidate *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void queue_push(queue *q, candidate c) {
    size_t i = q->n++;
    while (i && before(&c, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = c;
}

static candidate queue_pop(queue *q) {
    candidate top = q->heap[0], last = q->heap[--q->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->n) break;
        if (child + 1 < q->n && before(&q->heap[child + 1], &q->heap[child])) child++;
        if (!before(&q->heap[child], &last)) break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    return top;
}

static void consider(const bpe *b, queue *q, const symbol *s, int32_t at) {
    if (at < 0 || s[at].next < 0) return;
    int32_t left = s[at].id, right = s[s[at].next].id;
    const bpe_merge *m = bpe_find(b, left, right);
    if (m) queue_push(q, (candidate){m->rank, at, left, right, m->id});
}

size_t bpe_apply(const bpe *b, int32_t *ids, size_t n, bpe_scratch *scratch) {
    if (n < 2) return n;
    // Every merge takes one entry out and puts at most two in; n - 1 are there at first: 2n hold them all.
    scratch->symbols = mem_reserve(scratch->symbols, &scratch->cap_symbols, n, sizeof(symbol));
    scratch->queue = mem_reserve(scratch->queue, &scratch->cap_queue, 2 * n, sizeof(candidate));
    symbol *s = scratch->symbols;
    queue q = {.heap = scratch->queue};
    for (size_t i = 0; i < n; i++) s[i] = (symbol){ids[i], (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : -1};
    for (size_t i = 0; i + 1 < n; i++) consider(b, &q, s, (int32_t)i);
    while (q.n) {
        candidate c = queue_pop(&q);
        symbol *left = &s[c.at];
        if (left->id != c.left || left->next < 0 || s[left->next].id != c.right) continue;
        symbol *right = &s[left->next];
        left->id = c.id;
        left->next = right->next;
        right->id = -1;
        if (left->next >= 0) s[left->next].prev = c.at;
        consider(b, &q, s, left->prev);
        consider(b, &q, s, c.at);
    }
    size_t kept = 0;
    for (int32_t i = 0; i >= 0; i = s[i].next) ids[kept++] = s[i].id;
    return kept;
}

void bpe_scratch_free(bpe_scratch *s) {
    free(s->symbols);
    free(s->queue);
    *s = (bpe_scratch){0};
}
