// Derivatives are written beside the functions they belong to.
#include "model/learn/pointwise.h"
#include "model/learn/loops.h"
#include "model/math/kernels.h"

#include <math.h>
#include <string.h>

float pointwise_softmax(float *x, int from, int to, int n) {
    const kernels *k = kernels_get();
    memset(x, 0, (size_t)from * sizeof *x);
    memset(x + to, 0, (size_t)(n - to) * sizeof *x);
    float top = loops_get()->largest(x + from, to - from);
    float sum = k->exp_sub(x + from, to - from, top);
    loops_get()->scale(x + from, to - from, 1 / sum);
    return top + logf(sum);
}

void pointwise_softmax_back(float *s, float *dp, int from, int to, int n, float lse, float along, float scale) {
    memset(s, 0, (size_t)from * sizeof *s);
    memset(dp, 0, (size_t)from * sizeof *dp);
    memset(s + to, 0, (size_t)(n - to) * sizeof *s);
    memset(dp + to, 0, (size_t)(n - to) * sizeof *dp);
    kernels_get()->exp_sub(s + from, to - from, lse);
    loops_get()->softmax_back(s + from, dp + from, to - from, along, scale);
}

void pointwise_activate(mlp_kind kind, const float *up, int n_ff, float *act) {
    if (kind == MLP_GATED_SILU) {
        loops_get()->silu(up, up + n_ff, n_ff, act);
    } else if (kind == MLP_GELU_TANH) {
        loops_get()->gelu(up, n_ff, act);
    } else {
        memcpy(act, up, (size_t)n_ff * sizeof *act);
        kernels_get()->gelu_erf(act, n_ff);
    }
}

// act = x * Phi(x): dx = dact * (Phi(x) + x * phi(x))
static void gelu_erf_back(const float *x, const float *dact, int n, float *dx) {
    for (int i = 0; i < n; i++) {
        float cdf = 0.5f * (1 + erff(x[i] * 0.70710678f)), pdf = 0.3989422804f * expf(-0.5f * x[i] * x[i]);
        dx[i] = dact[i] * (cdf + x[i] * pdf);
    }
}

void pointwise_activate_back(mlp_kind kind, const float *up, const float *dact, int n_ff, float *dup) {
    if (kind == MLP_GATED_SILU)
        loops_get()->silu_back(up, up + n_ff, dact, n_ff, dup, dup + n_ff);
    else if (kind == MLP_GELU_TANH)
        loops_get()->gelu_back(up, dact, n_ff, dup);
    else
        gelu_erf_back(up, dact, n_ff, dup);
}
