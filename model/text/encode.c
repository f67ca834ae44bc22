// Text to ids. Added tokens are cut out first; what lies between goes through the splitter, and every word that comes
// out of it through the model. All working memory belongs to the call, so that threads can share a tokenizer.
//
// Text that is not UTF-8 reaches the model byte by byte where the vocabulary has bytes: the splitter sees only the valid
// runs, and what lies between them is a word of its own. Other vocabularies get U+FFFD.
#include "model/text/byte_map.h"
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

// The word as one token, looked up by its byte characters; -1 when it is none.
static int32_t whole_token(const tokenizer *t, const char *word, size_t len) {
    if (len > t->vocab.longest) return -1;
    if (!t->byte_level) return vocab_find(&t->vocab, word, len);
    buf mapped = {0};
    byte_map_write(&mapped, word, len);
    int32_t id = vocab_find(&t->vocab, buf_str(&mapped), mapped.len);
    buf_free(&mapped);
    return id;
}

static void bpe_word(encoder *e, const char *word, size_t len) {
    const tokenizer *t = e->t;
    int32_t whole = t->ignore_merges ? whole_token(t, word, len) : -1;
    if (whole >= 0) {
        id_list_push(&e->word, whole);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        int32_t id = t->byte_ids[(unsigned char)word[i]];
        if (id < 0) id = t->unk;
        if (id >= 0) id_list_push(&e->word, id);
    }
    e->word.len = bpe_apply(&t->bpe, e->word.data, e->word.len, &e->scratch);
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
    bpe_word(e, word, len);
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

// Text between added tokens. first: it begins the text that was given.
static int encode_plain(encoder *e, const char *text, size_t len, bool first) {
    while (len) {
        size_t n = valid_run(text, len);
        if (n && splitter_run(e->t->splitter, text, n, first, encode_word, e, e->err) != 0) return -1;
        text += n;
        len -= n;
        n = invalid_run(text, len);
        if (n) encode_word(e, text, n);
        text += n;
        len -= n;
        first = false;
    }
    return 0;
}

static int encode_text(encoder *e, const char *text, size_t len) {
    bool want_special = e->flags & TOKENIZER_SPECIAL;
    size_t at = 0;
    added_match m;
    while (added_next(&e->t->added, text, len, at, want_special, &m)) {
        if (encode_plain(e, text + at, m.start - at, at == 0) != 0) return -1;
        id_list_push(e->out, m.id);
        at = m.end;
    }
    return encode_plain(e, text + at, len - at, at == 0);
}

int tokenizer_encode(const tokenizer *t, const char *text, size_t len, unsigned flags, id_list *out, error *err) {
    if (len > INT32_MAX) return error_set(err, "a text of %zu bytes is too long to be tokenized at once (2 GB)", len);
    encoder e = {.t = t, .flags = flags, .out = out, .err = err};
    if (len >= CACHE_MIN_TEXT) e.cache = mem_calloc(CACHE_SLOTS, sizeof *e.cache);
    if (flags & TOKENIZER_BOS) id_list_append(out, t->front.data, t->front.len);
    int rc = encode_text(&e, text, len);
    if (rc == 0 && flags & TOKENIZER_BOS) id_list_append(out, t->back.data, t->back.len);
    free(e.cache);
    buf_free(&e.cache_text);
    id_list_free(&e.cache_ids);
    id_list_free(&e.word);
    bpe_scratch_free(&e.scratch);
    return rc;
}
