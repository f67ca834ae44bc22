// Texts and pieces lie one after the other in one growing string; the index is open addressing with linear probing.
#include "model/text/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t load(const char *s, size_t n) {
    uint64_t word = 0;
    memcpy(&word, s, n);
    return word;
}

// What is left of a text, 1 to 7 bytes: loads of fixed size, which may overlap.
static uint64_t load_rest(const char *s, size_t n) {
    if (n >= 4) return load(s, 4) | load(s + n - 4, 4) << 32;
    return load(s, 1) | load(s + n / 2, 1) << 8 | load(s + n - 1, 1) << 16;
}

static uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

// Eight bytes at a time through multiply and shift; the seed makes collisions unpredictable, not impossible.
uint64_t vocab_hash(uint64_t seed, const char *s, size_t n) {
    uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15u);
    for (; n >= 8; s += 8, n -= 8) h = mix(h, load(s, 8));
    if (n) h = mix(h, load_rest(s, n));
    h *= 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

void vocab_init(vocab *v, size_t expected) {
    *v = (vocab){0};
    if (expected > VOCAB_MAX_TOKENS) expected = VOCAB_MAX_TOKENS;
    v->seed = (uint64_t)(uintptr_t)v * 0x9e3779b97f4a7c15u ^ (uint64_t)time(NULL) ^ (uint64_t)clock() << 32;
    v->n_slots = 64;
    while (v->n_slots < expected * 2) v->n_slots *= 2;
    v->slots = mem_calloc(v->n_slots, sizeof *v->slots);
    v->cap = expected;
    v->tokens = mem_calloc(expected, sizeof *v->tokens);
}

void vocab_free(vocab *v) {
    free(v->tokens);
    free(v->slots);
    buf_free(&v->bytes);
    *v = (vocab){0};
}

// The slot that holds text, or the empty one where it belongs. The other half of the hash is compared first: a slot of
// another text is passed without a look at that text.
static size_t find_slot(const vocab *v, uint64_t hash, const char *text, size_t len) {
    size_t mask = v->n_slots - 1, i = (size_t)hash & mask;
    for (; v->slots[i].id; i = (i + 1) & mask) {
        if (v->slots[i].tag != (uint32_t)(hash >> 32)) continue;
        const vocab_token *t = &v->tokens[v->slots[i].id - 1];
        if (t->text_len == len && memcmp(v->bytes.data + t->text, text, len) == 0) break;
    }
    return i;
}

static void grow_index(vocab *v) {
    vocab_slot *old = v->slots;
    size_t n_old = v->n_slots;
    v->n_slots *= 2;
    v->slots = mem_calloc(v->n_slots, sizeof *v->slots);
    for (size_t i = 0; i < n_old; i++) {
        if (!old[i].id) continue;
        const vocab_token *t = &v->tokens[old[i].id - 1];
        const char *text = v->bytes.data + t->text;
        v->slots[find_slot(v, vocab_hash(v->seed, text, t->text_len), text, t->text_len)] = old[i];
    }
    free(old);
}

// Ids may leave gaps: what lies between is zero, which is TOKEN_ABSENT.
static void grow_tokens(vocab *v, uint32_t id) {
    if (id < v->n) return;
    if (id >= v->cap) {
        size_t cap = v->cap ? v->cap : 64;
        while (cap <= id) cap *= 2;
        vocab_token *tokens = mem_calloc(cap, sizeof *tokens);
        if (v->n) memcpy(tokens, v->tokens, v->n * sizeof *tokens);
        free(v->tokens);
        v->tokens = tokens;
        v->cap = cap;
    }
    v->n = id + 1;
}

int vocab_set(vocab *v, int64_t id, const char *text, size_t len, token_kind kind, double score, error *err) {
    if (id < 0 || id >= VOCAB_MAX_TOKENS)
        return error_set(err, "token id %lld is outside 0..%d", (long long)id, VOCAB_MAX_TOKENS - 1);
    if (len > INT32_MAX - v->bytes.len) return error_set(err, "the texts of the tokens pass 2 GB");
    grow_tokens(v, (uint32_t)id);
    vocab_token *t = &v->tokens[id];
    if (t->kind != TOKEN_ABSENT) {
        if (t->text_len != len || memcmp(v->bytes.data + t->text, text, len) != 0)
            return error_set(err, "token id %lld is given to two texts", (long long)id);
        t->kind = (uint8_t)kind;
        return 0;
    }
    *t =
        (vocab_token){.text = (uint32_t)v->bytes.len, .text_len = (uint32_t)len, .score = score, .kind = (uint8_t)kind};
    t->piece = t->text;
    t->piece_len = t->text_len;
    buf_append(&v->bytes, text, len);
    if (len > v->longest) v->longest = (uint32_t)len;
    if (v->n_used * 2 >= v->n_slots) grow_index(v);
    uint64_t hash = vocab_hash(v->seed, text, len);
    size_t slot = find_slot(v, hash, text, len);
    if (!v->slots[slot].id) {
        v->slots[slot] = (vocab_slot){(uint32_t)id + 1, (uint32_t)(hash >> 32)};
        v->n_used++;
    }
    return 0;
}

void vocab_set_piece(vocab *v, uint32_t id, const char *piece, size_t len) {
    v->tokens[id].piece = (uint32_t)v->bytes.len;
    v->tokens[id].piece_len = (uint32_t)len;
    buf_append(&v->bytes, piece, len);
}

int32_t vocab_find(const vocab *v, const char *text, size_t len) {
    if (len > v->longest || v->n == 0) return -1;
    return (int32_t)v->slots[find_slot(v, vocab_hash(v->seed, text, len), text, len)].id - 1;
}

const char *vocab_text(const vocab *v, uint32_t id, size_t *len) {
    *len = v->tokens[id].text_len;
    return buf_str(&v->bytes) + v->tokens[id].text;
}

const char *vocab_piece(const vocab *v, uint32_t id, size_t *len) {
    *len = v->tokens[id].piece_len;
    return buf_str(&v->bytes) + v->tokens[id].piece;
}

token_kind vocab_kind(const vocab *v, int64_t id) {
    return id < 0 || id >= v->n ? TOKEN_ABSENT : (token_kind)v->tokens[id].kind;
}
