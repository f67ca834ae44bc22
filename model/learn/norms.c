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

void norms_backward(const member *m, const learn_norm *w, const float *x, const float *dy, int n, float *dx) {
    const net_config *c = m->p->c;
    int first, last;
    member_share(m, n, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)c->n_embd;
        float *s = m->p->stats + 2 * t;
        loops_get()->moments(x + at, c->n_embd, is_rms(m), c->norm_eps, &s[0], &s[1]);
        loops_get()->norm_back(w->weight, x + at, dy + at, c->n_embd, is_rms(m), s[0], s[1], dx + at);
    }
    member_wait(m);
}

// dweight += sum over tokens of dy * xhat, dbias += sum of dy; columns are shared out.
void norms_gradient(const member *m, const learn_norm *w, const float *x, const float *dy, int row, int first, int n) {
    size_t d = (size_t)m->p->c->n_embd, at = (size_t)first * d;
    int from, to;
    member_share(m, (int)d, &from, &to);
    at += (size_t)from;
    if (w->p_weight)
        loops_get()->norm_gain_back(x + at, d, dy + at, d, n, to - from, m->p->stats + 2 * first,
                                    vectors_row(m->p, w->p_weight, row) + from);
    if (w->p_bias) loops_get()->add_rows(dy + at, d, n, to - from, vectors_row(m->p, w->p_bias, row) + from);
}
