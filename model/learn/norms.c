#include "model/learn/norms.h"
#include "model/learn/loops.h"

void norms_row(const learn_norm *w, const float *x, int n, bool rms, float eps, float *y) {
    if (rms)
        kernels_get()->rms_norm(x, w->weight, n, eps, y);
    else
        kernels_get()->layer_norm(x, w->weight, w->bias, n, eps, y);
}

void norms_one(const learn_pass *p, const learn_norm *w, const float *x, float *y, float *stats) {
    const net_config *c = p->c;
    loops_get()->moments(x, c->n_embd, c->norm == NORM_RMS, c->norm_eps, &stats[0], &stats[1]);
    loops_get()->norm(w->weight, w->bias, x, c->n_embd, stats[0], stats[1], y);
}

void norms_forward(const member *m, const learn_norm *w, const float *x, float *y, float *stats) {
    size_t d = (size_t)m->p->c->n_embd;
    int first, last;
    member_share(m, m->p->n, &first, &last);
    for (size_t t = (size_t)first; t < (size_t)last; t++) norms_one(m->p, w, x + t * d, y + t * d, stats + 2 * t);
}

void norms_again(const member *m, const learn_norm *w, const float *x, float *y, const float *stats) {
    size_t d = (size_t)m->p->c->n_embd;
    int first, last;
    member_share(m, m->p->n, &first, &last);
    for (size_t t = (size_t)first; t < (size_t)last; t++)
        loops_get()->norm(w->weight, w->bias, x + t * d, (int)d, stats[2 * t], stats[2 * t + 1], y + t * d);
}

void norms_backward(const member *m, const learn_norm *w, const float *x, const float *stats, const float *dy, int n,
                    float *dx) {
    const net_config *c = m->p->c;
    int first, last;
    member_share(m, n, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)c->n_embd;
        loops_get()->norm_back(w->weight, x + at, dy + at, c->n_embd, c->norm == NORM_RMS, stats[2 * t],
                               stats[2 * t + 1], dx + at);
    }
    member_wait(m);
}

// dweight += sum over tokens of dy * xhat, dbias += sum of dy; columns are shared out.
void norms_gradient(const member *m, const learn_norm *w, const float *x, const float *stats, const float *dy, int row,
                    int first, int n) {
    size_t d = (size_t)m->p->c->n_embd, at = (size_t)first * d;
    int from, to;
    member_share(m, (int)d, &from, &to);
    at += (size_t)from;
    if (w->p_weight)
        loops_get()->norm_gain_back(x + at, d, dy + at, d, n, to - from, stats + 2 * first,
                                    vectors_row(m->p, w->p_weight, row) + from);
    if (w->p_bias) loops_get()->add_rows(dy + at, d, n, to - from, vectors_row(m->p, w->p_bias, row) + from);
}
