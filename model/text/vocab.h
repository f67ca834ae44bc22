// The table of tokens: id <-> text as the file writes it, the bytes each token stands for, score and kind.
// Filled while a tokenizer is opened, read-only afterwards (any thread).
#ifndef DOPPEL_TEXT_VOCAB_H
#define DOPPEL_TEXT_VOCAB_H

#include "model/base/base.h"

enum { VOCAB_MAX_TOKENS = 1 << 24 };

typedef enum token_kind {
    TOKEN_ABSENT, // a gap between ids, or a row of the embedding that no text reaches
    TOKEN_NORMAL,
    TOKEN_BYTE,    // one byte, written <0x0A>
    TOKEN_USER,    // an added token: cut out of the text before anything else, shown as text
    TOKEN_CONTROL, // likewise, but only where special tokens are wanted; never shown
    TOKEN_UNKNOWN, // stands for what the vocabulary cannot write; never shown
} token_kind;

typedef struct vocab_token {
    uint32_t text, text_len;   // as the file writes it, in vocab.bytes
    uint32_t piece, piece_len; // the bytes it adds to a decoded text, in vocab.bytes
    uint8_t kind;              // token_kind
    double score;
} vocab_token;

typedef struct vocab_slot {
    uint32_t id;  // id + 1; 0 for an empty slot
    uint32_t tag; // of the text's hash
} vocab_slot;

typedef struct vocab {
    uint32_t n; // ids are 0 .. n-1
    size_t cap;
    vocab_token *tokens;
    buf bytes;
    uint64_t seed;     // of the hash, so that no file can be made to collide
    vocab_slot *slots; // open addressing
    size_t n_slots, n_used;
    uint32_t longest; // bytes of the longest text
} vocab;

void vocab_init(vocab *v, size_t expected); // expected: how many tokens will come, for the first allocation
void vocab_free(vocab *v);

// Sets the text of id. Where two ids share a text, vocab_find gives the first one set. 0, or -1 when id is outside
// 0 .. VOCAB_MAX_TOKENS-1 or already has another text, or the texts together pass 2^31 bytes (message without a file name).
int vocab_set(vocab *v, int64_t id, const char *text, size_t len, token_kind kind, double score, error *err);
// Sets what id adds to a decoded text, where that is not its text.
void vocab_set_piece(vocab *v, uint32_t id, const char *piece, size_t len);

int32_t vocab_find(const vocab *v, const char *text, size_t len); // -1 when there is none
const char *vocab_text(const vocab *v, uint32_t id, size_t *len);
const char *vocab_piece(const vocab *v, uint32_t id, size_t *len);
token_kind vocab_kind(const vocab *v, int64_t id); // TOKEN_ABSENT outside the table

uint64_t vocab_hash(uint64_t seed, const char *s, size_t n);

#endif
