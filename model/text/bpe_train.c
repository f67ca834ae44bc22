// Words are counted once; merging then works on the distinct ones. For every pair there is a count and the list of words
// that may hold it. A heap gives the most frequent pair: its entries are never removed, but compared with the pair's
// count when they come up, and put back where that has fallen since.
#include "model/text/bpe_train.h"
#include "model/text/byte_map.h"
#include "model/text/split.h"

#include <stdlib.h>
#include <string.h>

typedef struct word {
    int32_t *symbols;
    size_t n;
    int64_t count;
    size_t text; // where its bytes begin, for finding it again
    size_t n_text;
} word;

typedef struct pair {
    int32_t a, b;
    int64_t count;
    uint32_t *words;
    size_t n_words, cap_words;
} pair;

typedef struct heap_entry {
    int64_t count;
    uint32_t pair;
} heap_entry;

typedef struct training {
    buf text; // of the distinct words
    word *words;
    size_t n_words, cap_words;
    pair *pairs;
    size_t n_pairs, cap_pairs;
    // Open addressing; a slot holds a place + 1, 0 when it is free. Sizes are powers of two.
    uint32_t *word_slots, *pair_slots;
    size_t n_word_slots, n_pair_slots;
    heap_entry *heap;
    size_t n_heap, cap_heap;
    buf *pieces; // the bytes of every token
    int n_pieces;
    buf merges; // as tokenizer.json has them
} training;

// ---- words

static uint64_t hash_bytes(const char *s, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static uint64_t hash_pair(int32_t a, int32_t b) {
    uint64_t z = ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) * 0x9e3779b97f4a7c15u;
    return z ^ z >> 32;
}

static void place(uint32_t *slots, size_t n_slots, uint64_t hash, uint32_t value) {
    size_t i = hash & (n_slots - 1);
    while (slots[i]) i = (i + 1) & (n_slots - 1);
    slots[i] = value;
}

static void grow_word_slots(training *t) {
    if (2 * (t->n_words + 1) <= t->n_word_slots) return;
    t->n_word_slots = t->n_word_slots ? 2 * t->n_word_slots : 1024;
    free(t->word_slots);
    t->word_slots = mem_calloc(t->n_word_slots, sizeof *t->word_slots);
    for (size_t i = 0; i < t->n_words; i++)
        place(t->word_slots, t->n_word_slots, hash_bytes(t->text.data + t->words[i].text, t->words[i].n_text),
              (uint32_t)i + 1);
}

static int count_word(void *arg, const char *s, size_t n) {
    training *t = arg;
    grow_word_slots(t);
    uint64_t hash = hash_bytes(s, n);
    for (size_t i = hash & (t->n_word_slots - 1); t->word_slots[i]; i = (i + 1) & (t->n_word_slots - 1)) {
        word *w = &t->words[t->word_slots[i] - 1];
        if (w->n_text != n || memcmp(t->text.data + w->text, s, n) != 0) continue;
        w->count++;
        return 0;
    }
    if (t->n_words == UINT32_MAX - 1) return -1;
    t->words = mem_reserve(t->words, &t->cap_words, t->n_words + 1, sizeof *t->words);
    t->words[t->n_words++] = (word){.count = 1, .text = t->text.len, .n_text = n};
    buf_append(&t->text, s, n);
    place(t->word_slots, t->n_word_slots, hash, (uint32_t)t->n_words);
    return 0;
}

static void spell_words(training *t) {
    for (size_t i = 0; i < t->n_words; i++) {
        word *w = &t->words[i];
        w->n = w->n_text;
        w->symbols = mem_calloc(w->n, sizeof *w->symbols);
        for (size_t k = 0; k < w->n; k++) w->symbols[k] = (unsigned char)t->text.data[w->text + k];
    }
}

// ---- pairs

static void grow_pair_slots(training *t) {
    if (2 * (t->n_pairs + 1) <= t->n_pair_slots) return;
    t->n_pair_slots = t->n_pair_slots ? 2 * t->n_pair_slots : 4096;
    free(t->pair_slots);
    t->pair_slots = mem_calloc(t->n_pair_slots, sizeof *t->pair_slots);
    for (size_t i = 0; i < t->n_pairs; i++)
        place(t->pair_slots, t->n_pair_slots, hash_pair(t->pairs[i].a, t->pairs[i].b), (uint32_t)i + 1);
}

