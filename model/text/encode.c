// Text to ids. Added tokens are cut out first; what lies between goes through the splitter, and every word that comes
// out of it through the model. All working memory belongs to the call, so that threads can share a tokenizer.
//
// Text that is not UTF-8 reaches the model byte by byte where the vocabulary has bytes: the splitter sees only the valid
// runs, and what lies between them is a word of its own. Other vocabularies get U+FFFD.
#include "model/text/tokenizer_impl.h"

#include <stdlib.h>
#include <string.h>

// Words repeat: their ids are remembered for the length of a call. A table of one entry a slot is enough, since what
// repeats often comes back soon after it was pushed out.
enum { CACHE_SLOTS = 1 << 13, CACHE_WORD = 48, CACHE_MIN_TEXT = 2048, CACHE_MAX_BYTES = 8 << 20 };

typedef struct cached_word {
    uint64_t hash; // 0 for an empty slot
    uint32_t text, ids;
    uint16_t n_text, n_ids;
} cached_word;

typedef struct encoder {
    const tokenizer *t;
    unsigned flags;
    id_list *out;
    id_list word; // ids of the word in work
    bpe_scratch scratch;
    cached_word *cache; // NULL: the text is too short to gain by it
    buf cache_text;
    id_list cache_ids;
    error *err;
} encoder;

static cached_word *cache_slot(encoder *e, const char *word, size_t len, bool *hit) {
    *hit = false;
    if (!e->cache || len > CACHE_WORD) return NULL;
    uint64_t hash = vocab_hash(e->t->vocab.seed, word, len) | 1;
    cached_word *c = &e->cache[hash >> 8 & (CACHE_SLOTS - 1)];
    *hit = c->hash == hash && c->n_text == len && memcmp(e->cache_text.data + c->text, word, len) == 0;
    if (!*hit) c->hash = hash; // the caller fills the rest
    return c;
}

static void cache_fill(encoder *e, cached_word *c, const char *word, size_t len, const int32_t *ids, size_t n) {
    if (e->cache_text.len + e->cache_ids.len * sizeof *ids > CACHE_MAX_BYTES) {
        c->hash = 0;
        return;
    }
    c->text = (uint32_t)e->cache_text.len;
    c->ids = (uint32_t)e->cache_ids.len;
    c->n_text = (uint16_t)len;
    c->n_ids = (uint16_t)n;
    buf_append(&e->cache_text, word, len);
    id_list_append(&e->cache_ids, ids, n);
}

void tokenizer_put_unknown(const tokenizer *t, const char *s, size_t len, bool *was_unknown, id_list *out) {
    if (t->byte_fallback) {
        for (size_t i = 0; i < len; i++) id_list_push(out, t->byte_ids[(unsigned char)s[i]]);
        return;
    }
    if (t->unk >= 0 && !(*was_unknown && t->fuse_unk)) id_list_push(out, t->unk);
    *was_unknown = true;
}

static void word_ids(encoder *e, const char *word, size_t len) {
    const tokenizer *t = e->t;
    int32_t id;
    switch (t->model) {
    case MODEL_BPE:
    case MODEL_SPM: bpe_word(t, word, len, &e->scratch, &e->word); break;
    case MODEL_UNIGRAM: unigram_word(t, word, len, &e->word); break;
    case MODEL_WORDPIECE: wordpiece_word(t, word, len, &e->word); break;
    case MODEL_WORDS:
        id = vocab_find(&t->vocab, word, len);
        if (id < 0) id = t->unk;
        if (id >= 0) id_list_push(&e->word, id);
    }
}

// A split_sink.
static int encode_word(void *arg, const char *word, size_t len) {
    encoder *e = arg;
    bool hit;
    cached_word *c = cache_slot(e, word, len, &hit);
    if (hit) {
        id_list_append(e->out, e->cache_ids.data + c->ids, c->n_ids);
        return 0;
    }
    e->word.len = 0;
    word_ids(e, word, len);
    id_list_append(e->out, e->word.data, e->word.len);
    if (c) cache_fill(e, c, word, len, e->word.data, e->word.len);
    return 0;
}

