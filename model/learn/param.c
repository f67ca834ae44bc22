// Parameter arrays. Weights, gradient and moments lie in one block, so that a parameter is either there or not.
#include "model/learn/param.h"
#include "model/learn/loops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t param_count(const param *p) {
    return (size_t)p->rows * (size_t)p->cols;
}

param *param_add(param_set *set, const char *name, int rows, int cols, bool is_matrix, error *err) {
    param *p = mem_calloc(1, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->rows = rows;
    p->cols = cols;
    p->is_matrix = is_matrix;
    size_t n = param_count(p);
    p->w = mem_alloc_big(4 * n * sizeof(float));
    if (!p->w) {
        error_set(err, "no memory for the training state of %s (%zu MB)", name, 4 * n * sizeof(float) >> 20);
        free(p);
        return NULL;
    }
    mem_large_pages(p->w, 4 * n * sizeof(float));
    p->grad = p->w + n;
    p->m = p->w + 2 * n;
    p->v = p->w + 3 * n;
    p->vectors_before = set->vectors;
    if (!is_matrix) set->vectors += n;
    set->items = mem_reserve(set->items, &set->cap, set->n + 1, sizeof(param *));
    return set->items[set->n++] = p;
}

void param_set_free(param_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        mem_free_big(set->items[i]->w, 4 * param_count(set->items[i]) * sizeof(float));
        free(set->items[i]);
    }
    free(set->items);
    *set = (param_set){0};
}

size_t param_set_count(const param_set *set) {
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) n += param_count(set->items[i]);
    return n;
}

// ---- over all gradients ----

// Stretches of gradients, numbered through all parameters: each is for the member that asks first, and their sums of
// squares are added up in order, so that the norm does not depend on the team.
enum { STRETCH = 1 << 16 };

typedef struct stretches {
    const param_set *set;
    team *team;
    size_t n;
    double *squares; // (n); NULL: gradients are set to zero instead
} stretches;

static size_t stretches_of(const param *p) {
    return (param_count(p) + STRETCH - 1) / STRETCH;
}

static void do_stretches(void *arg, int rank) {
    const stretches *s = arg;
    size_t number = 0, taken = s->team ? (size_t)team_take(s->team) : 0;
    (void)rank;
    for (size_t i = 0; i < s->set->n; i++) {
        const param *p = s->set->items[i];
        for (size_t at = 0, all = param_count(p); at < all; at += STRETCH, number++) {
            size_t n = all - at < STRETCH ? all - at : STRETCH;
            if (number != taken) continue;
            if (s->squares)
                s->squares[number] = loops_get()->squares(p->grad + at, n);
            else
                memset(p->grad + at, 0, n * sizeof *p->grad);
            taken = s->team ? (size_t)team_take(s->team) : taken + 1;
        }
    }
}

static void run_stretches(stretches *s) {
    if (s->team)
        team_run(s->team, do_stretches, s);
    else
        do_stretches(s, 0);
}

void param_set_clear_grads(param_set *set, team *team) {
    run_stretches(&(stretches){.set = set, .team = team});
}

double param_set_grad_norm(const param_set *set, team *team) {
    stretches s = {.set = set, .team = team};
    for (size_t i = 0; i < set->n; i++) s.n += stretches_of(set->items[i]);
    s.squares = mem_calloc(s.n + 1, sizeof *s.squares);
    run_stretches(&s);
    double total = 0;
    for (size_t i = 0; i < s.n; i++) total += s.squares[i];
    free(s.squares);
    return sqrt(total);
}
