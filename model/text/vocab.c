// Texts and pieces lie one after the other in one growing string; the index is open addressing with linear probing.
#include "model/text/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// Eight bytes at a time through multiply and shift; the seed makes collisions unpredictable, not impossible.
uint64_t vocab_hash(uint64_t seed, const char *s, size_t n) {
    uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15u);
    while (n) {
        uint64_t word = 0;
        size_t take = n < 8 ? n : 8;
        memcpy(&word, s, take);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
        s += take;
        n -= take;
    }
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

// The slot that holds text, or the empty one where it belongs.
static size_t find_slot(const vocab *v, const char *text, size_t len) {
    size_t mask = v->n_slots - 1, i = (size_t)vocab_hash(v->seed, text, len) & mask;
    for (; v->slots[i]; i = (i + 1) & mask) {
        const vocab_token *t = &v->tokens[v->slots[i] - 1];
        if (t->text_len == len && memcmp(v->bytes.data + t->text, text, len) == 0) break;
    }
    return i;
}

static void grow_index(vocab *v) {
    uint32_t *old = v->slots;
    size_t n_old = v->n_slots;
    v->n_slots *= 2;
    v->slots = mem_calloc(v->n_slots, sizeof *v->slots);
    for (size_t i = 0; i < n_old; i++) {
        if (!old[i]) continue;
        const vocab_token *t = &v->tokens[old[i] - 1];
        v->slots[find_slot(v, v->bytes.data + t->text, t->text_len)] = old[i];
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

int vocab_set(vocab *v, int64_t id, const char *text, size_t len, token_kind kind, float score, error *err) {
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
    size_t slot = find_slot(v, text, len);
    if (!v->slots[slot]) {
        v->slots[slot] = (uint32_t)id + 1;
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
    return (int32_t)v->slots[find_slot(v, text, len)] - 1;
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
