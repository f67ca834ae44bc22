// The loops themselves. A file that includes this says which table it makes:
//   LOOPS        its name               LOOPS_NAME   that of the tier, in quotes
//   LANES        floats of a vector
//   MULTIPLY_ADD(a, b, c)    a * b + c of vectors
//   SMALLER(a, b), LARGER(a, b), RECIPROCAL(x), SQUARE_ROOT(x), TIMES_POWER(p, n)
//                of vectors, where the tier has better than what loops_vectors.h makes
//   WIDE_ROWS, NARROW_ROWS   rows of a tile of two vectors, of one vector: as many as the registers hold
// Sums are gathered in one vector and its lanes added in a fixed order, which compilers may not decide for themselves.
#include "model/learn/loops.h"
#include "model/learn/loops_vectors.h"

// ---- products ----

// `rows` rows by `vectors` vectors of c, whose sums stay in registers.
INLINE void multiply_tile(int rows, int vectors, int k, float alpha, loops_left a, const float *b, size_t ldb, bool add,
                          float *c, size_t ldc) {
    lanes sum[NARROW_ROWS][2] = {{{0}}};
    // Rows are reached from every fourth one, so that addresses need few registers.
    const float *base[(NARROW_ROWS + 3) / 4];
    for (int i = 0; i < rows; i += 4) base[i / 4] = a.data + (size_t)i * a.row;
    for (int j = 0; j < k; j++, b += ldb) {
        lanes right[2];
        for (int v = 0; v < vectors; v++) right[v] = load(b + v * LANES);
        for (int i = 0; i < rows; i++) {
            lanes x = all(base[i / 4][(size_t)(i % 4) * a.row]);
            for (int v = 0; v < vectors; v++) sum[i][v] = MULTIPLY_ADD(x, right[v], sum[i][v]);
        }
        for (int i = 0; i < rows; i += 4) base[i / 4] += a.step;
    }
    for (int i = 0; i < rows; i++, c += ldc)
        for (int v = 0; v < vectors; v++) {
            lanes y = alpha * sum[i][v];
            store(c + v * LANES, add ? load(c + v * LANES) + y : y);
        }
}

INLINE void multiply_vectors(int m, int vectors, int k, float alpha, loops_left a, const float *b, size_t ldb, bool add,
                             float *c, size_t ldc) {
    int most = vectors == 2 ? WIDE_ROWS : NARROW_ROWS, i = 0;
    for (; i + most <= m; i += most, a.data += (size_t)most * a.row)
        multiply_tile(most, vectors, k, alpha, a, b, ldb, add, c + (size_t)i * ldc, ldc);
    for (; i + 4 <= m; i += 4, a.data += 4 * a.row)
        multiply_tile(4, vectors, k, alpha, a, b, ldb, add, c + (size_t)i * ldc, ldc);
    for (; i < m; i++, a.data += a.row) multiply_tile(1, vectors, k, alpha, a, b, ldb, add, c + (size_t)i * ldc, ldc);
}

// n < LANES columns, the last of a matrix: b is filled up with zeros, a stretch of k at a time.
static void multiply_edge(int m, int n, int k, float alpha, loops_left a, const float *b, size_t ldb, bool add,
                          float *c, size_t ldc) {
    enum { DEPTH = 128 };
    float full[DEPTH * LANES], out[NARROW_ROWS * LANES];
    for (int j = 0; j < k; j += DEPTH, add = true) {
        int depth = k - j < DEPTH ? k - j : DEPTH;
        for (int i = 0; i < depth; i++) store(full + i * LANES, load_some(b + (size_t)(j + i) * ldb, n));
        for (int i = 0; i < m; i += NARROW_ROWS) {
            int rows = m - i < NARROW_ROWS ? m - i : NARROW_ROWS;
            loops_left part = {a.data + (size_t)i * a.row + (size_t)j * a.step, a.row, a.step};
            multiply_vectors(rows, 1, depth, alpha, part, full, LANES, false, out, LANES);
            for (int r = 0; r < rows; r++)
                for (int x = 0; x < n; x++) {
                    float *y = c + (size_t)(i + r) * ldc + x;
                    *y = add ? *y + out[r * LANES + x] : out[r * LANES + x];
                }
        }
    }
}

