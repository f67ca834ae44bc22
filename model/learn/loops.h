// The inner loops of training in float32: one table of functions for each kind of processor, compiled from the same plain
// C (loops_body.h) with vectors of another length. Results differ between tables by rounding at most; within a table they
// depend on nothing but the arguments.
#ifndef DOPPEL_LEARN_LOOPS_H
#define DOPPEL_LEARN_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A left factor (m, k): element (i, j) is at data[i * row + j * step]. A transposed one has row 1.
typedef struct loops_left {
    const float *data;
    size_t row, step;
} loops_left;

typedef struct loops_adamw {
    float gain;         // of the gradient
    float beta1, beta2; // of the moments
    float keep;         // what decay leaves of a weight
    float rate;         // learning rate / the correction of the first moment
    float inverse;      // 1 / the correction of the second
    float eps;
} loops_adamw;

typedef struct loops {
    const char *name; // that of the kernels they go with, "portable" for all others

    // c (m, n) = alpha * a b, added to c where add is set. b is (k, n). Rows of b and c are ldb and ldc apart. For
    // factors that are too narrow or too small to be copied into another layout first. Each row of c is calculated in
    // the same way, whatever m is.
    void (*multiply)(int m, int n, int k, float alpha, loops_left a, const float *b, size_t ldb, bool add, float *c,
                     size_t ldc);
    float (*dot)(const float *a, const float *b, int n);
    float (*largest)(const float *x, int n);                // n > 0
    double (*squares)(const float *x, size_t n);            // sum of x^2
    void (*scale)(float *x, int n, float by);               // x *= by
    void (*add)(float *y, const float *x, int n, float by); // y += by * x
    // y (n) += the sum of the rows of x (rows, n), which are ld apart.
    void (*add_rows)(const float *x, size_t ld, int rows, int n, float *y);

    // Mean (0 for RMS) and 1 / deviation of n numbers.
    void (*moments)(const float *x, int n, bool rms, float eps, float *mean, float *scale);
    // In the forward half this was y = xhat * w + bias, xhat = (x - mean) * scale. dx is added to.
    void (*norm_back)(const float *w, const float *x, const float *dy, int n, bool rms, float mean, float scale,
                      float *dx);
    // dw (n) += the sum over rows of dy * xhat. Rows of x and dy (rows, n) are ld and ldy apart; moments (rows, 2).
    void (*norm_gain_back)(const float *x, size_t ld, const float *dy, size_t ldy, int rows, int n,
                           const float *moments, float *dw);

    // y = (x - mean) * scale * w + bias; bias may be NULL.
    void (*norm)(const float *w, const float *bias, const float *x, int n, float mean, float scale, float *y);

    // For these two, arrays go on up to a whole vector of 16, which is written to.
    // x[from..to) becomes its softmax, the rest of x[0..n) zero; returns the logarithm of the denominator.
    float (*softmax)(float *x, int from, int to, int n);
    // In the forward half this was p = softmax(s) over [from, to) with logarithm lse of the denominator, and dp is the
    // gradient of p; along = sum of p * dp. s becomes p and dp becomes scale * ds; zero outside [from, to), up to n.
    void (*softmax_back)(float *s, float *dp, int from, int to, int n, float lse, float along, float scale);

    // act = g * s(g) * u with s the logistic function. Backwards, act is made again beside the gradients.
    void (*silu)(const float *g, const float *u, int n, float *act);
    void (*silu_back)(const float *g, const float *u, const float *dact, int n, float *act, float *dg, float *du);
    // act = x * s(z), z = 2 sqrt(2/pi) (x + 0.044715 x^3): GELU by its tanh formula. The same.
    void (*gelu)(const float *x, int n, float *act);
    void (*gelu_back)(const float *x, const float *dact, int n, float *act, float *dx);
    // out = by * x where it is kept, 0 where key says that it is left out, limit / 65536 of all; added to out where add
    // is set. out may be x.
    void (*dropout)(uint64_t key, int limit, float by, const float *x, int n, bool add, float *out);
    // The pairs (a[i], b[i]) turn by the angle of which cosine and sine are given.
    void (*turn)(const float *cosine, const float *sine, int n, float *a, float *b);
    // out (cols, rows) = x (rows, cols) transposed; rows of out are ldo apart, and up to a whole vector of 16 of each are
    // written: zeros.
    void (*transpose)(const float *x, size_t ld, int rows, int cols, float *out, size_t ldo);

    void (*adamw)(const loops_adamw *o, const float *grad, size_t n, float *w, float *m, float *v);
} loops;

// Those of the tier that kernels_get chose. Any thread may call.
const loops *loops_get(void);
// Every table that this processor can run, best first (for tests); returns how many.
int loops_all(const loops **out, int max);

extern const loops loops_ref;
#if defined(__x86_64__)
extern const loops loops_avx2, loops_avx512;
#endif

#endif
