// The merge loop keeps the symbols in a doubly linked list over an array and the mergeable neighbours in a binary heap
// ordered by rank, then position: the pair learned first merges first, leftmost first. An entry whose symbols have
// changed since it was queued is recognised by their length and dropped.
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

bool bpe_find_pair(const void *arg, const bpe_symbol *left, const bpe_symbol *right, uint32_t *rank, int32_t *id) {
    const bpe *b = arg;
    const bpe_merge *m = &b->slots[find_slot(b, pair_of(left->id, right->id))];
    *rank = m->rank;
    *id = m->id;
    return m->rank != 0;
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
    int32_t l = vocab_find(v, left, n_left), r = vocab_find(v, right, n_right), id = -1;
    if (n_left + n_right <= v->longest) {
        if (n_left + n_right > sizeof small) whole = mem_realloc(NULL, n_left + n_right, 1);
        memcpy(whole, left, n_left);
        memcpy(whole + n_left, right, n_right);
        id = vocab_find(v, whole, n_left + n_right);
        if (whole != small) free(whole);
    }
    if (l < 0 || r < 0 || id < 0)
        return error_set(
            err, "merge %u (\"%.*s\" with \"%.*s\"): one of the two, or their whole, is not in the vocabulary",
            (unsigned)rank, (int)(n_left < 64 ? n_left : 64), left, (int)(n_right < 64 ? n_right : 64), right);
    if (b->n_used * 2 >= b->n_slots) grow(b);
    bpe_merge *m = &b->slots[find_slot(b, pair_of(l, r))];
    if (!m->rank) b->n_used++;
    *m = (bpe_merge){.pair = pair_of(l, r), .rank = rank + 1, .id = id};
    return 0;
}

typedef struct candidate {
    uint32_t rank;
    int32_t at;   // index of the left symbol
    uint32_t len; // bytes of the two when they were queued: a longer one has merged with something else since
    int32_t id;
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

typedef struct merger {
    bpe_symbol *s;
    queue q;
    bpe_finder find;
    const void *arg;
} merger;

static void consider(merger *m, int32_t at) {
    if (at < 0 || m->s[at].next < 0) return;
    const bpe_symbol *left = &m->s[at], *right = &m->s[left->next];
    candidate c = {.at = at, .len = left->len + right->len};
    if (m->find(m->arg, left, right, &c.rank, &c.id)) queue_push(&m->q, c);
}

bpe_symbol *bpe_room(bpe_scratch *s, size_t n) {
    return s->symbols = mem_reserve(s->symbols, &s->cap_symbols, n, sizeof *s->symbols);
}

size_t bpe_merge_all(bpe_scratch *scratch, size_t n, bpe_finder find, const void *arg) {
    if (n < 2) return n;
    // Every merge takes one entry out and puts at most two in; n - 1 are there at first: 2n hold them all.
    scratch->queue = mem_reserve(scratch->queue, &scratch->cap_queue, 2 * n, sizeof(candidate));
    bpe_symbol *s = scratch->symbols;
    merger m = {s, {scratch->queue, 0}, find, arg};
    for (size_t i = 0; i < n; i++) {
        s[i].prev = (int32_t)i - 1;
        s[i].next = i + 1 < n ? (int32_t)i + 1 : -1;
    }
    for (size_t i = 0; i + 1 < n; i++) consider(&m, (int32_t)i);
    while (m.q.n) {
        candidate c = queue_pop(&m.q);
        bpe_symbol *left = &s[c.at];
        if (left->len == 0 || left->next < 0 || left->len + s[left->next].len != c.len) continue;
        bpe_symbol *right = &s[left->next];
        left->id = c.id;
        left->len = c.len;
        left->next = right->next;
        right->len = 0;
        if (left->next >= 0) s[left->next].prev = c.at;
        consider(&m, left->prev);
        consider(&m, c.at);
    }
    size_t kept = 0;
    for (int32_t i = 0; i >= 0; i = s[i].next) s[kept++] = s[i];
    return kept;
}

void bpe_scratch_free(bpe_scratch *s) {
    free(s->symbols);
    free(s->queue);
    *s = (bpe_scratch){0};
}
