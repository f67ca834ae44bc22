#include "model/learn/random.h"

#include <math.h>

uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t random_seed(uint64_t seed, uint64_t stream) {
    uint64_t state = seed ^ stream * 0xd1342543de82ef95u;
    return random_next(&state);
}

size_t random_below(uint64_t *state, size_t n) {
    // What is above the largest multiple of n would make small numbers likelier.
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, z;
    do z = random_next(state);
    while (z >= limit);
    return (size_t)(z % n);
}

double random_unit(uint64_t *state) {
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

// Box and Muller's transform; the second of its two numbers is not kept.
float random_normal(uint64_t *state) {
    static const double two_pi = 6.28318530717958647692;
    double u = 1 - random_unit(state), v = random_unit(state);
    return (float)(sqrt(-2 * log(u)) * cos(two_pi * v));
}
