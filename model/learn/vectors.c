// Gradients of biases and norms. Those of each row of tokens are added up by themselves and at last in the order of the
// rows, so that sums depend neither on how rows are put into passes nor on who works on which row.
#include "model/learn/loops.h"
#include "model/learn/pass_impl.h"

#include <string.h>

void vectors_begin(const member *m) {
    learn_pass *p = m->p;
    size_t n = p->g->params.vectors;
    int first, last;
    member_share(m, p->batch->rows, &first, &last);
    if (n > 0) memset(p->vectors + (size_t)first * n, 0, (size_t)(last - first) * n * sizeof *p->vectors);
}

void vectors_finish(const member *m) {
    learn_pass *p = m->p;
    const param_set *set = &p->g->params;
    for (size_t i = 0; i < set->n; i++) {
        const param *v = set->items[i];
        int first, last;
        if (v->is_matrix) continue;
        member_share(m, v->cols, &first, &last);
        for (int r = 0; r < p->batch->rows; r++)
            loops_get()->add(v->grad + first, vectors_row(p, v, r) + first, last - first, 1);
    }
}
