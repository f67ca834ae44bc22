// Four lanes take a word in turn, so that the processor can work on all of them at once; multiplication by odd constants
// and rotation spread every bit.
#include "model/base/hash.h"

#include <string.h>

static const uint64_t odd[2] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};

hash hash_start(void) {
    return (hash){.lane = {1, 2, 3, 4}};
}

static uint64_t stir(uint64_t lane, uint64_t word) {
    lane = (lane ^ word) * odd[0];
    return (lane << 29 | lane >> 35) * odd[1];
}

static void take_block(hash *h, const unsigned char *block) {
    for (int i = 0; i < 4; i++) {
        uint64_t word;
        memcpy(&word, block + 8 * i, sizeof word);
        h->lane[i] = stir(h->lane[i], word);
    }
}

void hash_add(hash *h, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    size_t held = h->length % sizeof h->block;
    h->length += n;
    if (held > 0) {
        size_t some = sizeof h->block - held < n ? sizeof h->block - held : n;
        memcpy(h->block + held, p, some);
        if (held + some < sizeof h->block) return;
        take_block(h, h->block);
        p += some;
        n -= some;
    }
    for (; n >= sizeof h->block; n -= sizeof h->block, p += sizeof h->block) take_block(h, p);
    if (n > 0) memcpy(h->block, p, n);
}

uint64_t hash_finish(const hash *h) {
    hash last = *h;
    size_t held = h->length % sizeof last.block;
    memset(last.block + held, 0, sizeof last.block - held);
    take_block(&last, last.block);
    uint64_t sum = h->length;
    for (int i = 0; i < 4; i++) sum = stir(sum, last.lane[i]);
    return sum ^ sum >> 32;
}
