// SHA-256 (FIPS 180-4), for checking what was downloaded.
#ifndef DOPPEL_SHA256_H
#define DOPPEL_SHA256_H

#include "model/base/base.h"

typedef struct sha256 {
    uint32_t state[8];
    uint64_t length; // bytes taken in so far
    unsigned char block[64];
} sha256;

enum { SHA256_HEX = 65 }; // 64 digits and a NUL

void sha256_start(sha256 *s);
void sha256_add(sha256 *s, const void *bytes, size_t n);
void sha256_finish(sha256 *s, char hex[SHA256_HEX]); // lower-case digits; s must be started anew afterwards

bool sha256_is_hex(const char *s); // 64 hexadecimal digits and nothing else

#endif