static pair *find_pair(training *t, int32_t a, int32_t b) {
    grow_pair_slots(t);
    uint64_t hash = hash_pair(a, b);
    for (size_t i = hash & (t->n_pair_slots - 1); t->pair_slots[i]; i = (i + 1) & (t->n_pair_slots - 1)) {
        pair *p = &t->pairs[t->pair_slots[i] - 1];
        if (p->a == a && p->b == b) return p;
    }
    t->pairs = mem_reserve(t->pairs, &t->cap_pairs, t->n_pairs + 1, sizeof *t->pairs);
    t->pairs[t->n_pairs++] = (pair){.a = a, .b = b};
    place(t->pair_slots, t->n_pair_slots, hash, (uint32_t)t->n_pairs);
    return &t->pairs[t->n_pairs - 1];
}

// x comes before y.
static bool comes_first(const training *t, heap_entry x, heap_entry y) {
    if (x.count != y.count) return x.count > y.count;
    const pair *p = &t->pairs[x.pair], *q = &t->pairs[y.pair];
    return p->a != q->a ? p->a < q->a : p->b < q->b;
}

static void push(training *t, heap_entry e) {
    t->heap = mem_reserve(t->heap, &t->cap_heap, t->n_heap + 1, sizeof *t->heap);
    size_t i = t->n_heap++;
    for (; i > 0 && comes_first(t, e, t->heap[(i - 1) / 2]); i = (i - 1) / 2) t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = e;
}

static heap_entry pop(training *t) {
    heap_entry top = t->heap[0], last = t->heap[--t->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < t->n_heap; i = child) {
        if (child + 1 < t->n_heap && comes_first(t, t->heap[child + 1], t->heap[child])) child++;
        if (!comes_first(t, t->heap[child], last)) break;
        t->heap[i] = t->heap[child];
    }
    t->heap[i] = last;
    return top;
}

// Adds the pairs of a word, times its count, or takes them away.
static void count_pairs(training *t, uint32_t number, bool add) {
    const word *w = &t->words[number];
    for (size_t i = 0; i + 1 < w->n; i++) {
        pair *p = find_pair(t, w->symbols[i], w->symbols[i + 1]);
        p->count += add ? w->count : -w->count;
        if (!add) continue;
        if (p->n_words == 0 || p->words[p->n_words - 1] != number) {
            p->words = mem_reserve(p->words, &p->cap_words, p->n_words + 1, sizeof *p->words);
            p->words[p->n_words++] = number;
        }
        push(t, (heap_entry){p->count, (uint32_t)(p - t->pairs)});
    }
}

// The most frequent pair; false when none occurs twice.
static bool best_pair(training *t, uint32_t *out) {
    while (t->n_heap > 0) {
        heap_entry e = pop(t);
        int64_t count = t->pairs[e.pair].count;
        *out = e.pair;
        if (e.count == count && count > 1) return true;
        if (e.count > count && count > 1) push(t, (heap_entry){count, e.pair});
    }
    return false;
}

static void replace_pair(word *w, int32_t a, int32_t b, int32_t by) {
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        bool both = i + 1 < w->n && w->symbols[i] == a && w->symbols[i + 1] == b;
        w->symbols[n++] = both ? by : w->symbols[i];
        i += both;
    }
    w->n = n;
}

static bool has_pair(const word *w, int32_t a, int32_t b) {
    for (size_t i = 0; i + 1 < w->n; i++)
        if (w->symbols[i] == a && w->symbols[i + 1] == b) return true;
    return false;
}