// Bytes of valid UTF-8 at the start of s.
static size_t valid_run(const char *s, size_t n) {
    size_t i = 0;
    uint32_t c;
    while (i < n) {
        int len = utf8_decode(s + i, n - i, &c);
        if (len <= 0) break;
        i += (size_t)len;
    }
    return i;
}

static size_t invalid_run(const char *s, size_t n) {
    size_t i = 0;
    uint32_t c;
    while (i < n && utf8_decode(s + i, n - i, &c) <= 0) i++;
    return i;
}

static int encode_words(encoder *e, const char *text, size_t len, bool first) {
    return splitter_run(e->t->splitter, text, len, first, encode_word, e, e->err);
}

// Valid UTF-8 between added tokens: normalised, cut at the added tokens that are looked for after that, split.
static int encode_valid(encoder *e, const char *text, size_t len, bool first, bool begins) {
    const tokenizer *t = e->t;
    buf normal = {0};
    if (t->normalizer) {
        if (normalizer_run(t->normalizer, text, len, begins, &normal, e->err) != 0) {
            buf_free(&normal);
            return -1;
        }
        text = buf_str(&normal);
        len = normal.len;
    }
    size_t at = 0;
    int rc = 0;
    added_match m = {0};
    while (rc == 0 && added_next(&t->added_normalized, text, len, e->flags & TOKENIZER_SPECIAL, &m)) {
        if (m.start > at) rc = encode_words(e, text + at, m.start - at, first && at == 0);
        id_list_push(e->out, m.id);
        at = m.end;
    }
    if (rc == 0) rc = encode_words(e, text + at, len - at, first && at == 0);
    buf_free(&normal);
    return rc;
}

// Text between added tokens. first: it begins the text that was given.
static int encode_plain(encoder *e, const char *text, size_t len, bool first) {
    bool begins = true;
    while (len) {
        size_t n = valid_run(text, len);
        if (n && encode_valid(e, text, n, first, begins) != 0) return -1;
        text += n;
        len -= n;
        n = invalid_run(text, len);
        if (n) encode_word(e, text, n);
        text += n;
        len -= n;
        first = begins = false;
    }
    return 0;
}

static int encode_text(encoder *e, const char *text, size_t len) {
    size_t at = 0;
    added_match m = {0};
    while (added_next(&e->t->added, text, len, e->flags & TOKENIZER_SPECIAL, &m)) {
        if (m.start > at && encode_plain(e, text + at, m.start - at, at == 0) != 0) return -1;
        id_list_push(e->out, m.id);
        at = m.end;
    }
    return encode_plain(e, text + at, len - at, at == 0);
}

int tokenizer_encode(const tokenizer *t, const char *text, size_t len, unsigned flags, id_list *out, error *err) {
    if (len > INT32_MAX / 4)
        return error_set(err, "a text of %zu bytes is too long to be tokenized at once (512 MB)", len);
    encoder e = {.t = t, .flags = flags, .out = out, .err = err};
    buf repaired = {0};
    if (!t->byte_level && !t->byte_fallback && !utf8_valid(text, len)) {
        utf8_repair(&repaired, text, len);
        text = repaired.data;
        len = repaired.len;
    }
    if (len >= CACHE_MIN_TEXT) e.cache = mem_calloc(CACHE_SLOTS, sizeof *e.cache);
    if (flags & TOKENIZER_BOS) id_list_append(out, t->front.data, t->front.len);
    int rc = encode_text(&e, text, len);
    if (rc == 0 && flags & TOKENIZER_BOS) id_list_append(out, t->back.data, t->back.len);
    buf_free(&repaired);
    free(e.cache);
    buf_free(&e.cache_text);
    id_list_free(&e.cache_ids);
    id_list_free(&e.word);
    bpe_scratch_free(&e.scratch);
    return rc;
}
