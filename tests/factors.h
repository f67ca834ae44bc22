// The two factors of a matrix product, a (m, k) and b (k, n), and how far what kernels make of them is from the same in
// double.
#ifndef DOPPEL_TEST_FACTORS_H
#define DOPPEL_TEST_FACTORS_H

#include "model/learn/random.h"

#include <math.h>
#include <stdbool.h>

// Random factors; where `steep`, rows of a differ by up to 2^90 in size, and so do columns of b.
// Row 7 of a and column 9 of b are zeros.
static inline void factors_fill(float *a, int m, float *b, int n, int k, bool steep) {
    uint64_t random = random_seed(3, (uint64_t)k);
    for (int i = 0; i < m; i++)
        for (int x = 0; x < k; x++) a[i * k + x] = ldexpf(random_normal(&random), steep ? 3 * (i % 31) - 45 : 0);
    for (int x = 0; x < k; x++)
        for (int j = 0; j < n; j++) b[x * n + j] = ldexpf(random_normal(&random), steep ? 45 - 2 * (j % 45) : 0);
    for (int x = 0; x < k; x++) a[7 * k + x] = b[x * n + 9] = 0;
}

// How far the first `columns` columns of c (m, ld) are from `before` (m, ld; NULL: zeros) + a b: the worst of all numbers,
// each in units of the lengths of its two factors.
static inline double factors_worst(const float *a, int m, const float *b, int n, int k, int columns,
                                   const float *before, const float *c, int ld) {
    double most = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < columns; j++) {
            double sum = before ? (double)before[i * ld + j] : 0, left = 0, right = 0;
            for (int x = 0; x < k; x++) {
                sum += (double)a[i * k + x] * (double)b[x * n + j];
                left += (double)a[i * k + x] * (double)a[i * k + x];
                right += (double)b[x * n + j] * (double)b[x * n + j];
            }
            double off = fabs((double)c[i * ld + j] - sum), unit = sqrt(left * right);
            if (unit > 0) off /= unit;
            if (!(off <= most)) most = off;
        }
    return most;
}

#endif
