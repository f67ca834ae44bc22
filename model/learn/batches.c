// An order is a Fisher-Yates shuffle by splitmix64, seeded with the seed and the epoch's number.
#include "model/learn/batches.h"
#include "model/learn/random.h"

#include <stdlib.h>
#include <string.h>

int batches_open(batches *b, int32_t *ids, int32_t *labels, float *weights, size_t n_tokens, int len, int batch_size,
                 error *err) {
    if (len < 2) return error_set(err, "a block has %d tokens; it needs 2 at least", len);
    if (n_tokens < (size_t)len)
        return error_set(err,
                         "there are %zu tokens to learn from, and a block has %d; give more text or a smaller "
                         "--block-size",
                         n_tokens, len);
    *b = (batches){.ids = ids, .labels = labels, .weights = weights, .n_tokens = n_tokens, .len = len};
    b->batch_size = batch_size;
    b->epoch = SIZE_MAX;
    return 0;
}

void batches_free(batches *b) {
    free(b->ids);
    free(b->labels);
    free(b->weights);
    free(b->first);
    free(b->order);
    free(b->row_ids);
    free(b->row_labels);
    free(b->row_weights);
    *b = (batches){0};
}

void batches_thin(batches *b, size_t most) {
    size_t len = (size_t)b->len, rows = b->n_tokens / len;
    if (rows <= most) return;
    for (size_t i = 0; i < most; i++) {
        size_t from = i * rows / most * len, to = i * len;
        memmove(b->ids + to, b->ids + from, len * sizeof *b->ids);
        memmove(b->labels + to, b->labels + from, len * sizeof *b->labels);
        if (b->weights) memmove(b->weights + to, b->weights + from, len * sizeof *b->weights);
    }
    b->n_tokens = most * len;
}

void batches_in_order(batches *b) {
    size_t n = b->n_tokens / (size_t)b->len, each = (size_t)b->batch_size;
    b->n_fixed = (n + each - 1) / each;
    b->first = mem_realloc(b->first, b->n_fixed + 1, sizeof *b->first);
    for (size_t i = 0; i <= b->n_fixed; i++) b->first[i] = i * each < n ? i * each : n;
}

size_t batches_rows(const batches *b) {
    size_t len = (size_t)b->len;
    // Wherever a sliding cut begins, every epoch has as many rows.
    size_t sure = b->sliding ? (b->n_tokens - (len - 1)) / len : b->n_tokens / len;
    return sure > 0 ? sure : 1;
}

size_t batches_epoch(const batches *b) {
    if (b->first) return b->n_fixed;
    size_t n = batches_rows(b), each = (size_t)b->batch_size;
    return (n + each - 1) / each;
}

int batches_most_rows(const batches *b) {
    size_t most = b->first ? 0 : (size_t)b->batch_size;
    for (size_t i = 0; i < b->n_fixed; i++)
        if (b->first[i + 1] - b->first[i] > most) most = b->first[i + 1] - b->first[i];
    return (int)most;
}

// FNV-1a.
static uint64_t digest(uint64_t h, const void *bytes, size_t n) {
    const unsigned char *s = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3u;
    return h;
}

uint64_t batches_digest(const batches *b) {
    uint64_t h = digest(0xcbf29ce484222325u, b->ids, b->n_tokens * sizeof *b->ids);
    h = digest(h, b->labels, b->n_tokens * sizeof *b->labels);
    if (b->weights) h = digest(h, b->weights, b->n_tokens * sizeof *b->weights);
    if (b->first) h = digest(h, b->first, (b->n_fixed + 1) * sizeof *b->first);
    uint64_t shape[] = {(uint64_t)b->len, (uint64_t)b->batch_size, b->sliding, b->shuffle, b->seed};
    return digest(h, shape, sizeof shape);
}

static void make_order(batches *b, size_t epoch) {
    size_t n = batches_rows(b);
    if (!b->order) b->order = mem_calloc(n, sizeof *b->order);
    for (size_t i = 0; i < n; i++) b->order[i] = i;
    uint64_t random = random_seed(b->seed, 2 * epoch);
    for (size_t i = n; b->shuffle && i > 1; i--) {
        size_t k = random_below(&random, i), other = b->order[k];
        b->order[k] = b->order[i - 1];
        b->order[i - 1] = other;
    }
    b->epoch = epoch;
}

// The place where row number k of the whole training begins.
static size_t row_begin(batches *b, size_t k) {
    size_t n = batches_rows(b), epoch = k / n, len = (size_t)b->len, shift = 0;
    if (b->epoch != epoch) make_order(b, epoch);
    size_t room = b->n_tokens - n * len; // what is left when n rows are cut
    if (b->sliding) {
        uint64_t random = random_seed(b->seed, 2 * epoch + 1);
        shift = random_below(&random, (room < len ? room : len - 1) + 1);
    }
    return shift + b->order[k % n] * len;
}

learn_batch batches_take(batches *b, size_t t) {
    size_t len = (size_t)b->len;
    if (b->first) {
        size_t k = t % b->n_fixed, at = b->first[k] * len;
        return (learn_batch){.rows = (int)(b->first[k + 1] - b->first[k]),
                             .len = b->len,
                             .ids = b->ids + at,
                             .labels = b->labels + at,
                             .weights = b->weights ? b->weights + at : NULL};
    }
    size_t rows = (size_t)b->batch_size;
    if (!b->row_ids) {
        b->row_ids = mem_calloc(rows * len, sizeof *b->row_ids);
        b->row_labels = mem_calloc(rows * len, sizeof *b->row_labels);
        if (b->weights) b->row_weights = mem_calloc(rows * len, sizeof *b->row_weights);
    }
    for (size_t i = 0; i < rows; i++) {
        size_t at = row_begin(b, t * rows + i);
        memcpy(b->row_ids + i * len, b->ids + at, len * sizeof *b->ids);
        memcpy(b->row_labels + i * len, b->labels + at, len * sizeof *b->labels);
        if (b->weights) memcpy(b->row_weights + i * len, b->weights + at, len * sizeof *b->weights);
    }
    return (learn_batch){
        .rows = (int)rows, .len = b->len, .ids = b->row_ids, .labels = b->row_labels, .weights = b->row_weights};
}
