// The inner loops of training, every table that this processor runs, against plain loops in double.
#include "model/learn/loops.h"
#include "model/learn/random.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

enum { MOST = 700 };
static const double sums = 2e-6; // relative to what was added up

static void fill(float *x, size_t n, uint64_t seed) {
    uint64_t random = random_seed(seed, 0);
    for (size_t i = 0; i < n; i++) x[i] = random_normal(&random);
}

// c = alpha a b (+ c) of one shape, a as it is and transposed; rows one by one and in ranges must give the same numbers.
static void test_multiply(const loops *l, int m, int n, int k) {
    enum { LDC = 100 };
    static float a[80 * 200], at[200 * 80], b[200 * LDC], c[80 * LDC], want[80 * LDC], again[80 * LDC];
    fill(a, (size_t)(m * k), 1);
    fill(b, (size_t)k * LDC, 2);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < k; j++) at[j * m + i] = a[i * k + j];
    for (int way = 0; way < 4; way++) {
        fill(c, sizeof c / sizeof *c, 3);
        memcpy(want, c, sizeof c);
        memcpy(again, c, sizeof c);
        bool add = way % 2;
        loops_left left = way < 2 ? (loops_left){a, (size_t)k, 1} : (loops_left){at, 1, (size_t)m};
        double worst = 0;
        l->multiply(m, n, k, 0.5f, left, b, LDC, add, c, LDC);
        for (int i = 0; i < m; i++, left.data += left.row)
            l->multiply(1, n, k, 0.5f, left, b, LDC, add, again + i * LDC, LDC);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0, size = 1;
                for (int x = 0; x < k; x++) {
                    sum += 0.5 * a[i * k + x] * b[x * LDC + j];
                    size += fabs(a[i * k + x] * b[x * LDC + j]);
                }
                double off = fabs(c[i * LDC + j] - sum - (add ? want[i * LDC + j] : 0)) / size;
                if (!(off <= worst)) worst = off;
            }
        OK(worst < sums, "%s: %d x %d x %d, way %d: off by %g", l->name, m, n, k, way, worst);
        OK(memcmp(c, again, sizeof c) == 0, "%s: %d x %d x %d, way %d: rows one by one", l->name, m, n, k, way);
        for (int i = 0; i < m; i++)
            if (memcmp(c + i * LDC + n, want + i * LDC + n, (size_t)(LDC - n) * sizeof *c) != 0)
                OK(false, "%s: %d x %d x %d, way %d: row %d is too long", l->name, m, n, k, way, i);
    }
}

static bool near(double got, double want, double size) {
    return fabs(got - want) <= sums * (fabs(size) + 1);
}

static void test_sums(const loops *l, int n) {
    static float x[MOST], y[MOST], z[MOST];
    fill(x, (size_t)n, 4);
    fill(y, (size_t)n, 5);
    double product = 0, square = 0, size = 0, top = x[0], sum = 0;
    for (int i = 0; i < n; i++) {
        product += (double)x[i] * y[i];
        size += fabs(x[i] * y[i]);
        square += (double)x[i] * x[i];
        top = fmax(top, x[i]);
        sum += x[i];
        z[i] = y[i];
    }
    OK(near(l->dot(x, y, n), product, size), "%s: dot of %d", l->name, n);
    OK(near(l->squares(x, (size_t)n), square, square), "%s: squares of %d", l->name, n);
    OK(l->largest(x, n) == (float)top, "%s: the largest of %d", l->name, n);
    for (int rms = 0; rms < 2; rms++) {
        float mean, scale;
        l->moments(x, n, rms, 1e-5f, &mean, &scale);
        double want_mean = rms ? 0 : sum / n, spread = 0;
        for (int i = 0; i < n; i++) spread += (x[i] - want_mean) * (x[i] - want_mean);
        double want = 1 / sqrt(spread / n + 1e-5);
        OK(near(mean, want_mean, 1) && fabs(scale - want) < 1e-5 * want, "%s: moments of %d", l->name, n);
    }
    l->add(z, x, n, 0.25f);
    l->scale(z, n, 3);
    double off = 0;
    for (int i = 0; i < n; i++) off = fmax(off, fabs(z[i] - 3 * (y[i] + 0.25 * x[i])));
    OK(off < 1e-5, "%s: adding and scaling %d: off by %g", l->name, n, off);
}

