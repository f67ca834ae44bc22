// The places of a net where dropout works, and what members do with their share of an array.
#include "model/learn/dropout.h"
#include "model/learn/pass_impl.h"

#include <string.h>

void member_copy(const member *m, float *to, const float *from, int width) {
    int first, last;
    size_t d = (size_t)width;
    member_share(m, m->p->n, &first, &last);
    memcpy(to + (size_t)first * d, from + (size_t)first * d, (size_t)(last - first) * d * sizeof *to);
}

void member_clear(const member *m, float *to, int width) {
    int first, last;
    member_share(m, m->p->n, &first, &last);
    memset(to + (size_t)first * (size_t)width, 0, (size_t)(last - first) * (size_t)width * sizeof *to);
}

bool site_drops(const learn_pass *p, float rate) {
    return rate > 0 && p->batch->noise != 0;
}

uint64_t site_key(const learn_pass *p, int site, int token) {
    return dropout_key(p->batch->noise, (uint64_t)site,
                       (uint64_t)p->batch->first_row * (uint64_t)p->batch->len + (uint64_t)token);
}

void site_drop_rows(const member *m, int site, float rate, const float *x, int n, float *out, bool add) {
    int first, last;
    member_share(m, m->p->n, &first, &last);
    for (int t = first; t < last; t++) {
        size_t at = (size_t)t * (size_t)n;
        dropout_apply(site_key(m->p, site, t), rate, x + at, n, out + at, add);
    }
    member_wait(m);
}
