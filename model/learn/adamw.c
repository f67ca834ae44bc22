// The optimiser. Weights decay first, then move; matrices decay, vectors (norms, biases) do not.
#include "model/learn/adamw.h"
#include "model/learn/loops.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

double adamw_rate(const adamw_options *o, int t) {
    if (t < o->warmup) return o->lr * (t + 1) / o->warmup;
    double span = o->steps > o->warmup ? o->steps - o->warmup : 1, done = (t - o->warmup) / span;
    if (done > 1) done = 1;
    switch (o->schedule) {
    case SCHEDULE_COSINE: return o->lr * 0.5 * (1 + cos(pi * done));
    case SCHEDULE_LINEAR: return o->lr * (1 - done);
    default: return o->lr;
    }
}

typedef struct update {
    const adamw_options *o;
    param_set *set;
    team *team;
    float gain; // of the gradient (clipping)
    float lr, decay, correct_m, correct_v;
} update;

static void update_part(const update *u, param *p, size_t first, size_t last) {
    loops_adamw o = {.gain = u->gain,
                     .beta1 = (float)u->o->beta1,
                     .beta2 = (float)u->o->beta2,
                     .keep = p->is_matrix ? 1 - u->decay : 1,
                     .rate = u->lr / u->correct_m,
                     .inverse = 1 / u->correct_v,
                     .eps = (float)u->o->eps};
    loops_get()->adamw(&o, p->grad + first, last - first, p->w + first, p->m + first, p->v + first);
}

static void update_share(void *arg, int rank) {
    const update *u = arg;
    size_t size = (size_t)team_active(u->team);
    for (size_t i = 0; i < u->set->n; i++) {
        size_t n = param_count(u->set->items[i]);
        update_part(u, u->set->items[i], n * (size_t)rank / size, n * ((size_t)rank + 1) / size);
    }
}

double adamw_step(const adamw_options *o, param_set *set, int t, team *team) {
    double norm = param_set_grad_norm(set, team), lr = adamw_rate(o, t);
    double gain = o->clip > 0 && o->clip / (norm + 1e-6) < 1 ? o->clip / (norm + 1e-6) : 1;
    update u = {.o = o, .set = set, .team = team, .gain = (float)gain, .lr = (float)lr};
    u.decay = (float)(lr * o->weight_decay);
    u.correct_m = (float)(1 - pow(o->beta1, t + 1));
    u.correct_v = (float)(1 - pow(o->beta2, t + 1));
    team_run(team, update_share, &u);
    return norm;
}