static void test_norms(const loops *l, int n, bool rms) {
    static float w[MOST], x[MOST], dy[MOST], dx[MOST], dw[MOST], before[MOST];
    fill(w, (size_t)n, 6);
    fill(x, (size_t)n, 7);
    fill(dy, (size_t)n, 8);
    fill(dx, (size_t)n, 9);
    memcpy(before, dx, sizeof dx);
    memcpy(dw, dx, sizeof dx);
    float mean = rms ? 0 : 0.125f, scale = 1.5f;
    double shift = 0, along = 0, off = 0, off_w = 0;
    for (int i = 0; i < n; i++) {
        double g = (double)dy[i] * w[i];
        if (!rms) shift += g / n;
        along += g * (x[i] - mean) * scale / n;
    }
    l->norm_back(w, x, dy, n, rms, mean, scale, dx);
    l->norm_gain_back(x, 0, dy, 0, 1, n, (float[]){mean, scale}, dw);
    for (int i = 0; i < n; i++) {
        double hat = (x[i] - mean) * scale, want = before[i] + scale * ((double)dy[i] * w[i] - shift - hat * along);
        off = fmax(off, fabs(dx[i] - want));
        off_w = fmax(off_w, fabs(dw[i] - before[i] - dy[i] * hat));
    }
    OK(off < 1e-5 && off_w < 1e-5, "%s: a norm of %d backwards: off by %g, %g", l->name, n, off, off_w);
}

static void test_pointwise(const loops *l, int n) {
    static float x[MOST], u[MOST], d[MOST], a[MOST], b[MOST], p[MOST], again[MOST];
    fill(x, (size_t)n, 10);
    fill(u, (size_t)n, 11);
    fill(d, (size_t)n, 12);
    double off = 0;
    x[0] = n > 3 ? -300 : x[0];
    x[n / 2] = n > 3 ? 300 : x[n / 2];
    l->silu_back(x, u, d, n, again, a, b);
    l->silu(x, u, n, p);
    for (int i = 0; i < n; i++) {
        double s = 1 / (1 + exp(-x[i]));
        double size = 1 + fabs(x[i]);
        off = fmax(off, fabs(p[i] - x[i] * s * u[i]) / size);
        off = fmax(off, fabs(again[i] - p[i]));
        off = fmax(off, fabs(b[i] - d[i] * x[i] * s) / size);
        off = fmax(off, fabs(a[i] - d[i] * u[i] * s * (1 + x[i] * (1 - s))) / size);
    }
    OK(off < 1e-5, "%s: silu: off by %g", l->name, off);
    off = 0;
    const double c = 2 * 0.7978845608, e = c * 0.044715;
    l->gelu_back(x, d, n, again, a);
    l->gelu(x, n, p);
    for (int i = 0; i < n; i++) {
        double s = 1 / (1 + exp(-x[i] * (c + e * x[i] * x[i])));
        off = fmax(off, fabs(p[i] - x[i] * s) / (1 + fabs(x[i])));
        off = fmax(off, fabs(again[i] - p[i]));
        off = fmax(off, fabs(a[i] - d[i] * s * (1 + x[i] * (1 - s) * (c + 3 * e * x[i] * x[i]))));
    }
    OK(off < 1e-5, "%s: gelu: off by %g", l->name, off);
}

// Of the numbers [from, to) of n; behind the last whole vector nothing may change.
static void test_softmax(const loops *l, int from, int to, int n) {
    enum { ROOM = 128 };
    float x[ROOM], p[ROOM], d[ROOM], ds[ROOM];
    fill(x, ROOM, 15);
    fill(d, ROOM, 16);
    memcpy(p, x, sizeof x);
    memcpy(ds, d, sizeof d);
    double sum = 0, off = 0, off_back = 0;
    for (int i = from; i < to; i++) sum += exp(x[i]);
    float lse = l->softmax(p, from, to, n);
    for (int i = 0; i < n; i++) off = fmax(off, fabs(p[i] - (i >= from && i < to ? exp(x[i]) / sum : 0)));
    OK(off < 1e-6 && near(lse, log(sum), 1), "%s: softmax of %d to %d of %d: off by %g", l->name, from, to, n, off);
    memcpy(p, x, sizeof x);
    l->softmax_back(p, ds, from, to, n, lse, 0.25f, 2);
    for (int i = 0; i < n; i++) {
        double want = i >= from && i < to ? exp(x[i]) / sum : 0;
        off_back = fmax(off_back, fmax(fabs(p[i] - want), fabs(ds[i] - 2 * want * (d[i] - 0.25))));
    }
    OK(off_back < 2e-6, "%s: and backwards: off by %g", l->name, off_back);
    int end = (n + 15) / 16 * 16;
    OK(memcmp(p + end, x + end, (size_t)(ROOM - end) * sizeof *x) == 0, "%s: softmax goes no further", l->name);
    x[to - 1] = NAN;
    OK(isnan(l->softmax(x, from, to, n)), "%s: softmax of what is no number is none", l->name);
}

