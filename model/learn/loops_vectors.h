// Vectors of floats for the loops, in GNU C: LANES of them, as many as the tier's registers hold. What GNU C has no word
// for, a tier may define (loops_body.h).
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int whole __attribute__((vector_size(4 * LANES)));

// Each lane's number, and where the lanes of two vectors stand when they take turns.
#if LANES == 16
#define NUMBERS    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define LOW_TURNS  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_TURNS 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define NUMBERS    0, 1, 2, 3, 4, 5, 6, 7
#define LOW_TURNS  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_TURNS 4, 12, 5, 13, 6, 14, 7, 15
#else
#define NUMBERS    0, 1, 2, 3
#define LOW_TURNS  0, 4, 1, 5
#define HIGH_TURNS 2, 6, 3, 7
#endif
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLED(a, b, ...) __builtin_shuffle(a, b, (whole){__VA_ARGS__})
#endif

INLINE lanes all(float x) {
    return x - (lanes){0}; // adding to zeros would have to turn -0 into 0
}

INLINE lanes load(const float *p) {
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, lanes v) {
    memcpy(p, &v, sizeof v);
}

// The first n (fewer than LANES) of a vector.
INLINE lanes load_some(const float *p, int n) {
    lanes v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

INLINE void store_some(float *p, lanes v, int n) {
    memcpy(p, &v, (size_t)n * sizeof *p);
}

// Walks over n numbers, whole vectors first: LOAD reads as many as there are left.
#define LOAD(p)     (n - i >= LANES ? load((p) + i) : load_some((p) + i, n - i))
#define STORE(p, v) (n - i >= LANES ? store((p) + i, v) : store_some((p) + i, v, n - i))

INLINE lanes choose(whole mask, lanes yes, lanes no) {
    return (lanes)(((whole)yes & mask) | ((whole)no & ~mask));
}

// Of two lanes; where one is not a number, the second.
#ifndef SMALLER
#define SMALLER(a, b) choose((a) < (b), a, b)
#define LARGER(a, b)  choose((a) > (b), a, b)
#endif
#ifndef RECIPROCAL
#define RECIPROCAL(x) (1 / (x))
#endif
#ifndef SQUARE_ROOT
INLINE lanes square_root(lanes x) {
    for (int i = 0; i < LANES; i++) x[i] = sqrtf(x[i]);
    return x;
}
#define SQUARE_ROOT(x) square_root(x)
#endif
// p * 2^n, n whole numbers from -126 to 127.
#ifndef TIMES_POWER
#define TIMES_POWER(p, n) ((p) * (lanes)((__builtin_convertvector(n, whole) + 127) << 23))
#endif

// The lanes added up, halves first.
INLINE float total(lanes v) {
    float x[LANES];
    memcpy(x, &v, sizeof v);
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

INLINE float top_of(lanes v) {
    float x[LANES];
    memcpy(x, &v, sizeof v);
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) x[i] = x[i] > x[i + half] ? x[i] : x[i + half];
    return x[0];
}

// exp by 2^n * e^r, |r| <= ln(2) / 2, and a polynomial for e^r; relative error about 2e-7. Arguments are taken to lie in
// [-87, 88].
INLINE lanes exponential(lanes x) {
    const lanes round = all(0x1.8p23f); // added and taken away again, it leaves whole numbers
    x = SMALLER(all(88), LARGER(all(-87), x));
    lanes n = MULTIPLY_ADD(x, all(1.44269504f), round) - round;
    lanes r = MULTIPLY_ADD(n, all(-0.693359375f), x);
    r = MULTIPLY_ADD(n, all(2.12194440e-4f), r);
    lanes p = all(1.0f / 720);
    p = MULTIPLY_ADD(p, r, all(1.0f / 120));
    p = MULTIPLY_ADD(p, r, all(1.0f / 24));
    p = MULTIPLY_ADD(p, r, all(1.0f / 6));
    p = MULTIPLY_ADD(p, r, all(0.5f));
    p = MULTIPLY_ADD(p, r, all(1));
    p = MULTIPLY_ADD(p, r, all(1));
    return TIMES_POWER(p, n);
}

INLINE lanes logistic(lanes x) {
    lanes e = exponential(-x) + 1;
    return RECIPROCAL(e);
}

// A square of LANES vectors is turned about its diagonal: after each round vectors that were half of it apart take turns.
INLINE void turn_square(lanes x[LANES]) {
    for (int round = 1; round < LANES; round *= 2) {
        lanes y[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            y[2 * i] = SHUFFLED(x[i], x[i + LANES / 2], LOW_TURNS);
            y[2 * i + 1] = SHUFFLED(x[i], x[i + LANES / 2], HIGH_TURNS);
        }
        memcpy(x, y, sizeof y);
    }
}