static void multiply(int m, int n, int k, float alpha, loops_left a, const float *b, size_t ldb, bool add, float *c,
                     size_t ldc) {
    int x = 0;
    for (; x + 2 * LANES <= n; x += 2 * LANES) multiply_vectors(m, 2, k, alpha, a, b + x, ldb, add, c + x, ldc);
    for (; x + LANES <= n; x += LANES) multiply_vectors(m, 1, k, alpha, a, b + x, ldb, add, c + x, ldc);
    if (x < n) multiply_edge(m, n - x, k, alpha, a, b + x, ldb, add, c + x, ldc);
}

// ---- sums ----

static float dot(const float *a, const float *b, int n) {
    lanes sum = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES) sum = MULTIPLY_ADD(load(a + i), load(b + i), sum);
    if (i < n) sum = MULTIPLY_ADD(load_some(a + i, n - i), load_some(b + i, n - i), sum);
    return total(sum);
}

static float largest(const float *x, int n) {
    float top = x[0];
    int i = 0;
    if (n >= LANES) {
        lanes v = load(x);
        for (i = LANES; i + LANES <= n; i += LANES) v = LARGER(v, load(x + i));
        top = top_of(v);
    }
    for (; i < n; i++) top = x[i] > top ? x[i] : top;
    return top;
}

// Sums of a few numbers in float32, those sums in double.
static double squares(const float *x, size_t n) {
    enum { STRETCH = 64 * LANES };
    double sum = 0;
    for (size_t i = 0; i < n; i += STRETCH) {
        int part = n - i < STRETCH ? (int)(n - i) : STRETCH;
        sum += dot(x + i, x + i, part);
    }
    return sum;
}

static void scale(float *x, int n, float by) {
    for (int i = 0; i < n; i++) x[i] *= by;
}

static void add(float *restrict y, const float *restrict x, int n, float by) {
    for (int i = 0; i < n; i++) y[i] += by * x[i];
}

// Two vectors at a time: additions of one wait for each other.
static void add_rows(const float *x, size_t ld, int rows, int n, float *y) {
    int i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        lanes sum[2] = {{0}};
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < 2; v++) sum[v] += load(x + (size_t)r * ld + i + v * LANES);
        for (int v = 0; v < 2; v++) store(y + i + v * LANES, load(y + i + v * LANES) + sum[v]);
    }
    for (; i < n; i += LANES) {
        lanes sum = {0};
        for (int r = 0; r < rows; r++) sum += LOAD(x + (size_t)r * ld);
        STORE(y, LOAD(y) + sum);
    }
}

// ---- norms ----

static void moments(const float *x, int n, bool rms, float eps, float *mean, float *scale_out) {
    lanes sum = {0};
    int i = 0;
    *mean = 0;
    if (!rms) {
        for (; i + LANES <= n; i += LANES) sum += load(x + i);
        if (i < n) sum += load_some(x + i, n - i);
        *mean = total(sum) / (float)n;
    }
    sum = (lanes){0};
    float rest = 0;
    for (i = 0; i + LANES <= n; i += LANES) {
        lanes v = load(x + i) - *mean;
        sum = MULTIPLY_ADD(v, v, sum);
    }
    for (; i < n; i++) rest += (x[i] - *mean) * (x[i] - *mean);
    *scale_out = 1 / sqrtf((total(sum) + rest) / (float)n + eps);
}

