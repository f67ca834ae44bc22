// Parameter arrays. Weights, gradient and moments lie in one block, so that a parameter is either there or not.
#include "model/learn/param.h"

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
    p->grad = p->w + n;
    p->m = p->w + 2 * n;
    p->v = p->w + 3 * n;
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

void param_set_clear_grads(param_set *set) {
    for (size_t i = 0; i < set->n; i++) memset(set->items[i]->grad, 0, param_count(set->items[i]) * sizeof(float));
}

double param_set_grad_norm(const param_set *set) {
    double total = 0;
    for (size_t i = 0; i < set->n; i++) {
        const param *p = set->items[i];
        for (size_t k = 0, n = param_count(p); k < n; k++) total += (double)p->grad[k] * p->grad[k];
    }
    return sqrt(total);
}
