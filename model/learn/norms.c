#include "model/learn/norms.h"
#include "model/learn/loops.h"

static bool is_rms(const member *m) {
    return m->p->c->norm == NORM_RMS;
}

void norms_row(const learn_norm *w, const float *x, int n, bool rms, float eps, float *y) {
    if (rms)
        kernels_get()->rms_norm(x, w->weight, n, eps, y);
    else
        kernels_get()->layer_norm(x, w->weight, w->bias, n, eps, y);
}

void norms_forward(const member *m, const learn_norm *w, const float *x, float *y) {
    const net_config *c = m->p->c;
    int first, last;
    member_share(m, m->p->n, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)c->n_embd;
        norms_row(w, x + at, c->n_embd, is_rms(m), c->norm_eps, y + at);
    }
}

// dweight += sum over tokens of dy * xhat, dbias += sum of dy; columns are shared out, tokens added in order.
static void params_backward(const member *m, const learn_norm *w, const float *x, const float *dy, int rows, int n) {
    if (!w->p_weight && !w->p_bias) return;
    const float *stats = m->p->stats;
    int first, last;
    member_share(m, n, &first, &last);
    for (int t = 0; t < rows; t++) {
        size_t at = (size_t)t * (size_t)n + (size_t)first;
        if (w->p_weight)
            loops_get()->norm_gain_back(x + at, dy + at, last - first, stats[2 * t], stats[2 * t + 1],
                                        w->p_weight->grad + first);
        if (w->p_bias) loops_get()->add(w->p_bias->grad + first, dy + at, last - first, 1);
    }
}

void norms_backward(const member *m, const learn_norm *w, const float *x, const float *dy, int rows, float *dx) {
    const net_config *c = m->p->c;
    int first, last;
    member_share(m, rows, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)c->n_embd;
        float *s = m->p->stats + 2 * t;
        loops_get()->moments(x + at, c->n_embd, is_rms(m), c->norm_eps, &s[0], &s[1]);
        loops_get()->norm_back(w->weight, x + at, dy + at, c->n_embd, is_rms(m), s[0], s[1], dx + at);
    }
    member_wait(m);
    params_backward(m, w, x, dy, rows, c->n_embd);
}