// With g = dy * w: dx += scale * (g - mean(g) - xhat * mean(g * xhat)), without mean(g) for RMS.
static void norm_back(const float *w, const float *x, const float *dy, int n, bool rms, float mean, float by,
                      float *dx) {
    lanes sum = {0}, along = {0};
    float sum_rest = 0, along_rest = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes g = load(dy + i) * load(w + i);
        sum += g;
        along += g * (load(x + i) - mean);
    }
    for (; i < n; i++) {
        float g = dy[i] * w[i];
        sum_rest += g;
        along_rest += g * (x[i] - mean);
    }
    float shift = rms ? 0 : (total(sum) + sum_rest) / (float)n;
    float turn = (total(along) + along_rest) * by * by / (float)n;
    for (i = 0; i + LANES <= n; i += LANES) {
        lanes g = load(dy + i) * load(w + i);
        store(dx + i, load(dx + i) + by * (g - shift - (load(x + i) - mean) * turn));
    }
    for (; i < n; i++) dx[i] += by * (dy[i] * w[i] - shift - (x[i] - mean) * turn);
}

static void norm_gain_back(const float *x, size_t ld, const float *dy, size_t ldy, int rows, int n,
                           const float *moments, float *dw) {
    for (int i = 0; i < n; i += LANES) {
        lanes sum = {0};
        for (size_t r = 0; r < (size_t)rows; r++)
            sum += LOAD(dy + r * ldy) * (LOAD(x + r * ld) - moments[2 * r]) * moments[2 * r + 1];
        STORE(dw, LOAD(dw) + sum);
    }
}

// y = (x - mean) * scale * w + bias; bias may be NULL.
static void norm(const float *w, const float *bias, const float *x, int n, float mean, float by, float *y) {
    for (int i = 0; i < n; i += LANES) {
        lanes v = (LOAD(x) - mean) * by * LOAD(w);
        STORE(y, bias ? v + LOAD(bias) : v);
    }
}

// ---- softmax ----

// The lanes from number i on that stand in [from, to).
INLINE whole within(int i, int from, int to) {
    whole number = (whole){NUMBERS} + i;
    return (number >= from) & (number < to);
}

static float softmax(float *x, int from, int to, int n) {
    lanes top = all(-INFINITY), sum = {0};
    for (int i = 0; i < n; i += LANES) top = LARGER(top, choose(within(i, from, to), load(x + i), all(-INFINITY)));
    float most = top_of(top);
    for (int i = 0; i < n; i += LANES) {
        lanes e = (lanes)((whole)exponential(load(x + i) - most) & within(i, from, to));
        sum += e;
        store(x + i, e);
    }
    float denominator = total(sum);
    for (int i = 0; i < n; i += LANES) store(x + i, load(x + i) * (1 / denominator));
    return most + logf(denominator);
}

static void softmax_back(float *s, float *dp, int from, int to, int n, float lse, float along, float by) {
    for (int i = 0; i < n; i += LANES) {
        lanes p = (lanes)((whole)exponential(load(s + i) - lse) & within(i, from, to));
        store(s + i, p);
        store(dp + i, p * (load(dp + i) - along) * by);
    }
}

// ---- pointwise ----

static void silu(const float *g, const float *u, int n, float *act) {
    for (int i = 0; i < n; i += LANES) {
        lanes x = LOAD(g);
        STORE(act, x * logistic(x) * LOAD(u));
    }
}

// dg = dact * u * s * (1 + g * (1 - s)), du = dact * g * s
static void silu_back(const float *g, const float *u, const float *dact, int n, float *act, float *dg, float *du) {
    for (int i = 0; i < n; i += LANES) {
        lanes x = LOAD(g), s = logistic(x), up = LOAD(u), d = LOAD(dact) * s;
        STORE(act, x * s * up);
        STORE(dg, d * up * (1 + x * (1 - s)));
        STORE(du, d * x);
    }
}

static const float gelu_slope = 2 * 0.7978845608f, gelu_bend = 2 * 0.7978845608f * 0.044715f;

