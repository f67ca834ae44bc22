// Products in 16-bit floats against the same in double: both ways to bring each factor into pairs, odd sizes, rows and
// columns of very different sizes.
#include "model/math/pairs.h"
#include "tests/factors.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

// Numbers of rows and columns with a rest at every width that is converted at once.
enum { M = 131, N = 173, LD = 178, MOST_K = 601, PANELS = (N + PAIRS_COLUMNS - 1) / PAIRS_COLUMNS };

static float a[M * MOST_K], at[MOST_K * M], b[MOST_K * N], bt[N * MOST_K];

static void fill(int k, bool steep) {
    factors_fill(a, M, b, N, k, steep);
    for (int x = 0; x < k; x++) {
        for (int i = 0; i < M; i++) at[x * M + i] = a[i * k + x];
        for (int j = 0; j < N; j++) bt[j * k + x] = b[x * N + j];
    }
}

// The left factor from row i on.
static pairs_left rows_from(pairs_left l, int i) {
    l.data += 2 * (size_t)i * l.row_step;
    l.scale += i;
    return l;
}

static void test_products(const pairs *p, int k, bool steep, double limit) {
    static float c[M * LD], before[M * LD], again[M * LD], scale[M], column_scale[M];
    static uint16_t left[M * (MOST_K + 1)], turned[M * (MOST_K + 1)], panels[PANELS * PAIRS_COLUMNS * (MOST_K + 3)];
    int even = k + k % 2;
    size_t size = pairs_panel_size(k);
    fill(k, steep);
    p->rows(a, (size_t)k, M, k, left, scale);
    p->columns(at, M, k, M, M, turned, column_scale);
    for (int way = 0; way < 4; way++) {
        bool same = true;
        for (int i = 0; i < M * LD; i++) before[i] = c[i] = 1;
        pairs_left l =
            way < 2 ? (pairs_left){left, (size_t)even / 2, 1, scale} : (pairs_left){turned, 1, M, column_scale};
        if (way < 2) p->panels(b, N, k, N, size, panels);
        for (int j = 0; j < N; j += PAIRS_COLUMNS) {
            uint16_t *panel = panels + (size_t)(j / PAIRS_COLUMNS) * size;
            int n = N - j < PAIRS_COLUMNS ? N - j : PAIRS_COLUMNS;
            if (way >= 2) p->panel_transposed(bt + j * k, (size_t)k, k, n, panel);
            p->multiply(M, n, even, l, panel, way % 2, c + j, LD);
            // Any number of rows may be left over after whole tiles.
            for (int rows = 1; rows <= PAIRS_ROWS; rows++) {
                memcpy(again, before, sizeof again);
                for (int i = 0; i < M; i += rows)
                    p->multiply(rows < M - i ? rows : M - i, n, even, rows_from(l, i), panel, way % 2,
                                again + i * LD + j, LD);
                for (int i = 0; i < M; i++)
                    same = same && memcmp(c + i * LD + j, again + i * LD + j, (size_t)n * sizeof *c) == 0;
            }
        }
        if (!steep || way % 2 == 0) {
            double off = factors_worst(a, M, b, N, k, N, way % 2 ? before : NULL, c, LD);
            OK(off < limit, "%s, k %d, way %d%s: off by %g", p->name, k, way, steep ? ", steep" : "", off);
        }
        OK(same, "%s, k %d, way %d: a few rows at a time give the same", p->name, k, way);
        bool kept = true;
        for (int i = 0; i < M; i++)
            for (int j = N; j < LD; j++) kept = kept && c[i * LD + j] == 1;
        OK(kept, "%s, k %d, way %d: nothing behind the columns is touched", p->name, k, way);
    }
}

static void test_not_a_number(const pairs *p) {
    static const float bad[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        float x[2 * 32] = {1, bad[i], 3}, one[32 * 32], c[2], scale[2];
        uint16_t left[2 * 32], panel[PAIRS_COLUMNS * 34];
        for (int k = 0; k < 32 * 32; k++) one[k] = 1;
        for (int k = 32; k < 64; k++) x[k] = 1;
        p->rows(x, 32, 2, 32, left, scale);
        p->panels(one, 32, 32, 1, pairs_panel_size(32), panel);
        p->multiply(2, 1, 32, (pairs_left){left, 16, 1, scale}, panel, false, c, 1);
        OK(!isfinite(c[0]) && c[1] == 32, "%s: what is no number stays in its row: %g, %g", p->name, c[0], c[1]);
    }
}

int main(void) {
    // In units of the factors' lengths; a bf16 is off by up to 2^-8 of itself, an fp16 by 2^-11 and the sum's.
    const struct {
        const pairs *pairs;
        double limit;
    } all[] = {{pairs_fp16(), 2e-3}, {pairs_bf16(), 8e-3}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].pairs) {
            SKIP(i ? "this processor does not multiply bf16" : "this processor does not multiply fp16");
            continue;
        }
        static const int depths[] = {2, 15, 78, 256, 257, MOST_K};
        for (size_t k = 0; k < sizeof depths / sizeof *depths; k++) {
            test_products(all[i].pairs, depths[k], false, all[i].limit);
            test_products(all[i].pairs, depths[k], true, all[i].limit);
        }
        test_not_a_number(all[i].pairs);
    }
    return test_end();
}
