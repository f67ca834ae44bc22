// Takes private details out of texts, conservatively: what is not clearly one of them stays.
#ifndef DOPPEL_CORPUS_SCRUB_H
#define DOPPEL_CORPUS_SCRUB_H

#include "model/base/base.h"

typedef enum scrub_kind {
    SCRUB_KIND_EMAIL,
    SCRUB_KIND_PHONE,
    SCRUB_KIND_CARD,
    SCRUB_KIND_IP,
    SCRUB_KIND_KEY,
    SCRUB_KIND_WORD,
    SCRUB_KINDS
} scrub_kind;

enum {
    SCRUB_EMAIL = 1 << SCRUB_KIND_EMAIL, // anna@example.com -> [email]
    SCRUB_PHONE = 1 << SCRUB_KIND_PHONE, // +49 30 1234567, (555) 010-9999 -> [phone]
    SCRUB_CARD = 1 << SCRUB_KIND_CARD,   // 13 to 19 digits that pass the Luhn check -> [card]
    SCRUB_IP = 1 << SCRUB_KIND_IP,       // 192.0.2.7, 2001:db8::7 -> [ip]
    SCRUB_KEY = 1 << SCRUB_KIND_KEY,     // private keys, access tokens (secret.h) -> [key]
    SCRUB_ALL = SCRUB_EMAIL | SCRUB_PHONE | SCRUB_CARD | SCRUB_IP | SCRUB_KEY,
};

const char *scrub_name(scrub_kind kind); // "email"
// "email,phone" or "all" to flags. -1 with a message for an unknown name.
int scrub_flags(const char *list, unsigned *flags, error *err);

// Words to hide, one a line of a file ('#' begins a comment line): whole words, letter case ignored -> [name].
typedef struct scrub_words scrub_words;
scrub_words *scrub_words_open(const char *path, error *err);
void scrub_words_free(scrub_words *w); // NULL is fine

// Appends the scrubbed text to out and adds to counts[SCRUB_KINDS]. words may be NULL.
void scrub_text(const char *s, size_t n, unsigned flags, const scrub_words *words, buf *out, int64_t *counts);

#endif
