// What is trained: named arrays of floats with their gradients and AdamW's two moments.
#ifndef DOPPEL_LEARN_PARAM_H
#define DOPPEL_LEARN_PARAM_H

#include "model/math/team.h"

enum { PARAM_MAX_NAME = 128 };

typedef struct param {
    char name[PARAM_MAX_NAME]; // GGUF's name of the tensor; adapters add .lora_a or .lora_b
    int rows, cols;            // row-major; a vector has rows = 1
    bool is_matrix;            // matrices decay, vectors do not
    float *w, *grad, *m, *v;   // (rows, cols) each, one allocation
    size_t vectors_before;     // the sum of the lengths of the set's vectors in front of this one
} param;

// The parameters of one training, in a fixed order (that of checkpoints and sums).
typedef struct param_set {
    param **items;
    size_t n, cap;
    size_t vectors; // the sum of the lengths of all vectors
} param_set;

// A new parameter of zeros; NULL with a message when there is no memory. The set owns it.
param *param_add(param_set *set, const char *name, int rows, int cols, bool is_matrix, error *err);
void param_set_free(param_set *set);

size_t param_count(const param *p);           // rows * cols
size_t param_set_count(const param_set *set); // of all
// The members of a team share both out; team NULL: the caller does all. Results do not depend on it.
void param_set_clear_grads(param_set *set, team *team);
double param_set_grad_norm(const param_set *set, team *team); // L2 norm over all gradients

#endif
