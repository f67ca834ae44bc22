// One 64-bit number decides about four neighbours, 16 bits each: rates are multiples of 1/65536.
#include "model/learn/dropout.h"
#include "model/learn/loops.h"

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t dropout_key(uint64_t noise, uint64_t site, uint64_t token) {
    return mix(mix(noise + site * 0x9e3779b97f4a7c15u) + token * 0xd1342543de82ef95u);
}

void dropout_apply(uint64_t key, float rate, const float *x, int n, float *out, bool add) {
    int limit = (int)(rate * 65536);
    loops_get()->dropout(key, limit, 65536.0f / (float)(65536 - limit), x, n, add, out);
}