static void merge(training *t, uint32_t number) {
    int32_t a = t->pairs[number].a, b = t->pairs[number].b, id = t->n_pieces++;
    buf *piece = &t->pieces[id];
    buf_append(piece, t->pieces[a].data, t->pieces[a].len);
    buf_append(piece, t->pieces[b].data, t->pieces[b].len);
    // The list is taken off: pairs may move while new ones are added.
    uint32_t *words = t->pairs[number].words;
    size_t n = t->pairs[number].n_words;
    t->pairs[number].words = NULL;
    t->pairs[number].n_words = t->pairs[number].cap_words = 0;
    for (size_t i = 0; i < n; i++) {
        word *w = &t->words[words[i]];
        if (!has_pair(w, a, b)) continue;
        count_pairs(t, words[i], false);
        replace_pair(w, a, b, id);
        count_pairs(t, words[i], true);
    }
    free(words);
}

// ---- the file

static void put_piece(const buf *piece, buf *out) {
    buf text = {0};
    byte_map_write(&text, piece->data, piece->len);
    buf_json_string(out, text.data, text.len);
    buf_free(&text);
}

static void note_merge(training *t, uint32_t number) {
    buf_puts(&t->merges, t->merges.len ? ",\n[" : "[");
    put_piece(&t->pieces[t->pairs[number].a], &t->merges);
    buf_putc(&t->merges, ',');
    put_piece(&t->pieces[t->pairs[number].b], &t->merges);
    buf_putc(&t->merges, ']');
}

static void write_json(const training *t, buf *out) {
    static const char end[] = "<|endoftext|>";
    buf_printf(out,
               "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":%d,\"content\":\"%s\",\"single_word\":false,"
               "\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],\"normalizer\":null,\n",
               t->n_pieces, end);
    buf_puts(out, "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                  "\"use_regex\":true},\"post_processor\":null,\n\"decoder\":{\"type\":\"ByteLevel\","
                  "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},\n\"model\":{\"type\":\"BPE\","
                  "\"dropout\":null,\"unk_token\":null,\"vocab\":{\n");
    for (int i = 0; i < t->n_pieces; i++) {
        put_piece(&t->pieces[i], out);
        buf_printf(out, ":%d,\n", i);
    }
    buf_printf(out, "\"%s\":%d},\"merges\":[\n%s]}}\n", end, t->n_pieces, buf_str(&t->merges));
}

static void training_free(training *t) {
    for (size_t i = 0; i < t->n_words; i++) free(t->words[i].symbols);
    for (size_t i = 0; i < t->n_pairs; i++) free(t->pairs[i].words);
    for (int i = 0; i < t->n_pieces; i++) buf_free(&t->pieces[i]);
    free(t->words);
    free(t->pairs);
    free(t->word_slots);
    free(t->pair_slots);
    free(t->heap);
    free(t->pieces);
    buf_free(&t->text);
    buf_free(&t->merges);
}

static int count_words(training *t, const char *text, size_t n, error *err) {
    splitter *s = splitter_new();
    int rc = splitter_add_regex(s, SPLIT_GPT2, strlen(SPLIT_GPT2), SPLIT_ISOLATED, false, err);
    if (rc == 0) rc = splitter_run(s, text, n, true, count_word, t, err);
    splitter_free(s);
    return rc;
}

int bpe_train_tokenizer_json(const char *text, size_t n, int n_vocab, buf *out, error *err) {
    training t = {0};
    if (n_vocab < BPE_TRAIN_LEAST)
        return error_set(err, "a vocabulary of %d tokens is too small; it needs %d", n_vocab, BPE_TRAIN_LEAST);
    if (count_words(&t, text, n, err) != 0) {
        training_free(&t);
        return -1;
    }
    t.pieces = mem_calloc((size_t)n_vocab, sizeof *t.pieces);
    for (; t.n_pieces < 256; t.n_pieces++) buf_putc(&t.pieces[t.n_pieces], (char)t.n_pieces);
    spell_words(&t);
    for (size_t i = 0; i < t.n_words; i++) count_pairs(&t, (uint32_t)i, true);
    uint32_t best;
    while (t.n_pieces < n_vocab - 1 && best_pair(&t, &best)) {
        note_merge(&t, best);
        merge(&t, best);
    }
    write_json(&t, out);
    int ids = t.n_pieces + 1;
    training_free(&t);
    return ids;
}
