#include "app/train_rows.h"
#include "model/learn/random.h"

#include <stdlib.h>
#include <string.h>

static void make_room(train_rows *r) {
    size_t cap = r->cap;
    r->ids = mem_reserve(r->ids, &r->cap, r->n + 1, sizeof *r->ids);
    if (r->cap == cap) return;
    r->labels = mem_realloc(r->labels, r->cap, sizeof *r->labels);
}

void train_rows_put(train_rows *r, int32_t id, bool learn) {
    make_room(r);
    r->ids[r->n] = id;
    r->labels[r->n++] = learn ? id : LEARN_NO_LABEL;
}

void train_rows_put_weighted(train_rows *r, int32_t id, bool learn, float weight) {
    size_t cap = r->cap;
    train_rows_put(r, id, learn);
    if (r->cap != cap) r->weights = mem_realloc(r->weights, r->cap, sizeof *r->weights);
    r->weights[r->n - 1] = weight;
}

void train_rows_free(train_rows *r) {
    free(r->ids);
    free(r->labels);
    free(r->weights);
    *r = (train_rows){0};
}

// ---- what counts

static int64_t count_labels(const batches *b) {
    int64_t n = 0;
    for (size_t i = 0; i < b->n_tokens; i++) n += b->labels[i] >= 0 && i % (size_t)b->len != 0;
    return n;
}

// Characters of the text of the labels. A byte that goes on with a character counts none.
static double count_characters(const batches *b, const tokenizer *t) {
    double n = 0;
    if (!t) return 0;
    for (size_t i = 0; i < b->n_tokens; i++) {
        size_t len;
        if (b->labels[i] < 0 || i % (size_t)b->len == 0) continue;
        const char *piece = tokenizer_piece(t, b->labels[i], false, &len);
        for (size_t k = 0; k < len; k++) n += ((unsigned char)piece[k] & 0xC0) != 0x80;
    }
    return n;
}

static int take_over(batches *b, train_rows *r, const train_settings *s, error *err) {
    if (batches_open(b, r->ids, r->labels, r->weights, r->n, s->block_size, s->batch_size, err) != 0) return -1;
    *r = (train_rows){0};
    return 0;
}

int train_rows_finish(train_data *d, const train_settings *s, const model *m, train_rows *train, train_rows *held_out,
                      bool sliding, error *err) {
    if (take_over(&d->train, train, s, err) != 0) return -1;
    d->train.sliding = sliding;
    d->train.shuffle = !s->no_shuffle;
    d->train.seed = (uint64_t)s->seed;
    d->learned = count_labels(&d->train);
    if (d->learned == 0) return error_set(err, "there is nothing in the data that counts; is the right name imitated?");
    if (held_out->n >= (size_t)s->block_size) {
        if (take_over(&d->held_out, held_out, s, err) != 0) return -1;
        train_data_thin(d, m, SIZE_MAX);
    }
    if (!d->held_out.ids && s->val_fraction > 0)
        buf_puts(&d->notes, "there is too little text to hold some out: the last step is kept, not the best\n");
    return 0;
}

void train_data_thin(train_data *d, const model *m, size_t rows) {
    batches_thin(&d->held_out, rows);
    batches_in_order(&d->held_out);
    d->held_out_labels = count_labels(&d->held_out);
    d->characters = count_characters(&d->held_out, m->tokenizer);
    if (d->held_out_labels == 0) batches_free(&d->held_out);
}

// ---- what is held out

size_t train_rows_pick(const size_t *sizes, size_t n, double fraction, int seed, bool *pick) {
    enum { FEWEST = 5 };
    memset(pick, 0, n * sizeof *pick);
    if (n < FEWEST || fraction <= 0) return 0;
    size_t *order = mem_calloc(n, sizeof *order);
    double total = 0, taken = 0;
    size_t count = 0;
    uint64_t random = random_seed((uint64_t)seed, 0x68656c64); // a sequence of its own
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
        total += (double)sizes[i];
    }
    for (size_t i = n; i > 1; i--) {
        size_t k = random_below(&random, i), other = order[k];
        order[k] = order[i - 1];
        order[i - 1] = other;
    }
    // One that is much larger than what is wanted stays: half of the data would be gone with it.
    for (size_t i = 0; i < n && taken < fraction * total; i++) {
        double size = (double)sizes[order[i]];
        if (taken + size > 1.5 * fraction * total) continue;
        pick[order[i]] = true;
        taken += size;
        count += size > 0;
    }
    free(order);
    return count;
}
