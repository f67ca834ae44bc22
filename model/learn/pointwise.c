// Derivatives are written beside the functions they belong to.
#include "model/learn/pointwise.h"
#include "model/learn/loops.h"
#include "model/math/kernels.h"

#include <math.h>
#include <string.h>

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

void pointwise_activate_back(mlp_kind kind, const float *up, const float *dact, int n_ff, float *act, float *dup) {
    if (kind == MLP_GATED_SILU) {
        loops_get()->silu_back(up, up + n_ff, dact, n_ff, act, dup, dup + n_ff);
    } else if (kind == MLP_GELU_TANH) {
        loops_get()->gelu_back(up, dact, n_ff, act, dup);
    } else {
        pointwise_activate(kind, up, n_ff, act);
        gelu_erf_back(up, dact, n_ff, dup);
    }
}