static void gelu(const float *x, int n, float *act) {
    for (int i = 0; i < n; i += LANES) {
        lanes v = LOAD(x);
        STORE(act, v * logistic(v * MULTIPLY_ADD(gelu_bend * v, v, all(gelu_slope))));
    }
}

// dx = dact * (s + x * s * (1 - s) * z')
static void gelu_back(const float *x, const float *dact, int n, float *act, float *dx) {
    for (int i = 0; i < n; i += LANES) {
        lanes v = LOAD(x), bend = gelu_bend * v, d = LOAD(dact);
        lanes s = logistic(v * MULTIPLY_ADD(bend, v, all(gelu_slope))), y = v * s;
        STORE(act, y);
        STORE(dx, d * MULTIPLY_ADD(y * (1 - s), MULTIPLY_ADD(3 * bend, v, all(gelu_slope)), s));
    }
}

// Which numbers stay follows from 64 bits for each four of them, 16 bits each (dropout.h); 16-bit words are read from
// such numbers lowest first.
INLINE lanes dropped(uint64_t key, int i, int limit, lanes x) {
    typedef uint64_t bits __attribute__((vector_size(2 * LANES)));
    typedef uint16_t words __attribute__((vector_size(2 * LANES)));
    bits z;
    for (int k = 0; k < LANES / 4; k++) z[k] = key + (uint64_t)(i + 4 * k) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (lanes)((whole)x & (__builtin_convertvector((words)z, whole) >= limit));
}

static void dropout(uint64_t key, int limit, float by, const float *x, int n, bool add, float *out) {
    for (int i = 0; i < n; i += LANES) {
        lanes y = dropped(key, i, limit, by * LOAD(x));
        STORE(out, add ? LOAD(out) + y : y);
    }
}

static void turn(const float *restrict cosine, const float *restrict sine, int n, float *restrict a,
                 float *restrict b) {
    for (int i = 0; i < n; i++) {
        float x = a[i], y = b[i];
        a[i] = x * cosine[i] - y * sine[i];
        b[i] = y * cosine[i] + x * sine[i];
    }
}

static void transpose(const float *x, size_t ld, int rows, int cols, float *out, size_t ldo) {
    for (int r = 0; r < rows; r += LANES)
        for (int i = 0; i < cols; i += LANES) {
            lanes square[LANES];
            int n = cols;
            for (int k = 0; k < LANES; k++) square[k] = r + k < rows ? LOAD(x + (size_t)(r + k) * ld) : all(0);
            turn_square(square);
            for (int k = 0; k < LANES && i + k < cols; k++) store(out + (size_t)(i + k) * ldo + r, square[k]);
        }
}

// ---- the optimiser ----

static void adamw(const loops_adamw *o, const float *grad, size_t n, float *w, float *m, float *v) {
    for (size_t i = 0; i < n; i += LANES) {
        lanes g = LOAD(grad) * o->gain;
        lanes first = o->beta1 * LOAD(m) + (1 - o->beta1) * g;
        lanes second = o->beta2 * LOAD(v) + (1 - o->beta2) * g * g;
        lanes size = SQUARE_ROOT(second * o->inverse) + o->eps;
        STORE(m, first);
        STORE(v, second);
        STORE(w, o->keep * LOAD(w) - o->rate * first * RECIPROCAL(size));
    }
}

const loops LOOPS = {
    .name = LOOPS_NAME,
    .multiply = multiply,
    .dot = dot,
    .largest = largest,
    .squares = squares,
    .scale = scale,
    .add = add,
    .add_rows = add_rows,
    .moments = moments,
    .norm_back = norm_back,
    .norm_gain_back = norm_gain_back,
    .norm = norm,
    .softmax = softmax,
    .softmax_back = softmax_back,
    .silu = silu,
    .silu_back = silu_back,
    .gelu = gelu,
    .gelu_back = gelu_back,
    .dropout = dropout,
    .turn = turn,
    .transpose = transpose,
    .adamw = adamw,
};
