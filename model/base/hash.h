// A 64-bit checksum of bytes: tells files that differ apart, and damage. No protection against a forger. Machines of
// another byte order calculate another one.
#ifndef DOPPEL_HASH_H
#define DOPPEL_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct hash {
    uint64_t lane[4];
    uint64_t length;
    unsigned char block[32];
} hash;

hash hash_start(void);
// How bytes are cut into calls makes no difference.
void hash_add(hash *h, const void *bytes, size_t n);
uint64_t hash_finish(const hash *h); // of all bytes so far; h may go on

#endif