static void test_transpose(const loops *l, int rows, int cols) {
    enum { LD = 70, LDO = 80 };
    static float x[80 * LD], out[LD * LDO];
    fill(x, 80 * LD, 17);
    memset(out, 0, sizeof out);
    l->transpose(x, LD, rows, cols, out, LDO);
    bool good = true;
    for (int i = 0; i < LD; i++)
        for (int k = 0; k < LDO; k++) good &= out[i * LDO + k] == (i < cols && k < rows ? x[k * LD + i] : 0);
    OK(good, "%s: %d x %d transposed", l->name, rows, cols);
}

// One number of 64 bits decides about four neighbours, 16 bits about each.
static void test_dropout(const loops *l, int n) {
    static float x[MOST], out[MOST];
    fill(x, (size_t)n, 18);
    fill(out, (size_t)n, 19);
    bool good = true;
    for (int add = 0; add < 2; add++) {
        float before[MOST];
        memcpy(before, out, sizeof before);
        l->dropout(77, 20000, 1.5f, x, n, add, out);
        for (int i = 0; i < n; i++) {
            uint64_t z = 77 + (uint64_t)(i / 4 * 4) * 0x9e3779b97f4a7c15u;
            z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
            z = (z ^ z >> 27) * 0x94d049bb133111ebu;
            z ^= z >> 31;
            float y = (z >> 16 * (i % 4) & 0xffff) < 20000 ? 0 : 1.5f * x[i];
            good &= out[i] == (add ? before[i] + y : y);
        }
    }
    OK(good, "%s: dropout of %d", l->name, n);
}

static void test_turn(const loops *l, int n) {
    static float a[MOST], b[MOST], c[MOST], s[MOST];
    double off = 0;
    for (int i = 0; i < n; i++) {
        a[i] = 3;
        b[i] = 4;
        c[i] = cosf((float)i);
        s[i] = sinf((float)i);
    }
    l->turn(c, s, n, a, b);
    for (int i = 0; i < n; i++)
        off = fmax(off, fmax(fabs(a[i] - 3 * cos(i) + 4 * sin(i)), fabs(b[i] - 4 * cos(i) - 3 * sin(i))));
    OK(off < 1e-4, "%s: %d pairs turn: off by %g", l->name, n, off);
}

static void test_adamw(const loops *l, int n) {
    static float g[MOST], w[MOST], m[MOST], v[MOST], was[MOST];
    fill(g, (size_t)n, 13);
    fill(w, (size_t)n, 14);
    memcpy(was, w, sizeof w);
    for (int i = 0; i < n; i++) {
        m[i] = 0.1f;
        v[i] = 0.2f;
    }
    const loops_adamw o = {0.5f, 0.9f, 0.99f, 0.98f, 0.01f, 1.25f, 1e-8f};
    l->adamw(&o, g, (size_t)n, w, m, v);
    double off = 0;
    for (int i = 0; i < n; i++) {
        double grad = 0.5 * g[i], first = 0.09 + 0.1 * grad, second = 0.198 + 0.01 * grad * grad;
        off = fmax(off, fmax(fabs(m[i] - first), fabs(v[i] - second)));
        off = fmax(off, fabs(w[i] - (0.98 * was[i] - 0.01 * first / (sqrt(second * 1.25) + 1e-8))));
    }
    OK(off < 1e-6, "%s: an update of %d: off by %g", l->name, n, off);
}

int main(void) {
    const loops *all[4];
    int n = loops_all(all, 4);
    static const int shapes[][3] = {{1, 1, 1},   {3, 16, 16},  {12, 32, 7},   {33, 40, 150},
                                    {16, 96, 3}, {80, 8, 129}, {25, 67, 200}, {31, 20, 64}};
    static const int sizes[] = {1, 5, 16, 31, 64, 577, MOST};
    for (int i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            test_multiply(all[i], shapes[k][0], shapes[k][1], shapes[k][2]);
        for (int n = 1; n < 97; n += 5)
            for (int from = 0; from < n; from += 7) test_softmax(all[i], from, n - (n - from) / 3, n);
        for (int n = 1; n < 70; n += 3) test_transpose(all[i], n, 70 - n);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            test_sums(all[i], sizes[k]);
            test_norms(all[i], sizes[k], false);
            test_norms(all[i], sizes[k], true);
            test_pointwise(all[i], sizes[k]);
            test_turn(all[i], sizes[k]);
            test_dropout(all[i], sizes[k]);
            test_adamw(all[i], sizes[k]);
        }
    }
    return test_end();
}
