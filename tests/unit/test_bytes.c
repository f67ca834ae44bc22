// Products in 8-bit integers of factors that come as floats, against the same in double: odd depths, rows and columns of
// very different sizes, the largest sums.
#include "model/math/bytes.h"
#include "tests/factors.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

enum { M = 31, ROOM = M + BYTES_ROWS, N = BYTES_COLUMNS, LD = 50, MOST_K = 601, BLOCKS = MOST_K / BYTES_BLOCK + 1 };

static float a[M * MOST_K], b[MOST_K * N];
static _Alignas(64) uint8_t left[ROOM * BLOCKS * BYTES_BLOCK], panel[BLOCKS * BYTES_PANEL];
static float steps[ROOM * BLOCKS], c[M * LD], again[M * LD], ones[M * LD];

static void convert(const bytes *p, int k) {
    p->rows(a, (size_t)k, M, k, left, steps);
    for (int x = 0; x < k; x += BYTES_BLOCK)
        p->panel(b + x * N, k - x < BYTES_BLOCK ? k - x : BYTES_BLOCK, panel + x / BYTES_BLOCK * BYTES_PANEL);
}

static void test_products(const bytes *p, int k, bool steep) {
    size_t row = bytes_blocks(k) * BYTES_BLOCK;
    factors_fill(a, M, b, N, k, steep);
    convert(p, k);
    for (int add = 0; add < 2; add++)
        for (int n = 5; n <= N; n += 27) {
            for (int i = 0; i < M * LD; i++) c[i] = again[i] = ones[i] = 1;
            p->multiply(M, n, k, left, steps, panel, add, c, LD);
            // Ones are lost beside the largest.
            double off = add && steep ? 0 : factors_worst(a, M, b, N, k, n, add ? ones : NULL, c, LD);
            OK(off < 8e-3, "%s, k %d, %d columns%s: off by %g", p->name, k, n, steep ? ", steep" : "", off);
            bool same = true, kept = true;
            for (int rows = 1; rows <= BYTES_ROWS; rows++) {
                for (int i = 0; i < M * LD; i++) again[i] = 1;
                for (int i = 0; i < M; i += rows)
                    p->multiply(rows < M - i ? rows : M - i, n, k, left + (size_t)i * row,
                                steps + (size_t)i * bytes_blocks(k), panel, add, again + i * LD, LD);
                same = same && memcmp(c, again, sizeof c) == 0;
            }
            for (int i = 0; i < M; i++)
                for (int j = n; j < LD; j++) kept = kept && c[i * LD + j] == 1;
            OK(same, "%s, k %d: a few rows at a time give the same", p->name, k);
            OK(kept, "%s, k %d: nothing behind the columns is touched", p->name, k);
        }
}

// All numbers of a block at their limits: the sum is exact.
static void test_extremes(const bytes *p) {
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int i = 0; i < M * BYTES_BLOCK; i++) a[i] = 127;
        for (int i = 0; i < BYTES_BLOCK * N; i++) b[i] = (float)(sign * 127);
        convert(p, BYTES_BLOCK);
        p->multiply(M, N, BYTES_BLOCK, left, steps, panel, false, c, LD);
        float want = (float)(sign * BYTES_BLOCK * 127 * 127);
        OK(c[0] == want && c[(M - 1) * LD + N - 1] == want, "%s: the largest sum is %g: %g", p->name, want, c[0]);
    }
}

static void test_not_a_number(const bytes *p) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        factors_fill(a, M, b, N, BYTES_BLOCK, false);
        a[3 * BYTES_BLOCK + 11] = bad[i];
        convert(p, BYTES_BLOCK);
        p->multiply(M, N, BYTES_BLOCK, left, steps, panel, false, c, LD);
        bool others = true;
        for (int r = 0; r < M; r++) others = others && (r == 3 || isfinite(c[r * LD]));
        OK(!isfinite(c[3 * LD]) && others, "%s: what is no number stays in its row: %g", p->name, c[3 * LD]);
    }
}

int main(void) {
    const bytes *p = bytes_get();
    if (!p) {
        SKIP("floats are as fast as bytes here");
        return test_end();
    }
    static const int depths[] = {2, 15, 78, 128, 129, 256, 576, MOST_K};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        test_products(p, depths[i], false);
        test_products(p, depths[i], true);
    }
    test_extremes(p);
    test_not_a_number(p);
    return test_end();
}
